"""Compares what a student computed with autograd, and reports it."""

from grader.answers.planted import plant
from grader.check.draws import pick_device, sizes
from grader.check.functions import function
from grader.check.gradients import gradient, jacobian, links, value, vjp
from grader.check.recall import answers, hunt, kinds, when_solved
from grader.check.report import Report
from grader.check.training import effects, error, path

__all__ = [
    "Report",
    "answers",
    "effects",
    "error",
    "function",
    "gradient",
    "hunt",
    "jacobian",
    "kinds",
    "links",
    "path",
    "pick_device",
    "plant",
    "sizes",
    "value",
    "vjp",
    "when_solved",
]
