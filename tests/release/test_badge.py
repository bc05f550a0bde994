import pytest

from grader.release.badge import (
    BadRepository,
    Repository,
    name_wheel,
    read_repository,
    write_badges,
    write_repository,
)


def test_colab_link_leads_to_the_copy():
    link = Repository("o/r", "main").link_colab("notebooks/a/b c.ipynb")
    assert link == (
        "https://colab.research.google.com/github/o/r/blob/main/notebooks/a/b%20c.ipynb"
    )


def test_binder_link_opens_lab_on_the_copy():
    link = Repository("o/r", "v1").link_binder("notebooks/a.ipynb")
    assert (
        link
        == "https://mybinder.org/v2/gh/o/r/v1?urlpath=lab%2Ftree%2Fnotebooks%2Fa.ipynb"
    )


def test_slash_in_a_branch_stays_part_of_its_name_on_binder():
    assert "/o/r/a%2Fb?" in Repository("o/r", "a/b").link_binder("x.ipynb")


@pytest.mark.parametrize("name", ["", "owner", "a/b/c", "a b/c", '"><script>/x'])
def test_bad_repository_is_refused(name):
    with pytest.raises(BadRepository, match="owner/name"):
        Repository(name, "main")


def test_first_badge_is_the_one_that_colab_writes():
    badge, binder = write_badges(Repository("o/r", "main"), "n.ipynb").splitlines()
    assert badge.startswith('<a href="https://colab.research.google.com/github/o/r/')
    assert badge.endswith('alt="Open In Colab"/></a>')
    assert binder.startswith('<a href="https://mybinder.org/v2/gh/o/r/main?')


def test_file_link_leads_to_the_bytes():
    link = Repository("o/r", "v1").link_file("a.whl")
    assert link == "https://github.com/o/r/raw/v1/a.whl"


def test_wheel_is_named_after_the_version(course):
    assert name_wheel(course) == "gradients_by_hand-0.1.0-py3-none-any.whl"


def test_rewriting_the_setting_changes_two_lines_only(course):
    before = (course / "pyproject.toml").read_text().splitlines()
    write_repository(course, Repository("you/fork", "v2"))
    after = (course / "pyproject.toml").read_text().splitlines()
    changed = [new for old, new in zip(before, after, strict=True) if old != new]
    assert changed == ['repository = "you/fork"', 'branch = "v2"']
    assert read_repository(course) == Repository("you/fork", "v2")


def test_missing_setting_is_told(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    with pytest.raises(BadRepository, match="gradients-by-hand"):
        read_repository(tmp_path)
