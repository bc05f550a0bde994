"""`python -m grader.release`: generate, lint, tidy or badges; what `make` calls."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from grader.errors import GraderError
from grader.guides.update import update_guides
from grader.release.badge import Repository, read_repository, write_repository
from grader.release.contents import update_pages
from grader.release.generate import generate, list_assignments, load_config
from grader.release.lint import lint
from grader.release.normal import tidy_file


def run_generate(root: Path, options: argparse.Namespace) -> str:
    """Make the student copies of all lessons, or of those that were named."""
    names = options.assignment or list_assignments(root)
    made = generate(root, names, load_config(root))
    update_pages(root, read_repository(root))
    update_guides(root)
    changed = [one.assignment for one in made if one.changed]
    news = f"wrote {', '.join(changed)}" if changed else "nothing changed"
    kept = "".join(
        f"\nsomebody worked in a copy: it is now {one.kept}" for one in made if one.kept
    )
    return f"made {len(made)} student copies in notebooks/: {news}{kept}"


def run_lint(root: Path, options: argparse.Namespace) -> str:
    """Hold the masters to their rules.

    Raises:
        GraderError: rules are broken; the message has a line for each.
    """
    masters = _find_masters(root)
    broken = [str(breach) for path in masters for breach in lint(path)]
    if broken:
        raise GraderError("\n".join([*broken, f"{len(broken)} rules broken"]))
    return f"checked {len(masters)} masters: all rules kept"


def run_tidy(root: Path, options: argparse.Namespace) -> str:
    """Lay the masters in normal form."""
    masters = _find_masters(root)
    return f"tidied {sum(map(tidy_file, masters))} of {len(masters)} masters"


def run_badges(root: Path, options: argparse.Namespace) -> str:
    """Point the badges at another repository, in all places."""
    now = read_repository(root)
    new = Repository(options.repo or now.name, options.branch or now.branch)
    write_repository(root, new)
    run_generate(root, options)
    return f"badges lead to {new.name}, branch {new.branch}"


COMMANDS = {
    "generate": run_generate,
    "lint": run_lint,
    "tidy": run_tidy,
    "badges": run_badges,
}


def _find_masters(root: Path) -> list[Path]:
    masters = root.glob("solutions/*/*.ipynb")
    return sorted(path.relative_to(root) for path in masters)


def main() -> int:
    """Run one command in the current folder; errors of ours are told, exit 1."""
    parser = argparse.ArgumentParser(prog="python -m grader.release")
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("assignment", nargs="*", help="all when none is named")
    parser.add_argument("--repo", help="owner/name of the published copies")
    parser.add_argument("--branch", help="branch or tag of it")
    options = parser.parse_args()
    try:
        print(COMMANDS[options.command](Path.cwd(), options))
    except GraderError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
