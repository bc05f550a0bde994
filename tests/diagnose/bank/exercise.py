"""What a function in the bank comes with: its draws, right answers and planted wrong ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch

Tensor = torch.Tensor
Answer = Callable[..., Tensor]
SIZES = (3, 5, 7, 11, 13)


class Dice:
    """Draws named inputs; sizes are distinct primes that differ from draw to draw."""

    def __init__(self, seed: int) -> None:
        self.generator = torch.Generator().manual_seed(seed)

    def sizes(self, count: int) -> list[int]:
        order = torch.randperm(len(SIZES), generator=self.generator).tolist()
        return [SIZES[i] for i in order[:count]]

    def normal(self, *shape: int) -> Tensor:
        return torch.randn(shape, generator=self.generator, dtype=torch.float64)

    def uniform(self, *shape: int, low: float = 0.3, high: float = 1.8) -> Tensor:
        numbers = torch.rand(shape, generator=self.generator, dtype=torch.float64)
        return low + (high - low) * numbers

    def labels(self, *shape: int) -> Tensor:
        return (self.uniform(*shape, low=0, high=1) > 0.5).double()

    def whole(self, most: int, *shape: int) -> Tensor:
        return torch.randint(most, shape, generator=self.generator)


@dataclass(frozen=True)
class Wrong:
    """A wrong answer for one input; `kinds` are the names that would be right."""

    kinds: frozenset[str]
    wrt: str
    answer: Answer
    text: str


@dataclass
class Exercise:
    """One reference function. Answers take the inputs by name (and `upstream`)."""

    name: str
    of: Callable[..., Tensor]
    draw: Callable[[Dice], dict[str, Tensor]]
    right: list[tuple[str, Answer]] = field(default_factory=list)
    wrong: list[Wrong] = field(default_factory=list)
    double: list[Wrong] = field(default_factory=list)
    unexplained: list[Wrong] = field(default_factory=list)

    def ok(self, wrt: str, *answers: Answer) -> None:
        """Plant right answers: loops, vectorised, einsum."""
        self.right += [(wrt, answer) for answer in answers]

    def bad(self, kinds: str, wrt: str, answer: Answer, text: str = "") -> None:
        """Plant a wrong answer with one mistake."""
        self.wrong.append(Wrong(frozenset(kinds.split()), wrt, answer, text))

    def two(self, kinds: str, wrt: str, answer: Answer, text: str = "") -> None:
        """Plant a wrong answer with two mistakes."""
        self.double.append(Wrong(frozenset(kinds.split()), wrt, answer, text))

    def odd(self, wrt: str, answer: Answer, text: str = "") -> None:
        """Plant a wrong answer that no single mistake explains."""
        self.unexplained.append(Wrong(frozenset(), wrt, answer, text))
