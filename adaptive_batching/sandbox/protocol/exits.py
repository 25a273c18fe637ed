"""How the end of a process is worded in Lambda's errors. Pure. `code` is the exit status, or minus the signal.

The words for signals are those of Go (syscall/zerrors_linux_amd64.go). Source: Lambda's runtime interface emulator.
"""

from __future__ import annotations

import signal

_SIGNALS = {
    signal.SIGHUP: "hangup",
    signal.SIGINT: "interrupt",
    signal.SIGQUIT: "quit",
    signal.SIGILL: "illegal instruction",
    signal.SIGTRAP: "trace/breakpoint trap",
    signal.SIGABRT: "aborted",
    signal.SIGBUS: "bus error",
    signal.SIGFPE: "floating point exception",
    signal.SIGKILL: "killed",
    signal.SIGUSR1: "user defined signal 1",
    signal.SIGSEGV: "segmentation fault",
    signal.SIGUSR2: "user defined signal 2",
    signal.SIGPIPE: "broken pipe",
    signal.SIGALRM: "alarm clock",
    signal.SIGTERM: "terminated",
}


def of_runtime(code: int) -> str:
    """Return the message for the end of a runtime."""
    return f"Runtime exited with error: {_how(code)}" if code else "Runtime exited without providing a reason"


def of_extension(code: int) -> str:
    """Return the message for the end of an extension."""
    return _how(code) if code else "exit code 0"


def _how(code: int) -> str:
    if code >= 0:
        return f"exit status {code}"
    return f"signal: {_SIGNALS.get(-code) or f'signal {-code}'}"  # type: ignore[call-overload]
