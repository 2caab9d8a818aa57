"""The client of `matsense serve`: the process, its lines, and the memory that both processes share.

docs/protocol.md describes the requests and the answers.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import mmap
import os
import re
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from matsense._command import apart, executable
from matsense._errors import Error, ServerEnded, in_python, of_exit_code

PROTOCOL = 1
Array = NDArray[np.float64]


class Server:
    """A process of `matsense serve`.

    A Python process has at most one, for all its problems: the first problem starts it, and it ends with the
    last one. It also ends if this process is gone, since its input ends then.

    Requests are made in a `with` statement, which lets one thread at a time make requests:

        with server:
            answer = server.request("close", problem=1)
    """

    _current: ClassVar[Server | None] = None
    # One lock for all servers. A thread may take it again, since a method in Python that the server runs
    # makes requests of its own.
    _lock: ClassVar[threading.RLock] = threading.RLock()

    def __init__(self) -> None:
        """Start the process."""
        self._depth = 0  # of `with` statements
        self._last = 0  # number of the last request
        self._received = b""  # the beginning of a line
        self._pending = False  # an answer may be missing, because the request for it was interrupted
        self._exchanging = False  # the answer to a request of `exchange` may not have been read
        self._cut = False  # whether the last line may have been written in part
        self._problems: dict[int, Memory] = {}
        self._abandoned: list[int] = []  # problems that nobody can close any more
        self._reason = ""  # why the server has ended
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (the process writes to it)
        command = executable()
        try:
            self._process = subprocess.Popen(
                [command, "serve"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                bufsize=0,
                **apart(),
            )
        except OSError as error:
            raise Error(f"the command {command} cannot be started: {error.strerror}") from None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._requests = self._process.stdin.fileno()
        self._answers = self._process.stdout.fileno()

    @classmethod
    def open_problem(cls, settings: dict[str, Any], members: object) -> tuple[Server, Memory, dict[str, Any]]:
        """Open a problem on this process's server, which is started if there is none.

        Returns the server, memory for the problem's arrays, and the server's description of the problem.
        """
        with cls._lock:
            if cls._current is None or cls._current._reason:
                cls._current = cls._started()
            self = cls._current
            try:
                with self:
                    answer = self.request("open", settings=settings, members=members)
                    memory = self._problems[answer["problem"]] = Memory(self)
            finally:
                self._end_unused()
            return self, memory, answer

    @classmethod
    def _started(cls) -> Server:
        server = cls()
        try:
            with server:
                server.request("hello", protocol=PROTOCOL)
        except ServerEnded as error:
            # A command that has no verb `serve` says so itself.
            raise Error(str(error)) from None
        except BaseException:
            server.end("the server was not used")
            raise
        return server

    def __enter__(self) -> Server:
        """Wait until no other thread makes requests, and until the server has answered all."""
        self._lock.acquire()
        try:
            if self._reason:
                raise ServerEnded(self._reason)
            self._depth += 1
            try:
                self._settle()
            except BaseException:
                self._depth -= 1
                raise
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let other threads make requests."""
        self._depth -= 1
        self._lock.release()

    def request(self, call: str, **members: object) -> dict[str, Any]:
        """Make a request, and return the answer. An answer that tells an error is raised as an exception."""
        return self.exchange(request_line(call, **members))

    def exchange(self, rest: bytes) -> dict[str, Any]:
        """Make a request whose line has been prepared by `request_line`, and return the answer."""
        self._last += 1
        number = self._last
        self._pending = self._exchanging = True
        self.write(b'{"id":%d,%b' % (number, rest))
        answer = self.read()
        while answer.get("id") != number:
            answer = self.read()
        self._pending, self._exchanging = self._depth > 1, False  # a conversation goes on
        if "error" in answer:
            raise of_exit_code(answer["exit_code"], in_python(answer["error"]))
        return answer

    def converse(self, rest: bytes, reply: Callable[[dict[str, Any]], bytes | None]) -> dict[str, Any]:
        """Make a request as `exchange` does. Until its answer comes, `reply` takes the server's events.

        If `reply` returns a line, it is the answer to the event. It may make requests of its own before.
        """
        self._last += 1
        number = self._last
        self._pending = True
        self.write(b'{"id":%d,%b' % (number, rest))
        while (answer := self.read()).get("id") != number:
            line = reply(answer) if "event" in answer else None
            if line is not None:
                self.write(line)
        self._pending = False
        if "error" in answer:
            raise of_exit_code(answer["exit_code"], answer["error"])
        return answer

    def kill(self, reason: str) -> None:
        """End the process at once. It saves nothing."""
        self._process.kill()
        self.end(reason)

    def write(self, line: bytes) -> None:
        """Write a line to the server. The line ends with a line feed."""
        # An exception may have come while the line before was written. Then that line is ended first, and the
        # server answers that it is not JSON, or carries it out: see _settle.
        if self._cut:
            line = b"\n" + line
        self._cut = True
        try:
            while line:
                line = line[os.write(self._requests, line) :]
        except OSError:
            raise self._ended() from None
        self._cut = False

    def read(self) -> dict[str, Any]:
        """Read the next line of the server."""
        answer: dict[str, Any] = json.loads(self._line())
        return answer

    def _line(self) -> bytes:
        while (end := self._received.find(b"\n")) < 0:
            try:
                part = os.read(self._answers, 1 << 16)
            except OSError:
                part = b""
            if not part:
                raise self._ended()
            self._received += part
        line, self._received = self._received[:end], self._received[end + 1 :]
        return line

    def _settle(self) -> None:
        """Wait for the answer to a request that was interrupted, and close problems that were abandoned.

        An exception such as KeyboardInterrupt can come at any place: before the request was written, or after
        the answer was read. So the end of the answers is found by the answer to another request.
        """
        within = self._depth > 1  # a conversation, whose own answer comes later
        if self._exchanging if within else self._pending:
            self._last += 1
            self.write(b'{"id":%d,"call":"hello","protocol":%d}\n' % (self._last, PROTOCOL))
            while b'{"id":%d,' % self._last not in (line := self._line()):
                if opened := re.search(rb'"problem":(\d+),"n":', line):
                    number = int(opened[1])
                    self._problems[number] = Memory(self)
                    self._abandoned.append(number)
            self._pending, self._exchanging = within, False
        while self._abandoned and not within:
            self._send_close(self._abandoned.pop())

    def close_problem(self, number: int) -> None:
        """Close a problem, and end the server with the last one. An interrupted call is not awaited."""
        with self._lock:
            if self._reason:
                return
            if self._problems.keys() - {number, *self._abandoned}:
                with contextlib.suppress(ServerEnded):
                    self._send_close(number)
            else:
                self.end("the problem is closed")

    def _send_close(self, number: int) -> None:
        """Ask the server to close a problem and to forget its memory. Its answers are left for later."""
        memory = self._problems.pop(number)
        self._pending = True
        self._last += 1
        self.write(b'{"id":%d,"call":"close","problem":%d}\n' % (self._last, number))
        if memory.number:
            self._last += 1
            self.write(b'{"id":%d,"call":"unshare","memory":%d}\n' % (self._last, memory.number))

    def abandon_problem(self, number: int) -> None:
        """Close a problem that has no references any more.

        This runs at any place of any thread, also within a request: then the problem is closed later.
        """
        self._abandoned.append(number)
        if self._lock.acquire(blocking=False):
            try:
                if self._depth == 0 and not self._reason:
                    self._abandoned.remove(number)
                    self.close_problem(number)
            finally:
                self._lock.release()

    def _end_unused(self) -> None:
        if not self._problems.keys() - set(self._abandoned):
            self.end("the problem is closed")

    def end(self, reason: str) -> None:
        """End the process. The reason is told to those who make requests later."""
        if self._reason:
            return
        self._reason = reason
        with contextlib.suppress(OSError):
            assert self._process.stdin is not None
            self._process.stdin.close()
        try:
            self._process.wait(5)  # it ends a long call within a second or two
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        finally:
            self._close_files()
            _remove_left()

    def _ended(self) -> ServerEnded:
        """Return the exception for a server that has ended."""
        if self._reason:
            return ServerEnded(self._reason)
        try:
            code = self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        self._errors.seek(0)
        said = self._errors.read(1 << 16).decode(errors="replace").strip().splitlines()
        how = f"exit code {code}"
        if code < 0:
            with contextlib.suppress(ValueError):
                how = signal.Signals(-code).name
        self._reason = f"matsense serve has ended ({how}): open the problem again"
        if said:
            self._reason = f"matsense serve has ended ({how}): {re.sub('^Error: ', '', said[0])}"
        self._close_files()
        return ServerEnded(self._reason)

    def _close_files(self) -> None:
        for file in (self._process.stdin, self._process.stdout, self._errors):
            if file is not None:
                with contextlib.suppress(OSError):
                    file.close()

    @classmethod
    def _end_at_exit(cls) -> None:
        if cls._current is not None:
            cls._current.end("Python is ending")

    @classmethod
    def _leave_to_parent(cls) -> None:
        """Forget the server in a process that was forked: the pipes belong to the parent."""
        cls._lock = threading.RLock()  # another thread of the parent may have held it
        self, cls._current = cls._current, None
        if self is not None and not self._reason:
            self._reason = "the problem was opened by the parent of this process: open it here again"
            self._close_files()
            self._process.returncode = 0  # it is not a child of this process


