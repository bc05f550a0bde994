"""Reads a course folder through its own nbgrader configuration: what, where, who.

Holds nbgrader's application object, since its converters and plugins are made with
it; marks and files of submissions are written by `record` alone.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatch
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grader.errors import GraderError

if TYPE_CHECKING:
    from nbgrader.api import Gradebook
    from nbgrader.apps.baseapp import NbGrader

STATE_FOLDER = ".grader"  # the secret, what was graded, copies of the gradebook
SECRET_BYTES = 32
DEFAULT_CELL_S = 30.0  # nbgrader's own default for Execute.timeout
_ANY = "any-name-5f3a"  # stands for what is looked for in a path of nbgrader's pattern


class CourseError(GraderError):
    """Put the course folder or its nbgrader_config.py right."""


@dataclass(frozen=True)
class Course:
    """A course folder; `directories` is nbgrader's own CourseDirectory."""

    root: Path
    app: NbGrader

    @property
    def directories(self) -> Any:
        """Nbgrader's own answers about folders, patterns and the database."""
        return self.app.coursedir

    @cached_property
    def secret(self) -> bytes:
        """The key from which draws come; made once, for the owner's eyes only."""
        path = self.make_state_folder() / "secret"
        with contextlib.suppress(FileExistsError):
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
            mode = 0o660 if self.directories.groupshared else 0o600
            with os.fdopen(os.open(path, flags, mode), "w") as file:
                file.write(secrets.token_hex(SECRET_BYTES))
        content = path.read_text().strip()
        if len(content) < SECRET_BYTES:
            raise CourseError(f"{path} is damaged: delete it and grade with --force.")
        return hashlib.sha256(content.encode()).digest()

    def make_state_folder(self) -> Path:
        """Make the folder of our own files: the owner's, or the group's where shared.

        Where instructors share a course, all that this process makes is the group's.
        """
        folder = self.root / STATE_FOLDER
        if self.directories.groupshared:
            os.umask(0o007)
        folder.mkdir(0o770 if self.directories.groupshared else 0o700, exist_ok=True)
        return folder

    @property
    def cell_s(self) -> float:
        """Seconds that one cell may take, where nbgrader is told the same."""
        for section in ("Execute", "ExecutePreprocessor", "NotebookClient"):
            timeout = self.app.config.get(section, {}).get("timeout")
            if isinstance(timeout, int | float) and timeout > 0:
                return float(timeout)
        return DEFAULT_CELL_S

    def path(self, step: str, student: str, assignment: str) -> Path:
        """Give the folder of a step, such as source, submitted or autograded."""
        folder = getattr(self.directories, f"{step}_directory")
        return Path(self.directories.format_path(folder, student, assignment))

    def find_journal(self, assignment: str) -> Path:
        """Give the path of the file that keeps what runs found."""
        digest = hashlib.sha256(assignment.encode()).hexdigest()[:8]
        safe = "".join(c if c.isalnum() else "-" for c in assignment)[:60]
        return self.root / STATE_FOLDER / "graded" / f"{safe}-{digest}.jsonl"

    def list_assignments(self) -> list[str]:
        """Name the assignments that have a folder among the masters."""
        found = _find_folders(self.path("source", ".", _ANY))
        return sorted(name for name in found if any(found[name].glob("*.ipynb")))

    def list_submissions(self, assignment: str, student: str = "*") -> dict[str, Path]:
        """Give the submitted folders by student; `student` is a pattern.

        A folder that is a link is listed too: reading it says that it is refused.
        """
        found = _find_folders(self.path("submitted", _ANY, assignment))
        excluded = self.directories.student_id_exclude.split(",")
        return {
            name: path
            for name, path in found.items()
            if fnmatch(name, student) and name not in excluded
        }

    @contextlib.contextmanager
    def open_gradebook(self) -> Iterator[Gradebook]:
        """Open nbgrader's gradebook, made if it is not there.

        Raises:
            CourseError: the database is locked, too old, or not to be opened.
        """
        from nbgrader.api import Gradebook  # noqa: PLC0415  slow; see import_nbgrader

        url, course_id = self.directories.db_url, self.directories.course_id
        with tell_database(url), find_alembic(), Gradebook(url, course_id) as gradebook:
            yield gradebook

    def make_penalty(self) -> Callable[[str, float, float], float | None]:
        """Give the course's rule for late hand-ins: student, score, seconds late."""
        from nbgrader.preprocessors import AssignLatePenalties  # noqa: PLC0415

        holder = AssignLatePenalties(parent=self.app)
        holder.init_plugin()
        rule: Callable[[str, float, float], float | None]
        rule = holder.plugin_inst.late_submission_penalty
        return rule

    def read_mode(self, step: str) -> int:
        """Give the permissions that nbgrader sets for the files of a step."""
        return int(str(self._converters[step].permissions), 8)

    @property
    def may_add_students(self) -> bool:
        """Whether a student who is not in the gradebook is added to it."""
        return bool(self._converters["autograded"].create_student)

    def share(self, step: str, assignment: str, student: str) -> None:
        """Let the group of instructors write, where the course says so."""
        if self.directories.groupshared:
            self._converters[step].set_permissions(assignment, student)

    @cached_property
    def _converters(self) -> dict[str, Any]:
        from nbgrader.converters import Autograde, GenerateFeedback  # noqa: PLC0415

        made = {"coursedir": self.directories, "parent": self.app}
        return {
            "autograded": Autograde(**made),
            "feedback": GenerateFeedback(**made),
        }

    def refuse_unknown(self, assignment: str) -> CourseError:
        """Make the error that names the assignments there are."""
        known = self.list_assignments()
        close = get_close_matches(assignment, known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"there are: {known}"
        return CourseError(f"There is no assignment {assignment!r} here; {hint}")


def open_course(root: str | Path = ".") -> Course:
    """Load the configuration of the course folder `root` as nbgrader does.

    Raises:
        CourseError: there is no such folder, or its configuration is broken.
    """
    folder = Path(root).resolve()
    if not folder.is_dir():
        raise CourseError(f"There is no folder {str(folder)!r}.")
    import_nbgrader()
    from nbgrader.apps.baseapp import NbGrader  # noqa: PLC0415

    app = NbGrader(log_level="ERROR")
    app.raise_config_file_errors = True  # otherwise a warning, and the defaults
    try:
        with contextlib.chdir(folder):
            app.initialize([], root=str(folder))
    except Exception as error:  # the configuration is a program
        message = f"nbgrader_config.py is broken: {type(error).__name__}: {error}"
        raise CourseError(message) from error
    return Course(Path(app.coursedir.root), app)


def import_nbgrader() -> None:
    """Import nbgrader without the grammar of internationalized addresses.

    `import nbgrader` imports jsonschema, whose optional format check for addresses
    compiles a grammar for 1.7 s (rfc3987_syntax 1.1). A module that is None in
    sys.modules counts as not installed, which jsonschema allows for.
    """
    hidden = "rfc3987_syntax"
    absent = hidden not in sys.modules
    if absent:
        sys.modules[hidden] = None  # type: ignore[assignment]
    try:
        import nbgrader.apps.baseapp  # noqa: PLC0415
    finally:
        if absent:
            sys.modules.pop(hidden, None)
    del nbgrader


@contextlib.contextmanager
def tell_database(url: str) -> Iterator[None]:
    """Make every failure of a database one sentence.

    Raises:
        CourseError: the database is locked, too old, or not to be reached.
    """
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415  slow to import

    try:
        yield
    except SQLAlchemyError as error:
        raise CourseError(explain_database(url, error)) from error
    except ModuleNotFoundError as error:
        message = (
            f"A gradebook of this kind needs {error.name}, which is not installed:"
            " for PostgreSQL, pip install 'gradients-by-hand[postgres]'."
        )
        raise CourseError(message) from error


def explain_database(url: str, error: Exception) -> str:
    """Say in one sentence what is wrong with a database, and what to do."""
    from sqlalchemy.engine import make_url  # noqa: PLC0415  slow to import

    text = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
    with contextlib.suppress(ValueError):  # what is no URL at all is shown as it is
        url = make_url(url).render_as_string(hide_password=True)
    if "locked" in text:
        return f"The gradebook {url} is locked by another program: try again later."
    if "no such column" in text or "no such table" in text:
        return f"The gradebook {url} is of another nbgrader: run `nbgrader db upgrade`."
    return f"The gradebook {url} cannot be used: {text}"


@contextlib.contextmanager
def find_alembic() -> Iterator[None]:
    """Let nbgrader find the command `alembic`, which it runs for a new gradebook."""
    before = os.environ.get("PATH", "")
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{before}"
    try:
        yield
    finally:
        os.environ["PATH"] = before


def _find_folders(pattern: Path) -> dict[str, Path]:
    """Give the folders that fit a path with `_ANY` in one of its parts, by name."""
    depth = next(i for i, part in enumerate(pattern.parts) if _ANY in part)
    parent = Path(*pattern.parts[:depth])
    form = re.escape(pattern.parts[depth]).replace(re.escape(_ANY), "(.+)")
    found: dict[str, Path] = {}
    for entry in sorted(os.listdir(parent)) if parent.is_dir() else ():
        match = re.fullmatch(form, entry)
        folder = parent.joinpath(entry, *pattern.parts[depth + 1 :])
        if match and folder.is_dir() and not entry.startswith("."):
            found[match.group(1)] = folder
    return found
