"""How much memory the real process takes beyond what it has at rest, while an object of 50 MiB is made and put."""

import contextlib
import shutil
import threading
from pathlib import Path
from typing import Self

import pytest

from tests.edge.extension.test_process import ROOT, Process, line, platform, started
from tests.fakes import s3
from tests.fakes.lambda_api import LambdaApi, wait_until

MIB = 1024 * 1024


class Memory:
    """The anonymous memory of a process in MiB: when this was made, and the most that was seen while it was open."""

    def __init__(self, process: Process) -> None:
        self._status = Path(f"/proc/{process.popen.pid}/status")
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.idle = self.most = self._now()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.002):
            self.most = max(self.most, self._now())

    def _now(self) -> float:
        return int(self._status.read_text().partition("RssAnon:")[2].split()[0]) / 1024


def spooled(process: Process) -> int:
    """Bytes of the object that is being made which are in its file. Nobody logs 50 MB a second: the test waits."""
    found = 0
    for link in Path(f"/proc/{process.popen.pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed in this moment
            found += link.stat().st_size if "spool-" in str(link.readlink()) else 0
    return found


@pytest.mark.holds("memory: memory stays within 16 MiB of idle, whatever the byte threshold is")
def test_memory_stays_within_16_mib_of_idle_while_an_object_of_50_mib_is_made_and_put(
    tmp_path: Path, api: LambdaApi
) -> None:
    shutil.copy(ROOT / "layer" / "boot.py", tmp_path)
    (tmp_path / "extension").symlink_to(ROOT / "extension")
    told = {"SHIP_RATE_BYTES": str(50 * MIB), "SHIP_RATE_MILLISECONDS": "600000", "JOURNAL_BYTES": str(160 * MIB)}
    with s3.moto() as store, started(tmp_path, api, store, None, **told) as process:
        api.invoke("r1")
        api.deliver(platform("runtimeDone", "r1"))
        api.wait_for_next(2)
        (small,) = store.keys()
        api.invoke("r2", seconds=900)
        with Memory(process) as memory:
            for number in range(1, 90):
                assert api.deliver(*[line(f"{number:03}" * 20_000)] * 10) == 200
                if number < 86:  # behind that all of it may be stored already
                    wait_until(lambda at=number * 600_000 - MIB: spooled(process) > at, "it is written")  # type: ignore[misc]
            wait_until(lambda: store.keys() != [small], "the large object", patience=60)
        print("MiB at idle and at most:", memory.idle, memory.most)
        (large,) = set(store.keys()) - {small}
        assert int(store.get(large)[1]["Metadata"]["raw-bytes"]) >= 50 * MIB
        assert memory.most - memory.idle < 16
