"""Collects what a cell displays, in order and bounded, as outputs of a notebook."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import os
import stat
from typing import Any, Final

CUT: Final = "\n[output cut here: a cell keeps {limit:,} bytes]\n"
TOO_MANY: Final = "\n[output cut here: a cell keeps {limit:,} outputs]\n"
TOO_LARGE: Final = "[a display of {size:,} bytes was left out: a cell keeps {limit:,}]"
MAX_OUTPUTS: Final = 500
DISPLAY_SHARE: Final = 3  # pictures may take so many times what streams may
RAW: Final = {"stdout": 1, "stderr": 2}  # descriptors that code below Python writes to


class Collector:
    """The outputs of the running cell; `take` ends it and begins the next."""

    def __init__(self, stream_bytes: int) -> None:
        self.stream_bytes = stream_bytes
        self.display_bytes = DISPLAY_SHARE * stream_bytes
        self.begin()

    def begin(self) -> None:
        """Forget everything and start with full allowances."""
        self.outputs: list[dict[str, Any]] = []
        self.left = self.stream_bytes
        self.display_left = self.display_bytes
        self.cut = False
        self.clear_next = False

    def take(self) -> list[dict[str, Any]]:
        """Return the outputs since the last time."""
        self.drain()
        outputs = self.outputs
        self.begin()
        return outputs

    def write(self, name: str, text: str) -> None:
        """Add text to a stream; beyond the allowance it is dropped with one note."""
        self.drain()
        self.add_text(name, text)

    def drain(self) -> None:
        """Take over what was written to the descriptors themselves."""
        for name, descriptor in RAW.items():
            with contextlib.suppress(OSError):  # a student may have closed it
                state = os.fstat(descriptor)
                if not state.st_size or not stat.S_ISREG(state.st_mode):
                    continue
                data = os.pread(descriptor, self.stream_bytes + 1, 0)
                os.ftruncate(descriptor, 0)
                self.add_text(name, data.decode(errors="replace"))

    def add_text(self, name: str, text: str) -> None:
        """Append to the last output if it is the same stream."""
        if self.cut or not text:
            return
        text = text[: self.left + 1]
        size = len(text.encode(errors="replace"))
        if size > self.left:
            text = text.encode(errors="replace")[: self.left].decode(errors="ignore")
            text += CUT.format(limit=self.stream_bytes)
            self.cut = True
        self.left -= size
        last = self.prepare()
        if last.get("name") == name:
            last["text"].append(text)
        else:
            self.add({"output_type": "stream", "name": name, "text": [text]})

    def prepare(self) -> dict[str, Any]:
        """Clear if that was asked for; return the last output or an empty one."""
        if self.clear_next:
            self.clear_next = False
            self.outputs = []
        return self.outputs[-1] if self.outputs else {}

    def add(self, output: dict[str, Any]) -> None:
        """Append an output unless there are too many; the first too many tells so."""
        if len(self.outputs) < MAX_OUTPUTS:
            self.outputs.append(output)
        elif len(self.outputs) == MAX_OUTPUTS:
            text = TOO_MANY.format(limit=MAX_OUTPUTS)
            self.outputs.append(
                {"output_type": "stream", "name": "stderr", "text": [text]}
            )
            self.cut = True

    def show(self, kind: str, data: Any, metadata: Any, **extra: Any) -> None:
        """Add a display or a result, with its representations by type."""
        self.drain()
        self.prepare()
        bundle = self.bound(data)
        self.add(
            {
                "output_type": kind,
                "data": bundle,
                "metadata": plain(metadata or {}),
                **extra,
            }
        )

    def bound(self, data: dict[str, Any]) -> dict[str, Any]:
        """Return a bundle as plain values, without what is too large."""
        bundle = {str(kind): represent(str(kind), data[kind]) for kind in data}
        for kind in sorted(bundle, key=lambda kind: len(measurable(bundle[kind]))):
            size = len(measurable(bundle[kind]).encode(errors="replace"))
            if size > self.display_left:
                del bundle[kind]
                note = TOO_LARGE.format(size=size, limit=self.display_bytes)
                bundle["text/plain"] = note
            else:
                self.display_left -= size
        return bundle

    def update(self, display_id: str, data: Any, metadata: Any) -> None:
        """Replace what was displayed under an id."""
        self.drain()
        for output in self.outputs:
            if output.get("display_id") == display_id:
                output["data"] = self.bound(data)
                output["metadata"] = plain(metadata or {})

    def clear(self, *, wait: bool) -> None:
        """Remove the outputs so far, at once or when the next one comes."""
        self.drain()
        self.clear_next = wait
        if not wait:
            self.outputs = []

    def fail(self, name: str, value: str, lines: list[str]) -> None:
        """Add an error as a kernel reports it."""
        self.drain()
        self.prepare()
        bounded = [line[: self.stream_bytes // 8] for line in lines[:200]]
        self.add(
            {
                "output_type": "error",
                "ename": name[:1000],
                "evalue": value[: self.stream_bytes // 8],
                "traceback": bounded,
            }
        )


class Stream(io.TextIOBase):
    """Stands for sys.stdout or sys.stderr."""

    def __init__(self, name: str, collector: Collector) -> None:
        self.name = name
        self.collector = collector
        self.owner = os.getpid()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """What code that asks is told."""
        return "UTF-8"

    @property
    def buffer(self) -> io.FileIO:
        """The stream of bytes below."""
        return io.FileIO(RAW[self.name], "w", closefd=False)

    def writable(self) -> bool:
        """Say that one can write."""
        return True

    def close(self) -> None:
        """Stay open: the next cell prints too."""

    def fileno(self) -> int:
        """Return the descriptor below, which is captured too."""
        return RAW[self.name]

    def write(self, text: str) -> int:
        """Add text to the outputs; a child process hands it to its parent."""
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text)}")
        if os.getpid() == self.owner:
            self.collector.write(self.name, text)
        else:
            os.write(RAW[self.name], text.encode(errors="replace"))
        return len(text)


def finish(outputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return outputs as a notebook file holds them."""
    for output in outputs:
        output.pop("display_id", None)
        if output["output_type"] == "stream":
            output["text"] = "".join(output["text"])
    return [mend(output) for output in outputs]


def mend(value: Any) -> Any:
    """Return a plain value whose texts can be written to a file."""
    if isinstance(value, str):
        return value.encode(errors="replace").decode()  # halves of surrogate pairs
    if isinstance(value, dict):
        return {mend(key): mend(child) for key, child in value.items()}
    return [mend(child) for child in value] if isinstance(value, list) else value


def represent(kind: str, value: Any) -> Any:
    """Return one representation as a plain value: bytes as base64, text as text."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, str):
        return value
    return plain(value) if kind.endswith("json") else str(value)


def plain(value: Any) -> Any:
    """Return what JSON can hold of a value, or an empty object."""
    try:
        return json.loads(json.dumps(value, allow_nan=False, default=str))
    except (TypeError, ValueError, RecursionError):
        return {}


def measurable(value: Any) -> str:
    """Return a text as long as the value is on the wire."""
    return value if isinstance(value, str) else json.dumps(value)
