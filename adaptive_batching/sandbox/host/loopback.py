"""Ports that the processes of an environment open on all interfaces are opened on loopback instead.

In Lambda nobody reaches an extension's listener from outside. Here the environment shares the network of this machine,
because the function needs the internet, the embedded S3 and whatever else the developer runs on loopback; a network
namespace would cut that off. The kernel therefore asks the sandbox about each bind(2) of these processes (seccomp user
notification, Linux 5.6, no rights needed), and the sandbox binds 0.0.0.0:PORT as 127.0.0.1:PORT. Port 0 is left alone:
clients bind it before they connect to another machine.

Sources: seccomp(2), seccomp_unotify(2), pidfd_getfd(2); linux/seccomp.h and linux/filter.h.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import functools
import os
import select
import socket
import struct
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    P = ParamSpec("P")
    T = TypeVar("T")

#: Machine of uname(2) -> its number in a filter, and the numbers of the system calls bind and seccomp.
_MACHINES = {"x86_64": (0xC000003E, 49, 317), "aarch64": (0xC00000B7, 200, 277)}
_PIDFD_GETFD = 438
#: The longest time, in seconds, in which the thread that answers ends.
END = 5.0
_NO_NEW_PRIVS, _SET_MODE_FILTER = 38, 1
#: Without the second one, older kernels slow every process with a filter down, as a defence against Spectre.
_NEW_LISTENER, _SPEC_ALLOW, _WAIT_KILLABLE = 1 << 3, 1 << 2, 1 << 5
_RECEIVE, _SEND = 0xC0502100, 0xC0182101
_CONTINUE = 1
_LOAD, _EQUAL, _RETURN, _ALLOW, _NOTIFY = 0x20, 0x15, 0x06, 0x7FFF0000, 0x7FC00000
#: id, pid, flags, number, architecture, instruction pointer, six arguments; id, value, error, flags.
_REQUEST, _REPLY = struct.Struct("=QIIiIQ6Q"), struct.Struct("=QqiI")


class Unavailable(Exception):  # noqa: N818 - says what is the case
    """The kernel does not let the sandbox see the bind calls of its processes. The message says why."""


class Loopback:
    """Starts processes whose ports are opened on loopback. Raises Unavailable.

    The filter holds for one thread and everything that it starts, so all processes are started on that thread.
    """

    def __init__(self) -> None:
        machine = os.uname().machine
        if machine not in _MACHINES:
            raise Unavailable(f"not known for {machine}")
        self._starter = ThreadPoolExecutor(1, thread_name_prefix="starter")
        try:
            self._listener = self._starter.submit(_install, *_MACHINES[machine]).result()
        except OSError as error:
            self._starter.shutdown()
            raise Unavailable(f"the kernel refuses a seccomp filter ({error.strerror})") from None
        self._wake, self._poke = os.pipe()
        self._thread = threading.Thread(target=self._answer_all, name="loopback", daemon=True)
        self._thread.start()

    def start(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Make a call, which starts a process, on the thread that has the filter. Return its result."""
        return self._starter.submit(call, *args, **kwargs).result()

    def close(self) -> None:
        """Stop. A bind of a process that still runs then fails with ENOSYS."""
        self._starter.shutdown()
        os.close(self._poke)
        self._thread.join(END)
        os.close(self._listener)
        os.close(self._wake)

    def _answer_all(self) -> None:
        waiting = select.poll()  # select takes no descriptor above 1023
        waiting.register(self._listener, select.POLLIN)
        waiting.register(self._wake, select.POLLIN)
        while True:
            if any(descriptor == self._wake for descriptor, _ in waiting.poll()):
                return
            request = bytearray(_REQUEST.size)
            try:
                fcntl.ioctl(self._listener, _RECEIVE, request)
            except OSError:  # the process died before it was asked for
                continue
            number, pid, _, _, _, _, descriptor, address, length, *_ = _REQUEST.unpack(request)
            error = _bind(pid, descriptor, address, length)
            flags = _CONTINUE if error is None else 0
            with contextlib.suppress(OSError):  # the process died meanwhile
                fcntl.ioctl(self._listener, _SEND, _REPLY.pack(number, 0, -(error or 0), flags))


