"""Says what is wrong with a link, in the words of the reference."""

from __future__ import annotations

from grader.diagnose.diagnosis import Diagnosis
from grader.diagnose.links.link import Link
from grader.diagnose.scene import Scene
from grader.diagnose.tape import Step, Value
from grader.diagnose.tape.steps import WHOLE

LONGEST_NAME = 24
# Slopes of these do not depend on where they are taken, or only on the other operand.
STEADY = ("add", "sub", "rsub", "neg", "broadcast", "clone")
PRODUCTS = ("mul", "multiply")
SCALING = ("mul", "div", "truediv", "true_divide", "multiply", "divide")


def describe_slope(
    link: Link, rule: str, other: Value | None = None
) -> list[Diagnosis]:
    """Say which derivative was replaced, and by what."""
    if rule in ("1", "±1"):
        return describe_skipped(link)
    if rule == "a number lost":
        return _describe_power(link)
    if rule == "one less":
        return [_describe_one_less(link)]
    text = rule.format(
        f=shorten_name(link.result, "its value"),
        z=shorten_name(link.source, "its argument"),
        o="" if other is None else shorten_name(other, "its other operand"),
    )
    return [
        Diagnosis(
            "wrong-rule",
            link.words,
            f"The derivative of {link.phrase} by {link.source.phrase} is taken for "
            f"{text}.",
            f"Write down the rule for {link.phrase} alone, then put your values in.",
        )
    ]


def describe_moved(link: Link, rule: str) -> list[Diagnosis]:
    """Say that the rule of a stretch was used at the value the stretch begins with."""
    message = (
        f"In the derivative of {link.phrase} by {link.source.phrase}, {rule} is taken "
        f"at {link.source.phrase}."
    )
    look = f"Ask at which value the derivative of {link.phrase} is taken."
    kinds = ("wrong-point", "wrong-rule")
    return [Diagnosis(kind, link.words, message, look) for kind in kinds]


def describe_skipped(link: Link) -> list[Diagnosis]:
    """Say that a link is left out; for some links this has a name of its own."""
    skipped = Diagnosis(
        "missing-link",
        link.words,
        f"The derivative of {link.phrase} by {link.source.phrase} is left out: "
        "the gradient is passed on as if nothing happened there.",
        f"Look at the step from {link.phrase} back to {link.source.phrase}.",
    )
    if bool((link.slope == -1).all()):
        return [_describe_lost_minus(link), skipped]
    if link.numbers and link.operation in SCALING:
        lost = _describe_lost_number(link)
        return [lost] if lost.kind == "reduction" else [lost, skipped]
    if link.is_gate and link.operation not in SCALING:  # a mask is a factor, no kink
        return [_describe_lost_gate(link), skipped]
    return [skipped]


def describe_point(
    step: Step | Link, moved: Value, value: Value, scene: Scene
) -> list[Diagnosis]:
    """Say at which value a derivative was taken instead of its own."""
    point = Diagnosis(
        "wrong-point",
        step.words,
        f"In the derivative of {step.phrase}, {value.phrase} stands where "
        f"{moved.phrase} belongs.",
        f"Ask at which values the derivative of {step.phrase} is taken.",
    )
    if value not in scene.tape.inputs.values():
        return [point]
    other = Diagnosis(
        "wrong-input",
        step.words,
        f"At {step.phrase}, your gradient uses {value.phrase} for {moved.phrase}: "
        "it is built like the one for another input.",
        f"Ask what multiplies `{scene.name}` there.",
    )
    return [point, other]


def describe_mirror(link: Link) -> list[Diagnosis]:
    """Say that a derivative was taken at the value with the opposite sign."""
    message = (
        f"The derivative of {link.phrase} is taken where {link.source.phrase} has "
        "the opposite sign."
    )
    look = f"Look at the sign inside {link.phrase}."
    return [
        Diagnosis("sign", link.words, message, look),
        Diagnosis("wrong-point", link.words, message, look),
    ]


def shorten_name(value: Value, long: str = "its argument") -> str:
    """Give words that fit into a formula; `long` where its own are too long."""
    if value.name or (value.call == WHOLE and len(value.words) <= LONGEST_NAME):
        return value.words
    if value.step is None:
        return "a constant"
    if len(value.words) <= LONGEST_NAME and not value.step.part:
        return f"({value.words})"
    return long


def _describe_lost_minus(link: Link) -> Diagnosis:
    return Diagnosis(
        "sign",
        link.words,
        f"What flows back through {link.phrase} to {link.source.phrase} has the "
        "opposite sign.",
        "Look for a minus that is lost, or a difference taken backwards.",
    )


def _describe_lost_number(link: Link) -> Diagnosis:
    made = link.source.step
    if link.is_part and made is not None and made.operation == "sum":
        return Diagnosis(
            "reduction",
            link.words,
            f"The number of entries is missing in what flows back through "
            f"{link.phrase}: a sum and a mean are taken for each other.",
            "Look at what the result is divided by, and how often.",
        )
    return Diagnosis(
        "factor",
        link.words,
        f"The constant {link.numbers[0]:.6g} of {link.phrase} is missing in your "
        "gradient.",
        f"Look at the step from {link.phrase} back to {link.source.phrase}.",
    )


def _describe_one_less(link: Link) -> Diagnosis:
    return Diagnosis(
        "reduction",
        link.words,
        f"In what flows back through {link.phrase}, and through what is divided like "
        "it, the divisor is one less than the number of entries.",
        "Look at what each mean is divided by.",
    )


def _describe_power(link: Link) -> list[Diagnosis]:
    message = (
        f"The number in {link.phrase} is missing as a factor in what flows back to "
        f"{link.source.phrase}."
    )
    look = f"Write down the rule for {link.phrase} alone."
    kinds = ("factor", "wrong-rule", "missing-link")
    return [Diagnosis(kind, link.words, message, look) for kind in kinds]


def _describe_lost_gate(link: Link) -> Diagnosis:
    return Diagnosis(
        "wrong-rule",
        link.words,
        f"Your gradient passes {link.phrase} everywhere, also where it is flat.",
        f"Ask for which {link.source.phrase} the value of {link.phrase} moves at all.",
    )
