"""Plain values that cannot change: numbers, text, tuples, dates and their like."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from keyword import iskeyword
from pathlib import PosixPath, PurePosixPath
from typing import Any

from grader.values.packing import (
    Node,
    Pack,
    Packer,
    Unpack,
    Unpacker,
    check_int,
    check_list,
    check_text,
    from_hex,
    make_hashed,
    pack_text,
    refuse,
)

INT_BITS = 1 << 20  # a factorial of a thousand has 8,530; arithmetic stays quick
DECIMAL_DIGITS = 10_000  # int(Decimal("1e999999999")) would take for ever
SHORT_BYTES = 256  # longer ones go into a buffer


def _unpack_halves(unpacker: Unpacker, text: Node) -> str:
    data = from_hex(text)
    try:
        return data.decode("utf-16-le", "surrogatepass")
    except UnicodeDecodeError:
        return refuse("not UTF-16")


def _unpack_int(unpacker: Unpacker, text: Node) -> int:
    if len(check_text(text, INT_BITS)) * 4 > INT_BITS:
        refuse("an integer too long")
    try:
        return int(text, 16)
    except ValueError:
        return refuse("not an integer")


def _unpack_float(unpacker: Unpacker, text: Node) -> float:
    if text not in ("nan", "inf", "-inf"):
        refuse("not a special float")
    return float(text)


def _pack_complex(packer: Packer, value: complex) -> Node:
    return ["complex", packer.pack(value.real), packer.pack(value.imag)]


def _unpack_complex(unpacker: Unpacker, real: Node, imag: Node) -> complex:
    parts = [unpacker.unpack(real), unpacker.unpack(imag)]
    if any(type(part) is not float for part in parts):
        refuse("not a complex number")
    return complex(*parts)


def _pack_bytes(packer: Packer, value: bytes) -> Node:
    if len(value) <= SHORT_BYTES:
        return ["bytes", value.hex()]
    return ["bytes", packer.add_buffer(value)]


def _unpack_bytes(unpacker: Unpacker, node: Node) -> bytes:
    if type(node) is int:
        return bytes(unpacker.buffer(node))
    return from_hex(node)


def pack_tuple(packer: Packer, value: tuple[Any, ...]) -> Node:
    """Return the node of a tuple, of its base value for a subclass."""
    return ["tuple", packer.pack_all(tuple.__iter__(value))]


def pack_namedtuple(packer: Packer, value: Any) -> Node:
    """Return the node of a tuple with names for its fields."""
    kind = type(value)
    fields = [str(name) for name in kind._fields]
    return ["namedtuple", kind.__name__, fields, packer.pack_all(tuple.__iter__(value))]


def pack_namedtuple_class(kind: Any) -> Node:
    """Return the node of a class that `namedtuple` made."""
    return ["namedtuple class", kind.__name__, [str(name) for name in kind._fields]]


def _find_namedtuple(unpacker: Unpacker, name: Node, fields: Node) -> Any:
    names = tuple(check_text(field, 200) for field in check_list(fields))
    key = (check_text(name, 200), names)
    made = unpacker.peer.namedtuples
    if key not in made:
        # namedtuple builds code from the names: nothing but plain ones get there
        plain = [name.lstrip("_") or name, *names]  # a class may be called _Pair
        if len(set(names)) < len(names) or not all(map(_is_plain_name, plain)):
            refuse("not the names of a namedtuple")
        made[key] = namedtuple(name, names)  # type: ignore[misc]
    return made[key]


def _unpack_namedtuple(
    unpacker: Unpacker, name: Node, fields: Node, items: Node
) -> Any:
    kind = _find_namedtuple(unpacker, name, fields)
    values = unpacker.unpack_all(check_list(items, len(kind._fields)))
    return kind(*values)


def _is_plain_name(name: str) -> bool:
    plain = name.isascii() and name.isidentifier() and not iskeyword(name)
    return plain and not name.startswith("_")


def _pack_range(packer: Packer, value: range) -> Node:
    return ["range", *packer.pack_all((value.start, value.stop, value.step))]


def _unpack_range(unpacker: Unpacker, *ends: Node) -> range:
    numbers = unpacker.unpack_all(list(ends))
    if any(type(number) is not int for number in numbers) or numbers[2] == 0:
        refuse("not a range")
    return range(*numbers)


def _pack_slice(packer: Packer, value: slice) -> Node:
    return ["slice", *packer.pack_all((value.start, value.stop, value.step))]


def _unpack_slice(unpacker: Unpacker, *ends: Node) -> slice:
    return slice(*unpacker.unpack_all(list(ends)))


def pack_frozenset(packer: Packer, value: frozenset[Any]) -> Node:
    """Return the node of a frozenset."""
    return ["frozenset", packer.pack_all(frozenset.__iter__(value))]


def _unpack_decimal(unpacker: Unpacker, text: Node) -> Decimal:
    try:
        value = Decimal(check_text(text))
    except InvalidOperation:
        return refuse("not a Decimal")
    if value.is_finite() and abs(value.adjusted()) > DECIMAL_DIGITS:
        refuse("a Decimal too long")
    return value


def _unpack_fraction(unpacker: Unpacker, over: Node, under: Node) -> Fraction:
    parts = [unpacker.unpack(over), unpacker.unpack(under)]
    if any(type(part) is not int for part in parts) or parts[1] == 0:
        refuse("not a Fraction")
    return Fraction(*parts)


def _unpack_iso(kind: Any) -> Unpack:
    def unpack(unpacker: Unpacker, text: Node) -> Any:
        try:
            return kind.fromisoformat(check_text(text, 100))
        except ValueError:
            return refuse(f"not a {kind.__name__}")

    return unpack


def _unpack_timedelta(
    unpacker: Unpacker, days: Node, seconds: Node, micro: Node
) -> Any:
    limit = 999_999_999
    parts = [check_int(part, -limit, limit) for part in (days, seconds, micro)]
    try:
        return timedelta(*parts)
    except OverflowError:
        return refuse("a timedelta too long")


def _pack_view(tag: str) -> Pack:
    def pack(packer: Packer, value: Any) -> Node:
        return [tag, packer.pack_all(value)]

    return pack


def _unpack_items(unpacker: Unpacker, nodes: Node) -> Any:
    pairs = unpacker.unpack_all(nodes)
    if any(type(pair) is not tuple or len(pair) != 2 for pair in pairs):
        refuse("not the items of a dictionary")
    return make_hashed(dict, pairs).items()


def _pack_path(packer: Packer, value: PurePosixPath) -> Node:
    return ["path", pack_text(str(value))]


PACKERS: Mapping[type, Pack] = {
    complex: _pack_complex,
    bytes: _pack_bytes,
    tuple: pack_tuple,
    frozenset: pack_frozenset,
    range: _pack_range,
    slice: _pack_slice,
    type(...): lambda packer, value: ["constant", "Ellipsis"],
    type(NotImplemented): lambda packer, value: ["constant", "NotImplemented"],
    type({}.keys()): _pack_view("keys"),
    type({}.values()): _pack_view("values"),
    type({}.items()): _pack_view("items"),
    Decimal: lambda packer, value: ["Decimal", str(value)],
    Fraction: lambda packer, value: [
        "Fraction",
        *packer.pack_all((value.numerator, value.denominator)),
    ],
    datetime: lambda packer, value: ["datetime", value.isoformat()],
    date: lambda packer, value: ["date", value.isoformat()],
    time: lambda packer, value: ["time", value.isoformat()],
    timedelta: lambda packer, value: [
        "timedelta",
        value.days,
        value.seconds,
        value.microseconds,
    ],
    PurePosixPath: _pack_path,
    PosixPath: _pack_path,
}

UNPACKERS: Mapping[str, tuple[int, Unpack]] = {
    "int": (1, _unpack_int),
    "float": (1, _unpack_float),
    "halves": (1, _unpack_halves),
    "complex": (2, _unpack_complex),
    "bytes": (1, _unpack_bytes),
    "tuple": (1, lambda unpacker, nodes: tuple(unpacker.unpack_all(nodes))),
    "namedtuple": (3, _unpack_namedtuple),
    "namedtuple class": (2, _find_namedtuple),
    "frozenset": (1, lambda u, nodes: make_hashed(frozenset, u.unpack_all(nodes))),
    "range": (3, _unpack_range),
    "slice": (3, _unpack_slice),
    "constant": (
        1,
        lambda u, name: NotImplemented if name == "NotImplemented" else ...,
    ),
    "keys": (
        1,
        lambda u, nodes: make_hashed(dict.fromkeys, u.unpack_all(nodes)).keys(),
    ),
    "values": (1, lambda u, nodes: dict(enumerate(u.unpack_all(nodes))).values()),
    "items": (1, _unpack_items),
    "Decimal": (1, _unpack_decimal),
    "Fraction": (2, _unpack_fraction),
    "datetime": (1, _unpack_iso(datetime)),
    "date": (1, _unpack_iso(date)),
    "time": (1, _unpack_iso(time)),
    "timedelta": (3, _unpack_timedelta),
    "path": (1, lambda unpacker, node: PosixPath(check_text(unpacker.unpack(node)))),
}
