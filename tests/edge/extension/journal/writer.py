"""A process that writes a journal, to be killed: `writer.py <parent> <seed> append|random [limit]`.

Each line of its output is an operation that has returned: its name and its numbers.
"""

import random
import sys

from extension.journal import Journal
from tests.edge.extension.journal.build import ENVIRONMENT, WALL, Clock, seal_of


def body_of(serial: int, seed: int) -> bytes:
    """The body of this entry, the same wherever it is asked for."""
    dice = random.Random(serial * 1_000_003 + seed)
    return b"%d " % serial + dice.randbytes(dice.choice((0, 10, 300, 4096, 20_000)))


def tell(*words: object) -> None:
    print(*words, flush=True)


def main() -> None:
    parent, seed, what = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    journal = Journal.open(parent, ENVIRONMENT, lambda *line: tell("said", *line), now=Clock())
    tell("open", journal.left.last)
    dice = random.Random(seed)
    serial, sealed, forgotten = journal.left.last, journal.left.last, journal.left.last
    while True:
        roll = dice.random() if what == "random" else 1.0
        if roll < 0.05 and sealed < serial:
            tell("sealing", sealed + 1, serial)
            if not journal.seal(seal_of(sealed + 1, serial)):
                raise SystemExit("a seal did not get in")
            tell("seal", sealed + 1, serial)
            sealed = serial
        elif roll < 0.09 and forgotten < sealed:
            tell("forgetting", sealed)
            journal.forget(sealed)
            tell("forget", sealed)
            forgotten = sealed
        else:
            given = journal.append(body_of(serial + 1, seed), WALL + serial)
            serial += 1
            if given != serial:
                raise SystemExit(f"{given} instead of {serial}")
            tell("append", serial)


if __name__ == "__main__":
    main()
