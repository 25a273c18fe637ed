"""Ports for servers of the tests: below those that the kernel gives to outgoing connections, and free at this moment.

What is sent to a server that has ended reaches no other one, and tests that run side by side hardly ever draw the same.
"""

import random
import socket

LOWEST, HIGHEST = 10_000, 32_767  # Linux gives 32,768 and above to outgoing connections

_DRAWS = random.SystemRandom()  # a seed that a test sets must not lead two processes to one port


def free_port() -> int:
    """A port that nobody listens on."""
    while True:
        port = _DRAWS.randint(LOWEST, HIGHEST)
        with socket.socket() as probe:
            try:
                probe.bind(("", port))
            except OSError:
                continue
            return port
