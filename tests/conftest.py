"""What all rooms share: one warm zygote and one headless Chromium for the whole run."""

import os
import shutil

import pytest

from grader.sandbox.launcher import Zygote
from grader.sandbox.limits import Limits

SMALL = Limits(
    memory_mb=256, scratch_mb=8, file_mb=16, processes=24, output_bytes=1 << 16
)
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def zygote():
    with Zygote.start(SMALL) as warm:
        yield warm


def find_chromium():
    """Give the browser's path; without one skip with a reason, in CI fail."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        message = f"no Chromium here: install one of {', '.join(BROWSERS)}"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return found


@pytest.fixture(scope="session")
def browser():
    path = find_chromium()
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=flags)
        yield started
        started.close()


def pytest_collection_modifyitems(items):
    """Browser tests come last: Playwright leaves an event loop running behind them.

    In CI a test that waits for other processes has a second try, for a busy machine can
    be late; the run's last line counts what needed it.
    """
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)
    for item in items if os.environ.get("CI") else ():
        if any(map(item.get_closest_marker, ("process", "notebook", "browser"))):
            item.add_marker(pytest.mark.flaky(reruns=1))
