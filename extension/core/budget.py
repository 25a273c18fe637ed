"""How much memory the extension may use for what it holds: a share of what the function has, for it is the function's.

Pure. Beside this the process takes 20 MB (54 with boto3), and while it reads a batch a few times the bytes of that.
"""

from __future__ import annotations

MIB = 1024 * 1024
SHARE = 8  # the extension holds this part of the function's memory
LEAST, MOST = 16 * MIB, 64 * MIB  # what a function with 128 MB gives, the smallest there is; and what is ever used
SMALLEST_FUNCTION = 128  # MB
INBOX_MOST = 8 * MIB


class Budget:
    """Bytes in memory: of the queue, of the chunk that is open, and of closed chunks that are not in files.

    A quarter is for the queue, half for closed chunks, a sixth for the open one. What is left takes connections.
    """

    __slots__ = ("chunk", "inbox", "total", "waiting")

    def __init__(self, memory_size: str) -> None:
        """`memory_size` is AWS_LAMBDA_FUNCTION_MEMORY_SIZE, in MB; what is no number counts as 128."""
        known = memory_size.isascii() and memory_size.isdigit() and len(memory_size) < 7  # noqa: PLR2004 - 10,240 is the most
        size = int(memory_size) if known else SMALLEST_FUNCTION
        self.total = min(max(size * MIB // SHARE, LEAST), MOST)
        self.inbox = min(self.total // 4, INBOX_MOST)
        self.waiting = self.total // 2
        self.chunk = self.total // 6
