"""Both ends of the line in one process: everything still crosses as JSON and bytes."""

import json
import weakref

from grader.cells.names import make_plan
from grader.cells.namespace import Namespace
from grader.cells.runner import Runner
from grader.cells.shell import make_builtins
from grader.peers.peer import Peer
from grader.proxies.line import Line
from grader.student.handles import answer_request
from grader.values.packing import check_list, check_text


def cross(message, buffers=()):
    return json.loads(json.dumps(message)), [bytearray(data) for data in buffers]


class PlainPeer(Peer):
    """An end that calls plain functions by name."""

    def __init__(self, number, functions):
        super().__init__(number)
        self.functions = functions
        self.prunes = number == 0
        self.bend = lambda message: message

    def send(self, message, buffers):
        reply, out = cross(*self.other.answer(*cross(message, buffers)))
        return self.bend(reply), out

    def perform(self, message, value):
        return self.functions[message["name"]](*value)

    def pack_error(self, packer, error):
        return [type(error).__name__, str(error)]

    def unpack_error(self, unpacker, node):
        return RuntimeError(": ".join(map(check_text, check_list(node))))

    def call(self, name, *args):
        return self.request("call", args, name=name)


def make_pair(**functions):
    """Two ends; the first one asks."""
    asks, answers = PlainPeer(0, {}), PlainPeer(1, functions)
    asks.other, answers.other = answers, asks
    return asks, answers


class Session:
    """What `grader.student.main.Session` is for the student's end."""

    def __init__(self, names):
        self.names, self.objects = names, {}
        self.busy, self.caps, self.channel = False, None, self

    def call_back(self, message, buffers=()):
        sent = cross({**message, "op": "callback"}, buffers)
        return cross(*self.answer_callback(*sent))


class PlainProcess:
    """What `StudentProcess` is for the examiner's end."""

    def __init__(self, names):
        self.session = Session(names)

    def request(self, message, buffers, *, timeout_s, on_callback):
        self.session.answer_callback = on_callback
        return cross(*answer_request(self.session, *cross(message, buffers)))


class Connected:
    """A student's cell on one side, and test cells on the other."""

    def __init__(self, answer, release="", cells=()):
        self.theirs = {"__name__": "__main__"}
        exec(compile(f"{release}\n{answer}", "Cell In[1]", "exec"), self.theirs)
        self.line = Line(PlainProcess(self.theirs))
        self.line.sources.add(1, f"{release}\n{answer}")
        builtins = make_builtins(lambda: names)
        start = {"__name__": "__main__", "__builtins__": builtins}
        self.names = names = Namespace(self.line, make_plan(cells), start)
        self.runner = Runner(names)
        weakref.finalize(self, self.runner.close)
        if release:
            self.run(release)

    def __getitem__(self, name):
        return self.names[name]

    def run(self, source, seconds=30):
        """Run a test cell; return how it ended."""
        return self.runner.run(source, "<test>", seconds=seconds)

    def check(self, source):
        """Run a test cell that must pass; return the value of its last line."""
        ran = self.run(source)
        if ran.error is not None:
            raise ran.error
        return ran.value
