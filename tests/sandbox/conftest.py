"""Students that run one cell, and what it printed or raised."""

import pytest

PATIENCE_S = 30.0


@pytest.fixture
def student(zygote):
    with zygote.fork() as process:
        yield process


@pytest.fixture
def full(zygote):
    if zygote.layers[0] != "full":
        pytest.skip("this system forbids namespaces: " + ", ".join(zygote.layers))
    return zygote


@pytest.fixture
def run(student):
    def run_cell(source, timeout_s=PATIENCE_S):
        message = {"op": "run_cell", "source": source, "name": "cell", "index": 1}
        return student.request(message, timeout_s=timeout_s)[0]

    return run_cell


@pytest.fixture
def print_cell(run):
    """Run a cell and return what it printed; its error if it failed."""

    def print_from(source):
        reply = run(source)
        if reply["error"]:
            return reply["error"]["ename"]
        return "".join(output.get("text", "") for output in reply["outputs"]).strip()

    return print_from
