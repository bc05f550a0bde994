"""Where the student copies are published, and the badges that lead there."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from grader.errors import GraderError

COLAB = "https://colab.research.google.com"
BINDER = "https://mybinder.org"
COLAB_IMAGE = f"{COLAB}/assets/colab-badge.svg"
BINDER_IMAGE = f"{BINDER}/badge_logo.svg"
NAME = "gradients-by-hand"
SETTING = "[tool.gradients-by-hand]"


class BadRepository(GraderError):
    """Name the repository as owner/name, and its branch without spaces."""


@dataclass(frozen=True)
class Repository:
    """A public repository that holds the student copies."""

    name: str  # owner/name
    branch: str

    def __post_init__(self) -> None:
        """Raises BadRepository for what cannot be part of an address."""
        if not re.fullmatch(r"[\w.-]+/[\w.-]+", self.name):
            raise BadRepository(f"{self.name!r} is no repository: write owner/name")
        if not re.fullmatch(r"[\w./-]+", self.branch):
            raise BadRepository(f"{self.branch!r} is no branch")

    def link_colab(self, path: str) -> str:
        """Give the address that opens a notebook in Colab."""
        return f"{COLAB}/github/{self.name}/blob/{self.branch}/{quote(path)}"

    def link_file(self, path: str) -> str:
        """Give the address of a file's bytes: what pip fetches."""
        return f"https://github.com/{self.name}/raw/{self.branch}/{quote(path)}"

    def link_binder(self, path: str) -> str:
        """Give the address that opens a notebook in JupyterLab on Binder."""
        tree = quote(f"lab/tree/{path}", safe="")
        branch = quote(self.branch, safe="")  # a slash in it is part of the name there
        return f"{BINDER}/v2/gh/{self.name}/{branch}?urlpath={tree}"


def read_repository(root: Path) -> Repository:
    """Read the one setting, in `pyproject.toml` of the course.

    Raises:
        BadRepository: the setting is missing or cannot be part of an address.
    """
    text = (root / "pyproject.toml").read_text(encoding="utf-8")
    setting = tomllib.loads(text).get("tool", {}).get(NAME, {})
    try:
        return Repository(setting["repository"], setting["branch"])
    except KeyError as missing:
        message = f"pyproject.toml has no {missing} under {SETTING}"
        raise BadRepository(message) from missing


def name_wheel(root: Path) -> str:
    """Name the package's wheel, at the top of the published tree, as PEP 427 does."""
    text = (root / "pyproject.toml").read_text(encoding="utf-8")
    version = tomllib.loads(text)["project"]["version"]
    return f"{NAME.replace('-', '_')}-{version}-py3-none-any.whl"


def write_repository(root: Path, repository: Repository) -> None:
    """Put another repository into `pyproject.toml`; nothing else of it changes."""
    path = root / "pyproject.toml"
    head, found, tail = path.read_text(encoding="utf-8").partition(SETTING)
    if not found:
        raise BadRepository(f"pyproject.toml has no section {SETTING}")
    for key, value in (("repository", repository.name), ("branch", repository.branch)):
        tail = re.sub(
            rf'^{key} = ".*?"', f'{key} = "{value}"', tail, count=1, flags=re.M
        )
    path.write_text(head + found + tail, encoding="utf-8")


def write_badges(repository: Repository, path: str) -> str:
    """Write Colab's badge as Colab itself does, so that it adds no second; Binder's."""
    colab, binder = repository.link_colab(path), repository.link_binder(path)
    return (
        f'<a href="{colab}" target="_parent">'
        f'<img src="{COLAB_IMAGE}" alt="Open In Colab"/></a>\n'
        f'<a href="{binder}"><img src="{BINDER_IMAGE}" alt="Open on Binder"/></a>'
    )


def write_markdown_badges(repository: Repository, path: str) -> str:
    """Write the same two for a README."""
    colab, binder = repository.link_colab(path), repository.link_binder(path)
    return (
        f"[![Open In Colab]({COLAB_IMAGE})]({colab}) "
        f"[![Open on Binder]({BINDER_IMAGE})]({binder})"
    )
