"""The sentences that verdicts and notes for staff are made of."""

from __future__ import annotations

from collections.abc import Mapping

WORDS: Mapping[str, str] = {
    "hidden": "A hidden test did not pass.",
    "unsolved": "Not solved yet.",
    "raised": "Your code raised {error}",
    "wrong": "{error}",
    "timed-out": "It did not end in its time.",
    "died": "The process of your notebook ended: {error}",
    "unreadable": "What your code gave back cannot be read: {error}",
    "staff": "The grader could not judge this; staff have been told.",
    "manual": "A person gives the points.",
    "inside": "This test ran inside your notebook's own process.",
    "fewer": "{points:g} of {most:g} points.",
}
NOTES: Mapping[str, str] = {
    "number": "{cell}: the last line gave {got}; points from 0 to {most} were due",
    "students": "{cell}: the last line is a value that the student's code made",
    "staff": "{cell}: not examined, no mark: {why}",
    "unfit": "{cell}: {why}",
    "wire": "{cell}: the student's process sent what cannot be read: {why}",
    "shared": (
        "{cell}: no mark: the student's code and the test share the name {name!r}; put "
        "it into a locked cell, or tag the test `inside`"
    ),
    "byhand": "{cell}: was to be derived by hand: {why}",
    "hidden": "{cell}: a hidden test ended as {status}, which the student is not told",
    "inside": "{cell}: ran inside the student's process, as its tag allows",
}
