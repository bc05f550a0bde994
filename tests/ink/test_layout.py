from itertools import pairwise
from random import Random

import pytest

from grader.ink.layout import arrange, count_crossings
from grader.ink.numbers import CannotDraw

# As recorded by autograd in the lessons: y = ax² + bx + 1, z = y² + 2y (7 and more
# nodes), a neuron with its loss (14), and a two-layer network (12).
COMPOSITE = "x-s a-m s-m b-n x-n m-p n-p p-y y-q y-d q-z d-z"
NEURON = "w-m x-m m-z b-z z-p p-l p-o l-f y-f y-e o-g e-h g-h f-r h-r r-L"
NETWORK = "X-a W-a a-c b-c c-h h-d V-d d-e k-e e-L t-L"
GRAPHS = (COMPOSITE, NEURON, NETWORK)


def read(text):
    edges = [tuple(edge.split("-")) for edge in text.split()]
    return list(dict.fromkeys(name for edge in edges for name in edge)), edges


@pytest.mark.parametrize("text", GRAPHS, ids=["composite", "neuron", "network"])
def test_graphs_of_the_lessons_have_no_crossing(text):
    assert count_crossings(arrange(*read(text), 100, 20)) == 0


@pytest.mark.parametrize("text", GRAPHS, ids=["composite", "neuron", "network"])
def test_boxes_do_not_overlap(text):
    nodes, edges = read(text)
    placed = arrange(nodes, edges, 100, 20)
    for layer in range(placed.layers):
        row = sorted(placed.across[n] for n in nodes if placed.along[n] == layer)
        assert all(right - left >= 120 - 1e-6 for left, right in pairwise(row))


@pytest.mark.parametrize("seed", range(5))
def test_arrows_run_forward_in_any_graph(seed):
    chance = Random(seed)
    nodes = list(range(20))
    edges = [tuple(sorted(chance.sample(nodes, 2))) for _ in range(30)]
    placed = arrange(nodes, edges, 60, 10)
    assert all(placed.along[source] < placed.along[target] for source, target in edges)
    assert min(placed.across.values()) == 0


def test_a_chain_is_straight():
    placed = arrange("abcd", [("a", "b"), ("b", "c"), ("c", "d")], 60, 10)
    assert len(set(placed.across.values())) == 1


def test_a_circle_is_refused_in_words():
    with pytest.raises(CannotDraw, match="runs in a circle"):
        arrange("ab", [("a", "b"), ("b", "a")], 60, 10)


def test_a_box_alone_is_placed():
    assert arrange(["x"], [], 60, 10).layers == 1
