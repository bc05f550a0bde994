"""Shows what a student predicted beside what happened."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from grader.ink.drawing import Drawing, Table, draw_politely
from grader.ink.numbers import (
    CannotDraw,
    clean,
    describe,
    read_tensor,
    summarise,
    write_number,
)

UNMADE = "not written down yet"
SAME = "as predicted"
OTHER = "a surprise"
STILL_OPEN = "still to come"
OPEN = "compare them yourself"
CLOSE = 0.01  # a number that was predicted to 1 % was predicted


@dataclass(frozen=True, repr=False)
class Prediction(Drawing):
    """A prediction beside its outcome; `surprises` collects them."""

    question: str = ""
    yours: str = UNMADE
    outcome: str = ""
    confidence: str = ""
    verdict: str = ""


def prediction(
    question: str, yours: Any, outcome: Any, confidence: Any = None
) -> Prediction:
    """Show a prediction beside the outcome; one not yet made is named as such.

    yours: None, "…" or "" stand for a prediction that was not made.
    confidence: any scale, for instance 1 (a guess) to 5 (certain).
    """
    made = is_made(yours)
    settled = not (isinstance(outcome, str) and outcome == STILL_OPEN)
    verdict = compare(yours, outcome) if made and settled else ""
    said = write_answer(yours) if made else UNMADE
    sure = write_confidence(confidence) if made else ""
    asked, result = clean(question, 300), write_answer(outcome)
    rows = [("You predicted", said), ("It turned out", result)]
    if sure:
        rows.insert(1, ("You were this sure", sure))
    if verdict:
        rows.append(("So it was", verdict))
    if not made:
        rows.append(("Next time", "write it down first: it is how one learns most"))
    table = Table(("Predict first", asked), tuple(rows))
    return Prediction(
        "Prediction and outcome", "", "", "", table, (),
        asked, said, result, sure, verdict,
    )  # fmt: skip


@draw_politely
def predictions(predictions: Mapping[str, Any], outcomes: Mapping[str, Any]) -> Drawing:
    """Show predictions, by their names, beside the outcomes that are known by now.

    predictions: `{"sign": ("up", 80)}`, what and how sure; or `{"sign": "up"}`.
    outcomes: `{"sign": "down"}`; a prediction without an outcome is left out.
    """
    for given in (predictions, outcomes):
        if not isinstance(given, Mapping):
            raise CannotDraw(
                f"predictions takes two dicts by name, but one is {describe(given)}."
            )
    made = [
        _read_pair(name, predictions.get(name), outcome)
        for name, outcome in outcomes.items()
    ]
    return _tabulate("Prediction and outcome", made)


@draw_politely
def surprises(predictions: Any, outcomes: Mapping[str, Any] | None = None) -> Drawing:
    """Close a lesson: all predictions with confidence and outcome in one table.

    predictions: what `prediction` returned, or tuples of its arguments; or a dict as
    in `predictions`, with its outcomes.
    """
    if isinstance(predictions, Mapping):
        known = outcomes if isinstance(outcomes, Mapping) else {}
        made = [
            _read_pair(name, yours, known.get(name, STILL_OPEN))
            for name, yours in predictions.items()
        ]
    elif isinstance(predictions, str | Tensor) or not isinstance(predictions, Iterable):
        raise CannotDraw(
            "surprises takes a list of predictions, but this is "
            f"{describe(predictions)}."
        )
    else:
        made = [_read(entry) for entry in predictions]
    return _tabulate("What surprised you?", made)


def _tabulate(title: str, made: Sequence[Prediction]) -> Drawing:
    rows = tuple(
        (p.question, p.yours, p.confidence or "—", p.outcome, p.verdict or "—")
        for p in made
    )
    columns = ("Question", "You predicted", "How sure", "It turned out", "So it was")
    table = Table(columns, rows) if rows else None
    return Drawing(title, caption=_sum_up(made), table=table)


def is_made(yours: Any) -> bool:
    """Whether a prediction was written down at all."""
    if yours is None or yours is Ellipsis:
        return False
    return not isinstance(yours, str) or yours.strip(" .…?_") != ""


def compare(yours: Any, outcome: Any) -> str:
    """Say whether a prediction came true, where that can be told by a machine."""
    if isinstance(yours, str) and isinstance(outcome, str):
        same = _bare(yours) == _bare(outcome)
        short = max(len(yours.split()), len(outcome.split())) <= 2
        return SAME if same else OTHER if short else OPEN
    if isinstance(yours, bool) or isinstance(outcome, bool):
        both = isinstance(yours, bool) and isinstance(outcome, bool)
        return OPEN if not both else SAME if yours == outcome else OTHER
    mine, true = read_tensor(yours), read_tensor(outcome)
    if mine is None or true is None:
        return OPEN
    if mine.shape != true.shape and mine.numel() != true.numel():
        return OTHER
    gap = (mine.reshape(-1) - true.reshape(-1)).abs().nan_to_num(float("inf"))
    return SAME if bool((gap <= CLOSE * true.reshape(-1).abs()).all()) else OTHER


def write_answer(value: Any) -> str:
    """Write a prediction or an outcome as one line."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return clean(value, 300)
    if isinstance(value, int | float):
        return write_number(value)
    if isinstance(value, Tensor):
        return summarise(value)
    return clean(value, 300)


def write_confidence(confidence: Any) -> str:
    """Write how sure the student was, in the student's own scale."""
    if not is_made(confidence):
        return ""
    return write_answer(confidence)


def _bare(text: str) -> str:
    return " ".join(text.casefold().split()).strip(" .!")


def _read(entry: Any) -> Prediction:
    if isinstance(entry, Prediction):
        return entry
    if isinstance(entry, tuple | list) and 3 <= len(entry) <= 4:
        return prediction(*entry)
    raise CannotDraw(
        "surprises takes what show.prediction returned, or (question, yours, outcome)."
    )


def _read_pair(question: Any, yours: Any, outcome: Any) -> Prediction:
    """Read one entry of a dict of predictions: alone, or with how sure one was."""
    said, sure = (
        yours if isinstance(yours, tuple) and len(yours) == 2 else (yours, None)
    )
    return prediction(question, said, outcome, sure)


def _sum_up(made: Sequence[Prediction]) -> str:
    verdicts = [p.verdict for p in made]
    counts = {
        SAME: verdicts.count(SAME),
        "surprising": verdicts.count(OTHER),
        "to compare yourself": verdicts.count(OPEN),
        UNMADE: sum(p.yours == UNMADE for p in made),
        STILL_OPEN: sum(p.outcome == STILL_OPEN and p.yours != UNMADE for p in made),
    }
    parts = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    whole = "1 prediction" if len(made) == 1 else f"{len(made)} predictions"
    told = f"Of {whole}: {parts}." if made else "No predictions yet."
    surprised = [p for p in made if p.verdict == OTHER]
    surest = max(surprised, key=lambda p: _weigh(p.confidence), default=None)
    if surest is None or not surest.confidence:
        return told
    return (
        f"{told} Most surprising: “{surest.question}” (how sure you were: "
        f"{surest.confidence}). That is where most can be learnt."
    )


def _weigh(confidence: str) -> float:
    """Read a number out of a confidence such as `4`, `80 %` or `sure`; else 0."""
    found = re.search(r"\d+(\.\d+)?", confidence)
    return float(found[0]) if found else 0.0
