"""The command's table: every entry leads to a function, and wrong calls are told."""

import importlib

import pytest

from grader.cli import COMMANDS, main


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_leads_to_a_function(command):
    module, _, name = COMMANDS[command][1].partition(":")
    assert callable(getattr(importlib.import_module(module), name))


@pytest.mark.parametrize(
    "arguments", [[], ["nothing"], ["autograde"], ["autograde", "a", "--workers", "0"]]
)
def test_wrong_calls_are_told(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "usage: grader" in capsys.readouterr().err
