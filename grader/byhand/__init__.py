"""Reads from source what differentiates by machine in place of a derivation by hand.

What is found is evidence in the student's own words, a line of their code; a determined
cheat can hide it (docs/sandbox.md).
"""

from grader.byhand.source import read_function, read_text

__all__ = ["read_function", "read_text"]
