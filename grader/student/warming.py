"""Uses what students use before the first of them is forked, so that forks share it.

Not once but until Python has specialised the code that runs cells and answers requests:
what it learns in a fork is learnt again in the next, and copies pages each time.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import torch
from IPython.core.async_helpers import get_asyncio_loop

from grader.peers.peer import Buffers, Message, Peer
from grader.student.main import Session, answer, send_reply
from grader.student.shell import Shell
from grader.values.packing import Node, Packer
from grader.wire.frames import Asker, Caps, Channel

CELLS: Final = (  # what first uses import, compile or cache
    "import math, numpy as np, matplotlib.pyplot as plt, torch\nprint(1)",
    "t = torch.ones(3, 4, requires_grad=True)\n(t.sigmoid() @ t.T).sum().backward()\nt",
    "layer = torch.nn.Linear(4, 1)\nsgd = torch.optim.SGD(layer.parameters(), lr=0.1)\n"
    "layer(torch.ones(2, 4)).log_softmax(0).sum().backward()\nsgd.step()\nlayer",
    "torch.autograd.gradcheck(torch.exp, torch.ones(2).double().requires_grad_())",
    "fig, ax = plt.subplots(); ax.plot([1, 2], label='x'); ax.legend(); "
    "ax.imshow([[1, 2]]); ax.set(title='$x^2$', xlabel='x')",
    "def f(x):\n    raise ValueError(x)\nf(1)",
    "this is no Python",
    "import numpy as np\nnp.linspace(0, 1, 3)",
    "from IPython.display import HTML, Markdown, display\ndisplay(HTML('<b>x</b>'))",
    "import asyncio\nawait asyncio.sleep(0)",
    "%%time\n%timeit -n 1 -r 1 1 + 1",
    "!ls",
    "import pandas as pd\npd.DataFrame({'a': [1.0, 2.0]})",
)
ANSWER: Final = "# exercise: f\ndef f(x, y=2):\n    return 2 * x"
TIMES: Final = 24  # Python 3.11 specialises a function at its eighth run, loops sooner


@dataclass(frozen=True)
class Thing:
    """What stays at the student's end, by its number there."""

    number: int


class Examiner(Peer):
    """Asks a student's end in this process, over a socket, as the examiner does."""

    prunes = True

    def __init__(self, shell: Shell, caps: Caps) -> None:
        super().__init__(first=0)
        ours, theirs = socket.socketpair()
        self._channel, self._caps = Asker(ours), caps
        self._session = Session(Channel(theirs), caps, shell)
        self.unpackers["function"] = (6, lambda unpacker, number, *about: Thing(number))

    def send(
        self, message: Message, buffers: Buffers
    ) -> tuple[Message, list[bytearray]]:
        """Let the request cross, be answered, and the reply cross back."""
        session = self._session
        self._channel.send(message, buffers)
        asked = session.channel.receive(self._caps)
        send_reply(session, *answer(session, *asked))
        return self._channel.receive(self._caps)

    def pack_object(self, packer: Packer, value: Any) -> Node:
        """Return the node of a thing at the other end."""
        return ["handle", value.number]

    def close(self) -> None:
        """Close both ends."""
        self._channel.close()
        self._session.channel.close()


def warm_up(output_bytes: int, caps: Caps) -> tuple[Shell, Callable[[], None]]:
    """Use what students use; return a fresh shell, and what a fork is to do first.

    A fork's first cell and call take 14 ms instead of 1, for each page that is written
    is copied. It practises on a shell of its own while the examiner is still busy with
    the submission before.
    """
    old = Shell.start()
    for index, source in enumerate(CELLS, 1):
        old.run(source, "warm", index)
    for _ in range(TIMES):
        practise(old, caps)
    get_asyncio_loop().close()  # a fork must not share it
    return Shell.start(output_bytes), partial(practise, old, caps)


def practise(shell: Shell, caps: Caps) -> None:
    """Run an answer and call it, as a check does."""
    examiner = Examiner(shell, caps)
    cell: Message = {"op": "run_cell", "source": ANSWER, "name": "f", "index": 1}
    examiner.send(cell, [])
    [(_, function)] = examiner.request("names", ["f"])
    for value in (torch.ones(3, dtype=torch.float64), torch.ones(2, 3), 2.0):
        examiner.request("call", (function, (), (("x", value),)))
    examiner.close()
