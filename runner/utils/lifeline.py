"""Processes that end when the one that started them does, however that ends.

The starter holds the one end of a pipe, which the system closes when it dies, also by ``SIGKILL``; who holds the other
end notices. Linux also knows a signal on the parent's death, but it comes when the *thread* ends that was the parent.

A worker in Python watches for itself: ``end_with``. Any other program is run by a small process that watches for it and
ends the program with all that it started: ``python lifeline.py COMMAND …``, where the standard input is the pipe.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress

TYPE_CHECKING = False
if TYPE_CHECKING:  # no module that takes long to import: each program waits for this one
    from multiprocessing.connection import Connection

_PATIENCE_SECONDS = 1.0
"""Given to a program between the request to end and its end."""


class Lifeline:
    """The end of the pipe that the starting process holds; ``watched`` is for those which it starts."""

    def __init__(self) -> None:
        from multiprocessing import Pipe

        self.watched, self._held = Pipe(duplex=False)


def end_with(watched: Connection) -> None:
    """End this process at once when the one that holds the other end of ``watched`` has ended.

    On Linux the system sends ``SIGKILL``, whatever this process is doing. Elsewhere a thread takes notice, which native
    code that holds the interpreter can delay.
    """
    if sys.platform == "linux":
        with suppress(OSError):  # without /proc the thread has to do
            _killed_on_hang_up(watched.fileno())
    threading.Thread(target=_wait_and_die, args=(watched,), name="lifeline", daemon=True).start()


def _killed_on_hang_up(descriptor: int) -> None:
    """Have the system kill this process at any event of the pipe, of which there is one only: that it is closed.

    Who is killed is a property of the open pipe, which is opened anew, as other workers share the one given.
    """
    import fcntl

    own = os.open(f"/proc/self/fd/{descriptor}", os.O_RDONLY)
    fcntl.fcntl(own, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(own, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(own, fcntl.F_SETFL, fcntl.fcntl(own, fcntl.F_GETFL) | os.O_ASYNC)


def _wait_and_die(watched: Connection) -> None:
    with suppress(EOFError, OSError):
        watched.recv_bytes()
    os.kill(os.getpid(), signal.SIGKILL)


def tied(command: Sequence[str]) -> list[str]:
    """A command that runs ``command`` and ends it, with all that it started, when its own standard input ends.

    Start it with ``stdin=PIPE`` and, to be able to signal all of its processes, ``start_new_session=True``. Its exit
    status is that of ``command``.
    """
    return [sys.executable, "-I", "-S", __file__, *command]


def main(command: Sequence[str]) -> int:
    """Run ``command`` until it ends or the standard input does; its exit status."""
    if os.getpgid(0) != os.getpid():  # the group is to be that of the command alone
        os.setsid()
    for number in (signal.SIGTERM, signal.SIGINT):  # sent to the group: the command ends by it, and this after it
        signal.signal(number, lambda number, frame: None)
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    threading.Thread(target=_end_group_with_input, daemon=True).start()
    status = child.wait()
    return status if status >= 0 else 128 - status


def _end_group_with_input() -> None:
    os.read(sys.stdin.fileno(), 1)  # not a file of Python's, whose lock would be held at the interpreter's end
    os.killpg(0, signal.SIGTERM)
    time.sleep(_PATIENCE_SECONDS)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
