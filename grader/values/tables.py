"""Pandas frames, series, indexes and their scalars; pandas is imported when needed."""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from grader.values.arrays import unpack_dtype
from grader.values.memory import check_bytes
from grader.values.packing import (
    BadValue,
    Mirror,
    Node,
    Packer,
    Unpack,
    Unpacker,
    check_bool,
    check_int,
    check_list,
    check_text,
    refuse,
)

PLAIN_KINDS = "biufcmM"  # numpy's kinds that a column can have without pandas' help
EXTENSION = re.compile(
    r"U?Int(8|16|32|64)|Float(32|64)|boolean|str|string|period\[[A-Za-z0-9-]{1,12}\]"
)
ZONE = re.compile(r"[A-Za-z0-9_+:/-]{1,40}")
WATCHED_CELLS = 1_000_000  # a larger table is not looked through for changes


class TableMirror(Mirror):
    """A frame or a series; it changed when it would be saved as other bytes."""

    def __init__(self, thing: Any, tag: str) -> None:
        super().__init__(thing)
        self.tag = tag
        self._seen: bytes | None = None

    def is_changed(self) -> bool:
        """Whether a cell, a label or a type is another."""
        return self._seen is not None and _fingerprint(self.thing) != self._seen

    def take(self, packer: Packer) -> Node:
        """Return its labels and columns."""
        self._seen = _fingerprint(self.thing)
        return _pack_frame(packer, self.thing)

    def give(self, unpacker: Unpacker, state: Node) -> None:
        """Take over labels and columns."""
        made = guard_pandas(lambda: _unpack_frame(unpacker, self.tag, state))
        self.thing.__init__(made)
        if self.tag == "series":
            self.thing.name = made.name
        self._seen = _fingerprint(self.thing)


def _fingerprint(table: Any) -> bytes | None:
    if table.size > WATCHED_CELLS:
        return None
    try:
        return pickle.dumps(table, 5)  # never loaded
    except Exception:  # noqa: BLE001  a cell that cannot be saved: not watched
        return None


def guard_pandas(build: Callable[[], Any]) -> Any:
    """Build something of pandas from what arrived.

    Raises: BadValue for whatever pandas raises.
    """
    try:
        return build()
    except BadValue:
        raise
    except Exception:  # noqa: BLE001  pandas has many errors of its own
        return refuse("not a table")


def pack_pandas(packer: Packer, value: Any) -> Node | None:
    """Return the node of an object of pandas; None when it has none by value."""
    import pandas as pd  # noqa: PLC0415  the value is pandas', so it is loaded

    tag = {pd.DataFrame: "frame", pd.Series: "series"}
    for kind, name in tag.items():
        if isinstance(value, kind):
            mirror = packer.book.find(value)
            if mirror is not None:
                return ["is", mirror.id]
            return packer.define(TableMirror(value, name))
    if isinstance(value, pd.Index):
        return _pack_index(packer, value)
    if isinstance(value, pd.api.extensions.ExtensionArray):
        return ["extension array", _pack_column(packer, value)]
    return _pack_moment(value)


def _pack_moment(value: Any) -> Node | None:
    import pandas as pd  # noqa: PLC0415

    if value is pd.NA or value is pd.NaT:
        return ["missing", "NA" if value is pd.NA else "NaT"]
    if not isinstance(value, pd.Timestamp | pd.Timedelta):
        return None
    zone = getattr(value, "tzinfo", None)
    fields = value.unit, value.as_unit(value.unit)._value
    return [type(value).__name__, *fields, None if zone is None else str(zone)]


def _pack_frame(packer: Packer, table: Any) -> Node:
    index = _pack_index(packer, table.index)
    if table.ndim == 1:
        return [index, packer.pack(table.name), _pack_column(packer, table.array)]
    columns = [table.iloc[:, position].array for position in range(table.shape[1])]
    labels = _pack_index(packer, table.columns)
    return [index, labels, [_pack_column(packer, column) for column in columns]]


def _unpack_frame(unpacker: Unpacker, tag: str, state: Node) -> Any:
    import pandas as pd  # noqa: PLC0415

    index, labels, columns = check_list(state, 3)
    rows = _unpack_index(unpacker, index)
    if tag == "series":
        name = unpacker.unpack(labels)
        return pd.Series(_unpack_column(unpacker, columns), index=rows, name=name)
    made = [_unpack_column(unpacker, column) for column in check_list(columns)]
    frame = pd.DataFrame(dict(enumerate(made)), index=rows)
    frame.columns = _unpack_index(unpacker, labels)
    return frame


def _pack_index(packer: Packer, index: Any) -> Node:
    import pandas as pd  # noqa: PLC0415

    names = packer.pack_all(index.names)
    if isinstance(index, pd.RangeIndex):
        return ["range index", [index.start, index.stop, index.step], names]
    if isinstance(index, pd.MultiIndex):
        levels = [index.get_level_values(k).array for k in range(index.nlevels)]
        return ["levels", [_pack_column(packer, level) for level in levels], names]
    return ["index", _pack_column(packer, index.array), names]


