"""The student tree as zips: one for each lesson, and one of all."""

from __future__ import annotations

import zipfile
from pathlib import Path

from grader.publish.tree import PAGES
from grader.release.badge import NAME, name_wheel
from grader.release.contents import read_lesson

# The oldest time that a zip can hold: the same tree gives the same bytes.
TIME = (1980, 1, 1, 0, 0, 0)
LESSON_PAGE = "one-lesson.md"


def pack_handout(root: Path, tree: Path, target: Path) -> list[Path]:
    """Write the zips of a student tree that is made already; name them."""
    target.mkdir(parents=True, exist_ok=True)
    for old in target.glob("*.zip"):
        old.unlink()
    lessons = sorted((tree / "notebooks").iterdir())
    made = [_pack_lesson(root, tree, lesson, target) for lesson in lessons]
    files = {f"{NAME}/{name}": data for name, data in _read_tree(tree)}
    return [*made, _write_zip(target / f"{NAME}.zip", files)]


def _pack_lesson(root: Path, tree: Path, lesson: Path, target: Path) -> Path:
    """A lesson, the wheel that it needs, and a page that says how to begin."""
    wheel = name_wheel(root)
    files = dict(_read_tree(lesson))
    (notebook,) = (name for name in files if name.endswith(".ipynb"))
    page = (root / PAGES / LESSON_PAGE).read_text(encoding="utf-8")
    title = read_lesson(root / "solutions" / lesson.name / notebook).title
    words = {"{title}": title, "{notebook}": notebook, "{wheel}": wheel}
    for word, said in words.items():
        page = page.replace(word, said)
    files |= {"README.md": page.encode(), wheel: (tree / wheel).read_bytes()}
    files["environment.yml"] = (tree / "environment.yml").read_bytes()
    packed = {f"{lesson.name}/{name}": data for name, data in files.items()}
    return _write_zip(target / f"{lesson.name}.zip", packed)


def _read_tree(folder: Path) -> list[tuple[str, bytes]]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    names = {path.relative_to(folder): path for path in paths}
    kept = {name: path for name, path in names.items() if ".git" not in name.parts}
    return sorted((name.as_posix(), path.read_bytes()) for name, path in kept.items())


def _write_zip(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            archive.writestr(zipfile.ZipInfo(name, TIME), files[name])
    return path