atexit.register(Server._end_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=Server._leave_to_parent)


def request_line(call: str, **members: object) -> bytes:
    """Return the line of a request without its number, for `Server.exchange`."""
    return json.dumps({"call": call, **members}, allow_nan=False)[1:].encode() + b"\n"


class Memory:
    """Memory that this process and the server share. It has room for the arrays of one request."""

    def __init__(self, server: Server) -> None:
        """Share no memory yet."""
        self._server = server
        self._map: mmap.mmap | None = None
        self.number = 0  # by which the server knows it; 0 before there is any
        self._size = 0

    def arrays(self, shapes: Sequence[tuple[int, ...]]) -> tuple[list[Array], list[dict[str, Any]]] | None:
        """Return views of arrays that lie one behind another, and how requests name them.

        Returns None if they need more than the room that there is.
        """
        views, places, offset = [], [], 0
        for shape in shapes:
            count = int(np.prod(shape))
            end = offset + 8 * count
            if end > self._size or self._map is None:
                return None
            views.append(np.frombuffer(self._map, np.float64, count, offset).reshape(shape))
            places.append({"memory": self.number, "offset": offset, "shape": list(shape)})
            offset = end
        return views, places

    def free(self) -> None:
        """Have the server forget the memory. Views of it stay until nothing refers to them any more."""
        number, self._map, self.number, self._size = self.number, None, 0, 0
        if number:
            with contextlib.suppress(ServerEnded):
                self._server.request("unshare", memory=number)

    def grow(self, size: int) -> None:
        """Replace the memory by one with at least `size` bytes. Views of the old one lose their meaning."""
        size = -(-size // mmap.PAGESIZE) * mmap.PAGESIZE
        with _shared_file(size) as (path, descriptor):
            try:
                self._map = mmap.mmap(descriptor, size)
            except OSError as error:
                raise Error(f"{size} bytes of shared memory cannot be had: {error.strerror}") from None
            old, self._size = self.number, 0
            self.number = self._server.request("share", path=path, bytes=size)["memory"]
            self._size = size
        if old:
            self._server.request("unshare", memory=old)


@contextlib.contextmanager
def _shared_file(size: int) -> Iterator[tuple[str, int]]:
    """Yield the path and the descriptor of a file that has no name, or loses it when the context ends."""
    if hasattr(os, "memfd_create"):  # no file system bounds its size, and nothing is left behind
        descriptor = os.memfd_create("matsense")
        path = f"/proc/{os.getpid()}/fd/{descriptor}"
    else:
        descriptor, path = tempfile.mkstemp(prefix="matsense-")
        _left.append(path)
    try:
        os.ftruncate(descriptor, size)
        yield path, descriptor
    finally:
        os.close(descriptor)
        _remove_left()


_left: list[str] = []  # files to remove; Windows keeps a file while it is mapped


def _remove_left() -> None:
    for path in list(_left):
        with contextlib.suppress(OSError):
            os.unlink(path)
            _left.remove(path)