def _unpack_index(unpacker: Unpacker, node: Node) -> Any:
    import pandas as pd  # noqa: PLC0415

    tag, data, names = check_list(node, 3)
    labels = unpacker.unpack_all(names)
    if tag == "range index":
        ends = [check_int(n, -(1 << 40), 1 << 40) for n in check_list(data, 3)]
        return pd.RangeIndex(*ends, name=labels[0])
    if tag == "levels":
        levels = [_unpack_column(unpacker, part) for part in check_list(data)]
        return pd.MultiIndex.from_arrays(levels, names=labels)
    column = _unpack_column(unpacker, data)
    return pd.Index(column, name=labels[0], dtype=column.dtype)


def _pack_column(packer: Packer, column: Any) -> Node:
    import pandas as pd  # noqa: PLC0415

    if type(column) is pd.arrays.NumpyExtensionArray:
        column = column.to_numpy()
    dtype = column.dtype
    if isinstance(dtype, np.dtype) and dtype.kind in PLAIN_KINDS:
        plain = np.ascontiguousarray(column)
        return ["plain", plain.dtype.str, packer.add_buffer(plain.tobytes())]
    if isinstance(dtype, pd.CategoricalDtype):
        codes = packer.add_buffer(
            np.ascontiguousarray(column.codes, np.int64).tobytes()
        )
        kinds = _pack_column(packer, column.categories.array)
        return ["category", codes, kinds, bool(column.ordered)]
    if isinstance(dtype, pd.DatetimeTZDtype):
        times = column.tz_convert("UTC").tz_localize(None)
        return ["zoned", str(dtype.tz), _pack_column(packer, times)]
    cells = packer.pack_all(np.asarray(column.astype(object)))
    if isinstance(dtype, np.dtype):
        return ["objects", cells]
    return ["extension", str(dtype), cells]


def _unpack_column(unpacker: Unpacker, node: Node) -> Any:
    import pandas as pd  # noqa: PLC0415

    tag, *fields = check_list(node)
    if tag == "plain":
        data = unpacker.buffer(fields[1])
        array: Any = np.frombuffer(data, unpack_dtype(unpacker, fields[0]))
        check_bytes(array)
        return array
    if tag == "category":
        codes = np.frombuffer(unpacker.buffer(fields[0]), np.int64)
        kinds = _unpack_column(unpacker, fields[1])
        ordered = check_bool(fields[2])
        return pd.Categorical.from_codes(codes, categories=kinds, ordered=ordered)
    if tag == "zoned":
        if not ZONE.fullmatch(check_text(fields[0])):
            refuse("not a time zone")
        times = pd.DatetimeIndex(_unpack_column(unpacker, fields[1]))
        return times.tz_localize("UTC").tz_convert(fields[0]).array
    cells = unpacker.unpack_all(fields[-1])
    if tag == "objects":
        array = np.empty(len(cells), object)
        array[:] = cells
        return array
    if tag != "extension" or not EXTENSION.fullmatch(check_text(fields[0])):
        refuse("an unknown kind of column")
    return pd.array(cells, dtype=fields[0])


def _unpack_missing(unpacker: Unpacker, name: Node) -> Any:
    import pandas as pd  # noqa: PLC0415

    return pd.NA if name == "NA" else pd.NaT


def _unpack_moment(kind: str) -> Unpack:
    def unpack(unpacker: Unpacker, unit: Node, count: Node, zone: Node) -> Any:
        import pandas as pd  # noqa: PLC0415

        if unit not in ("s", "ms", "us", "ns"):
            refuse("not a unit of time")
        number = check_int(count, -(1 << 63), (1 << 63) - 1)
        if kind == "Timedelta":
            return guard_pandas(lambda: pd.Timedelta(number, unit=unit).as_unit(unit))
        if zone is None:
            return guard_pandas(lambda: pd.Timestamp(number, unit=unit).as_unit(unit))
        if not ZONE.fullmatch(check_text(zone)):
            refuse("not a time zone")
        moment = guard_pandas(lambda: pd.Timestamp(number, unit=unit, tz=zone))
        return moment.as_unit(unit)

    return unpack


UNPACKERS: Mapping[str, tuple[int, Unpack]] = {
    **{
        tag: (
            2,
            lambda u, *rest, tag=tag: guard_pandas(
                lambda: _unpack_index(u, [tag, *rest])
            ),
        )
        for tag in ("range index", "levels", "index")
    },
    "extension array": (
        1,
        lambda u, node: guard_pandas(lambda: _unpack_column(u, node)),
    ),
    "missing": (1, _unpack_missing),
    "Timestamp": (3, _unpack_moment("Timestamp")),
    "Timedelta": (3, _unpack_moment("Timedelta")),
}


def _make_table(tag: str) -> Unpack:
    def make(unpacker: Unpacker) -> Mirror:
        import pandas as pd  # noqa: PLC0415

        return TableMirror(pd.DataFrame() if tag == "frame" else pd.Series([]), tag)

    return make


MAKERS: Mapping[str, tuple[int, Unpack]] = {
    "frame": (0, _make_table("frame")),
    "series": (0, _make_table("series")),
}
