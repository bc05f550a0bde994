"""Chooses what is told beside the likeliest reading."""

from __future__ import annotations

from dataclasses import replace

from grader.diagnose.diagnosis import Diagnosis

MOST_ALTERNATIVES = 3


def polish(reading: Diagnosis) -> Diagnosis:
    """Begin the sentence with a capital letter."""
    message = reading.message
    return replace(reading, message=message[:1].upper() + message[1:])


def choose_others(readings: list[Diagnosis]) -> tuple[Diagnosis, ...]:
    """Choose readings of other kinds first, then other places."""
    seen, others, places = {readings[0].kind}, [], []
    for reading in readings[1:]:
        if reading.kind not in seen:
            seen.add(reading.kind)
            others.append(reading)
        elif reading.where != readings[0].where:
            places.append(reading)
    return tuple([*others, *places][:MOST_ALTERNATIVES])
