"""Drawings that teach, made at run time from a student's own tensors."""

from grader.plots.curves import curves, grad_norms, losses
from grader.plots.decisions import decision_line, decision_surface
from grader.plots.landscapes import descent, descent_paths
from grader.plots.slopes import function_and_slope, secant, step_errors
from grader.show.backward import backward_steps, backward_steps_of
from grader.show.chain import links
from grader.show.forecasts import prediction, predictions, surprises
from grader.show.grads import filling
from grader.show.graphs import graph, graph_nodes, graph_of
from grader.show.jacobians import jacobian
from grader.show.mutants import mutant_grid

__all__ = [
    "backward_steps",
    "backward_steps_of",
    "curves",
    "decision_line",
    "decision_surface",
    "descent",
    "descent_paths",
    "filling",
    "function_and_slope",
    "grad_norms",
    "graph",
    "graph_nodes",
    "graph_of",
    "jacobian",
    "links",
    "losses",
    "mutant_grid",
    "prediction",
    "predictions",
    "secant",
    "step_errors",
    "surprises",
]