def _install(architecture: int, bind: int, seccomp: int) -> int:
    """Put the filter on this thread, for good. Return the descriptor that receives its bind calls. Raises OSError."""
    steps = [
        (_LOAD, 0, 0, 4),  # the architecture
        (_EQUAL, 0, 3, architecture),
        (_LOAD, 0, 0, 0),  # the system call
        (_EQUAL, 0, 1, bind),
        (_RETURN, 0, 0, _NOTIFY),
        (_RETURN, 0, 0, _ALLOW),
    ]
    program = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in steps))
    head = ctypes.create_string_buffer(struct.pack("@HP", len(steps), ctypes.addressof(program)))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    flags = _NEW_LISTENER | _SPEC_ALLOW
    for wanted in (flags | _WAIT_KILLABLE, flags):  # the first since Linux 5.19
        listener: int = libc.syscall(seccomp, _SET_MODE_FILTER, wanted, head)
        if listener >= 0:
            os.set_inheritable(listener, False)
            return listener
    raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _bind(thread: int, descriptor: int, address: int, length: int) -> int | None:
    """Bind the socket of a process to loopback if it asks for all interfaces and a port.

    Return 0 or the error number. None: the kernel shall do what was asked for.
    """
    try:
        with Path(f"/proc/{thread}/mem").open("rb", buffering=0) as memory:
            memory.seek(address)
            data = memory.read(min(length, 28))
        port = wildcard_port(data)
        if not port:
            return None
        with _socket_of(thread, descriptor) as own:
            if own.family == socket.AF_INET:
                target = "127.0.0.1"
            else:
                target = "::1" if own.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) else "::ffff:127.0.0.1"
            try:
                own.bind((target, port))
            except OSError as error:
                return error.errno or None
            return 0
    except (OSError, ValueError, OverflowError):
        return None


def wildcard_port(address: bytes) -> int:
    """Return the port of a socket address for all interfaces, 0 if it is another one. Pure."""
    family, port = address[:2], int.from_bytes(address[2:4], "big")
    if family == struct.pack("=H", socket.AF_INET):
        host, size = address[4:8], 4
    else:
        host, size = address[8:24], 16 if family == struct.pack("=H", socket.AF_INET6) else -1
    return port if len(host) == size and not any(host) else 0


def _socket_of(thread: int, descriptor: int) -> socket.socket:
    """Return a duplicate of the socket that a descriptor of another process is. Raises OSError."""
    status = Path(f"/proc/{thread}/status").read_text(encoding="ascii", errors="replace")
    process = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("Tgid:"))
    handle = os.pidfd_open(process)
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        found: int = libc.syscall(_PIDFD_GETFD, handle, descriptor, 0)
        if found < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        return socket.socket(fileno=found)
    finally:
        os.close(handle)


@functools.cache
def unavailable() -> str:
    """Return "" if this works on this machine, else the reason why it does not."""
    try:
        loopback = Loopback()
    except Unavailable as why:
        return str(why)
    try:
        return "" if loopback.start(_trial) == "127.0.0.1" else "the kernel does not show the sockets of processes"
    finally:
        loopback.close()


def _trial() -> str:
    """Bind a socket to all interfaces, and return the address to which it is bound."""
    while True:
        with socket.socket() as free, socket.socket() as trial:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
            free.close()
            try:
                trial.bind(("0.0.0.0", port))  # noqa: S104 - that is what is tried
            except OSError as error:
                if error.errno != errno.EADDRINUSE:  # another process has taken the port meanwhile
                    raise
            else:
                return str(trial.getsockname()[0])
