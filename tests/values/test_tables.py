"""Frames, series and indexes of pandas cross with their types and labels."""

import numpy as np
import pytest

from tests.two_sides import make_pair

pd = pytest.importorskip("pandas")
PAIRS = [(1, "a"), (2, "b")]
FRAMES = {
    "plain": lambda: pd.DataFrame({"a": [1, 2], "b": [0.5, None]}),
    "text": lambda: pd.DataFrame({"s": ["x", None]}, index=["r1", "r2"]),
    "category": lambda: pd.DataFrame({"c": pd.Categorical(["p", "q"], ordered=True)}),
    "zoned": lambda: pd.DataFrame({"t": pd.date_range("2024", periods=2, tz="UTC")}),
    "nullable": lambda: pd.DataFrame({"i": pd.array([1, None], dtype="Int64")}),
    "objects": lambda: pd.DataFrame({"o": pd.Series([[1], (2, 3)], dtype=object)}),
    "levels": lambda: pd.DataFrame({"v": [1, 2]}, pd.MultiIndex.from_tuples(PAIRS)),
    "empty": pd.DataFrame,
    "same names": lambda: pd.DataFrame([[1, 2]], columns=["a", "a"]),
}


@pytest.mark.parametrize("make", FRAMES.values(), ids=FRAMES)
def test_frame_crosses_unchanged(make):
    asks, _ = make_pair(make=make)
    pd.testing.assert_frame_equal(asks.call("make"), make())


@pytest.mark.parametrize(
    "value",
    [
        pd.Series([1.0, 2.0], index=["a", "b"], name="s"),
        pd.Series(["x"]),
        pd.Index(["a", "b"], name="n"),
        pd.RangeIndex(3),
        pd.Timestamp("2024-01-02", tz="UTC"),
        pd.Timedelta(days=2),
    ],
    ids=lambda value: type(value).__name__,
)
def test_other_kinds_cross_unchanged(value):
    asks, _ = make_pair(make=lambda: value)
    got = asks.call("make")
    assert type(got) is type(value)
    assert np.all(got == value)


def test_missing_values_keep_their_kind():
    asks, _ = make_pair(make=lambda: [pd.NA, pd.NaT])
    got = asks.call("make")
    assert got[0] is pd.NA and got[1] is pd.NaT


def test_column_added_in_place_comes_back():
    def add(frame):
        frame["twice"] = frame["a"] * 2

    asks, _ = make_pair(add=add)
    frame = pd.DataFrame({"a": [1, 2]})
    asks.call("add", frame)
    assert frame["twice"].tolist() == [2, 4]
