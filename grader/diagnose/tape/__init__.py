"""Records a reference function's computation, in the words of its source."""

from grader.diagnose.tape.local import Local, Traits
from grader.diagnose.tape.passes import Edge, Pass
from grader.diagnose.tape.record import record_tape
from grader.diagnose.tape.steps import Step, Tape, Value

__all__ = [
    "Edge",
    "Local",
    "Pass",
    "Step",
    "Tape",
    "Traits",
    "Value",
    "record_tape",
]
