"""Places the boxes of a graph in layers, with few bends and crossings.

A layered drawing (Sugiyama, Tagawa and Toda 1981): layers by longest path, dummy nodes
on long edges, orders by barycentres and swaps, places by least squares.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from random import Random

from grader.ink.numbers import CannotDraw

Key = Hashable
SWEEPS = 8  # an order settles within six on every graph of the lessons
STARTS = 8  # most graphs need one; a neuron with its loss needs two
STIFF = 24.0  # pull along a long arrow, against 1 to a neighbour: it stays straight
ROUNDS = 60  # of moving rows; long arrows straighten slowly


@dataclass(frozen=True)
class Placement:
    """Where everything lies: `along` counts layers, `across` is in px.

    routes: for each edge, the places that it passes from source to target.
    """

    along: dict[Key, int]
    across: dict[Key, float]
    routes: tuple[tuple[Key, ...], ...]
    layers: int


@dataclass
class _Layers:
    """Layers of keys in their order, and short edges between neighbours."""

    rows: list[list[Key]]
    before: dict[Key, list[Key]] = field(default_factory=dict)
    after: dict[Key, list[Key]] = field(default_factory=dict)

    def copy_rows(self) -> list[list[Key]]:
        return [list(row) for row in self.rows]


@dataclass(frozen=True)
class _Bend:
    """The place where a long edge passes a layer."""

    edge: int
    layer: int


def arrange(
    nodes: Sequence[Key],
    edges: Sequence[tuple[Key, Key]],
    breadth: float,
    gap: float,
) -> Placement:
    """Place boxes of equal `breadth`, at least `gap` apart within a layer, in px.

    Raises CannotDraw when the edges run in a circle.
    """
    along = _find_layers(nodes, edges)
    layers, routes = _cut_long_edges(nodes, edges, along)
    _order_layers(layers)
    across = _place(layers, breadth, gap)
    return Placement(along, across, routes, len(layers.rows))


def count_crossings(placement: Placement) -> int:
    """Count the pairs of edges that cross between neighbouring layers."""
    layer: dict[Key, int] = {
        key: key.layer for key in placement.across if isinstance(key, _Bend)
    }
    spans: dict[int, list[tuple[float, float]]] = {}
    for route in placement.routes:
        for start, end in pairwise(route):
            at = layer.get(start, placement.along.get(start, 0))
            span = (placement.across[start], placement.across[end])
            spans.setdefault(at, []).append(span)
    return sum(
        (a[0] - b[0]) * (a[1] - b[1]) < 0
        for group in spans.values()
        for i, a in enumerate(group)
        for b in group[:i]
    )


def _find_layers(
    nodes: Sequence[Key], edges: Sequence[tuple[Key, Key]]
) -> dict[Key, int]:
    """Give each node its layer: as late as its first use allows.

    So inputs stand next to where they are used, and most edges span one layer.
    """
    before: dict[Key, list[Key]] = {node: [] for node in nodes}
    uses = dict.fromkeys(nodes, 0)
    for source, target in edges:
        before[target].append(source)
        uses[source] += 1
    left = dict(uses)
    behind = dict.fromkeys(nodes, 0)
    ready, done = [node for node in nodes if not left[node]], 0
    while ready:
        node = ready.pop()
        done += 1
        for source in before[node]:
            behind[source] = max(behind[source], behind[node] + 1)
            left[source] -= 1
            if not left[source]:
                ready.append(source)
    if done < len(behind):
        raise CannotDraw("This graph runs in a circle, so it has no order to draw.")
    last = max(behind.values(), default=0)
    along = {node: last - layer for node, layer in behind.items()}
    _pull_back(along, before, uses)
    return along


def _pull_back(
    along: dict[Key, int], before: dict[Key, list[Key]], uses: dict[Key, int]
) -> None:
    """Move a node towards its sources where that shortens the edges in all."""
    for node in sorted(along, key=lambda node: along[node]):
        sources = before[node]
        if len(sources) > uses[node]:
            along[node] = max(along[source] for source in sources) + 1


def _cut_long_edges(
    nodes: Sequence[Key], edges: Sequence[tuple[Key, Key]], along: dict[Key, int]
) -> tuple[_Layers, tuple[tuple[Key, ...], ...]]:
    """Lay the nodes in rows and put a bend wherever an edge passes a layer."""
    layers = _Layers([[] for _ in range(max(along.values(), default=0) + 1)])
    for node in nodes:
        layers.rows[along[node]].append(node)
    routes = []
    for i, (source, target) in enumerate(edges):
        bends = [_Bend(i, at) for at in range(along[source] + 1, along[target])]
        route: tuple[Key, ...] = (source, *bends, target)
        for bend in bends:
            layers.rows[bend.layer].append(bend)
        for start, end in pairwise(route):
            layers.after.setdefault(start, []).append(end)
            layers.before.setdefault(end, []).append(start)
        routes.append(route)
    return layers, tuple(routes)


def _order_layers(layers: _Layers) -> None:
    """Order the rows with few crossings: from several starts, keep the best."""
    chance = Random(0)  # the same graph is always drawn alike
    best, fewest = layers.copy_rows(), _crossings(layers)
    for start in range(STARTS):
        if not fewest:
            break
        if start:
            for row in layers.rows:
                chance.shuffle(row)
        rows, crossings = _sweep(layers)
        if crossings < fewest:
            best, fewest = rows, crossings
    layers.rows = best


def _sweep(layers: _Layers) -> tuple[list[list[Key]], int]:
    """Sort the rows by barycentres to and fro, and swap neighbours that cross."""
    best, fewest = layers.copy_rows(), _crossings(layers)
    for sweep in range(SWEEPS):
        forward = sweep % 2 == 0
        near = layers.before if forward else layers.after
        for at in range(1, len(layers.rows)) if forward else _back(layers):
            _sort_row(layers.rows, at, at - 1 if forward else at + 1, near)
        _swap_neighbours(layers)
        crossings = _crossings(layers)
        if crossings < fewest:
            best, fewest = layers.copy_rows(), crossings
        if not fewest:
            break
    return best, fewest


def _back(layers: _Layers) -> range:
    return range(len(layers.rows) - 2, -1, -1)


def _sort_row(
    rows: list[list[Key]], at: int, fixed: int, near: dict[Key, list[Key]]
) -> None:
    """Sort a row by the mean place of its neighbours; who has none stays."""
    place = {key: i for i, key in enumerate(rows[fixed])}
    drawn = [key for key in rows[at] if key in near]
    centre = {
        key: sum(place[other] for other in near[key]) / len(near[key]) for key in drawn
    }
    ordered = iter(sorted(drawn, key=lambda key: centre[key]))
    rows[at][:] = [next(ordered) if key in near else key for key in rows[at]]


def _swap_neighbours(layers: _Layers) -> None:
    """Swap two neighbours in a row wherever that saves a crossing."""
    for at, row in enumerate(layers.rows):
        sides = []
        for other, near in ((at - 1, layers.before), (at + 1, layers.after)):
            if 0 <= other < len(layers.rows):
                place = {key: i for i, key in enumerate(layers.rows[other])}
                sides.append({k: [place[end] for end in near.get(k, ())] for k in row})
        for i in range(len(row) - 1):
            left, right = row[i], row[i + 1]
            change = sum(
                (mine < theirs) - (mine > theirs)
                for ends in sides
                for mine in ends[left]
                for theirs in ends[right]
            )
            if change < 0:
                row[i], row[i + 1] = right, left


def _crossings(layers: _Layers) -> int:
    total = 0
    for upper, lower in pairwise(layers.rows):
        place = {key: i for i, key in enumerate(lower)}
        ends = [
            sorted(place[end] for end in layers.after.get(key, ())) for key in upper
        ]
        for i, mine in enumerate(ends):
            for others in ends[i + 1 :]:
                total += sum(theirs < my for my in mine for theirs in others)
    return total


def _place(layers: _Layers, breadth: float, gap: float) -> dict[Key, float]:
    """Choose the places across that make edges straight, keeping order and gaps."""

    def distance(left: Key, right: Key) -> float:
        bends = isinstance(left, _Bend) + isinstance(right, _Bend)
        return (breadth + gap, breadth / 2 + gap, gap)[bends]

    across: dict[Key, float] = {}
    for row in layers.rows:
        _settle(row, dict.fromkeys(row, (0.0, 1.0)), distance, across)
    for sweep in range(ROUNDS):
        both = sweep >= ROUNDS // 3
        for row in layers.rows if sweep % 2 else reversed(layers.rows):
            sides = [layers.before, layers.after]
            used = sides if both else sides[:1] if sweep % 2 else sides[1:]
            wanted = {key: _wish(key, used, across) for key in row}
            _settle(row, wanted, distance, across)
    least = min(across.values(), default=0.0)
    return {key: value - least for key, value in across.items()}


def _wish(
    key: Key, sides: list[dict[Key, list[Key]]], across: dict[Key, float]
) -> tuple[float, float]:
    """Return where a key would like to be, and how much: long edges most of all."""
    pull = [
        (
            across[other],
            STIFF if isinstance(key, _Bend) and isinstance(other, _Bend) else 1,
        )
        for side in sides
        for other in side.get(key, ())
    ]
    if not pull:
        return across[key], 0.1
    weight = sum(part for _, part in pull)
    return sum(at * part for at, part in pull) / weight, weight


def _settle(
    row: list[Key],
    wanted: dict[Key, tuple[float, float]],
    distance: Callable[[Key, Key], float],
    across: dict[Key, float],
) -> None:
    """Move a row as near as it can to its wishes, in order and at its distances.

    Weighted least squares under order: pooling of adjacent violators.
    """
    shift = 0.0
    pools: list[tuple[float, float, list[tuple[Key, float]]]] = []  # mean, weight, who
    for i, key in enumerate(row):
        shift += distance(row[i - 1], key) if i else 0.0
        at, weight = wanted[key]
        pool = (at - shift, weight, [(key, shift)])
        while pools and pools[-1][0] > pool[0]:
            mean, other, members = pools.pop()
            total = other + pool[1]
            mean = (mean * other + pool[0] * pool[1]) / total
            pool = (mean, total, members + pool[2])
        pools.append(pool)
    for mean, _, members in pools:
        for key, offset in members:
            across[key] = mean + offset
