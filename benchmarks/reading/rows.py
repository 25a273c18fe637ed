"""The figures of reading: converting a million lines, a search and a report. CPU of processes of their own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.output.rows import Row, at_most
from benchmarks.programs import ROOT
from benchmarks.reading import traffic

if TYPE_CHECKING:
    from collections.abc import Sequence

#: CPU of zlib and json.loads on the same lines: what any reader has to spend.
_FLOOR = """
import json, sys, time, zlib
from pathlib import Path
bodies = [file.read_bytes() for file in Path(sys.argv[1]).rglob("*.gz")]
began = time.process_time()
for body in bodies:
    for line in zlib.decompress(body, 31).split(b"\\n"):
        if line:
            json.loads(line)
print(json.dumps({"seconds": time.process_time() - began, "gz": sum(map(len, bodies))}))
"""
#: One command's work: CPU of the process, its imports included, and its largest memory.
_READ = """
import json, resource, sys, time
from pathlib import Path
from adaptive_batching.logs.reading import Reading
with Reading(sys.argv[1], cache=Path(sys.argv[2])).open() as logs:
    found = logs.connection.execute("select * from logs where request_id = ? order by ts", [sys.argv[3]]).fetchall()
    assert found, "the request is not there"
    assert logs.complete().whole
print(json.dumps({
    "seconds": time.process_time(), "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
}))
"""
#: A report and its page.
_REPORT = """
import json, sys, time
from datetime import UTC, datetime
from pathlib import Path
from adaptive_batching.logs.reading import Reading
from adaptive_batching.logs.report.document import Wish, document
from adaptive_batching.logs.report.page.page import page
with Reading(sys.argv[1], cache=Path(sys.argv[2])).open() as logs:
    made = page(document(logs, Wish(), "bucket", datetime.now(UTC)), UTC)
print(json.dumps({"seconds": time.process_time(), "kb": len(made.encode()) / 1000}))
"""


def rows(lines: int, times: int) -> list[Row]:
    """Measure with so many lines, the best of so many times."""
    with tempfile.TemporaryDirectory() as name:
        objects, cache = Path(name) / "objects", Path(name) / "cache"
        request = traffic.write(objects, lines)[lines // 20]
        floors, colds = [], []
        for _ in range(times):  # side by side: the machine is as busy for the one as for the other
            shutil.rmtree(cache, ignore_errors=True)
            floors.append(_run(_FLOOR, [objects]))
            colds.append(_run(_READ, [objects, cache, request]))
        warm = min(_run(_READ, [objects, cache, request])["seconds"] for _ in range(times))
        reports = [_run(_REPORT, [objects, cache]) for _ in range(times)]
        floor, cold = min(one["seconds"] for one in floors), min(one["seconds"] for one in colds)
        size = sum(file.stat().st_size for file in cache.rglob("*.parquet"))
        return [
            at_most(f"logs: {lines:,} lines converted, CPU of zlib and json.loads", "x", 1.3, (cold - warm) / floor),
            at_most("logs: memory while converting", "MB", 300, max(one["mb"] for one in colds)),
            at_most("logs: the cache, size of the gzip objects", "x", 1.2, size / floors[0]["gz"]),
            at_most("logs: a warm search for a request, CPU", "s", 1, warm),
            at_most("logs: a warm report with its page, CPU", "s", 4, min(one["seconds"] for one in reports)),
            at_most("logs: the page", "KB", 400, reports[0]["kb"]),
        ]


def _run(program: str, words: Sequence[object]) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, words)], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found
