"""What real functions log in the sandbox, shipped by the built layer and read from S3: failed, init, complete."""

from __future__ import annotations

import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from adaptive_batching.logs.reading import Reading
from adaptive_batching.logs.report.document import Wish, document
from adaptive_batching.logs.sql import rules
from tests.e2e.conftest import LAYER, PREFIX, ROOT
from tests.fakes.s3 import clean_environ

if TYPE_CHECKING:
    from adaptive_batching.logs.reading import Logs
    from tests.fakes.s3 import Moto

PYTHON = """
import json, logging
log = logging.getLogger()
log.setLevel("INFO")
count = 0

def handler(event, context):
    global count
    count += 1
    print(json.dumps({"level": "WARNING", "message": "printed", "traceId": "t-1", "milestone": "SAVED"}))
    try:
        raise KeyError("inner")
    except KeyError:
        log.exception("caught it")
    log.info("after")
    if count == 2:
        raise ValueError("this subject\\ncannot be saved")
    return count
"""
NODE = """
let count = 0;
export const handler = async () => {
  count += 1;
  console.log(JSON.stringify({level: "warn", message: "printed", traceId: "t-1", milestone: "SAVED"}));
  console.error(new RangeError("caught it"));
  console.log("after");
  if (count === 2) throw new TypeError("this subject\\ncannot be saved");
  return count;
};
"""
RUNTIMES = {
    "python": ("app.py", PYTHON, "ValueError", "KeyError"),
    "nodejs": ("app.mjs", NODE, "TypeError", "RangeError"),
}


@pytest.mark.parametrize("log_format", ["Text", "JSON"])
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_what_failed_what_was_said_and_that_all_is_there(
    runtime: str, log_format: str, moto: Moto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if runtime == "nodejs" and not shutil.which("node"):
        pytest.skip("Node is not on the PATH")
    file, source, raised, caught = RUNTIMES[runtime]
    name = f"reading-{runtime}-{log_format.lower()}"
    code = tmp_path / "code"
    code.mkdir()
    (code / file).write_text(source)
    invoke(moto, name, code, runtime, log_format)
    for variable, value in moto.environ().items():
        monkeypatch.setenv(variable, value)
    with Reading(f"s3://{moto.bucket}", functions=[name], cache=tmp_path / "cache").open() as logs:
        assert logs.complete().sentence.startswith("complete: ")
        ((request, status, error),) = asked(logs, f"select request_id, status, error from ({rules.failed()})")
        assert (status, error) == (None, f"{raised}: this subject\ncannot be saved")
        assert asked(logs, "select request_id from logs where type = 'platform.start' order by ts")[1] == (request,)
        assert asked(logs, "select count(*) from logs where type = 'platform.initReport'") == [(1,)]
        assert asked(logs, f"select count(*) from ({rules.running()}) where finish > begin") == [(3,)]
        printed = "select distinct level, message, trace_id from logs where milestone = 'SAVED'"
        assert asked(logs, printed) == [("WARN", "printed", "t-1")]
        assert asked(logs, f"select count(*) from logs where error like '{caught}: %' and level = 'ERROR'") == [(3,)]
        assert asked(logs, "select count(*) from logs where message = 'after' and level = 'INFO'") == [(3,)]
        assert asked(logs, "select count(*) from objects where records <> lines or records is null") == [(0,)]
        keys = [key for (key,) in asked(logs, "select key from objects order by first_ts")]
        (one,) = document(logs, Wish(), "s3", datetime.now(UTC))["functions"]
        told = ("invocations", "failed", "cold_starts", "running_most", "timeout_ms", "near_timeout")
        assert [one[name] for name in told] == [3, 1, 1, 1, 30_000, 0]
    assert len(keys) > 2
    with moto.everybody() as client:
        client.delete_object(Bucket=moto.bucket, Key=keys[1])
    with Reading(f"s3://{moto.bucket}", functions=[name], cache=tmp_path / "cache").open() as logs:
        assert logs.complete().missing > 0


def asked(logs: Logs, query: str) -> list[tuple[object, ...]]:
    return logs.connection.execute(query).fetchall()


def invoke(moto: Moto, name: str, code: Path, runtime: str, log_format: str) -> None:
    """Three invocations in one environment, the second of which raises."""
    variables = {name: value for name, value in moto.environ().items() if name != "AWS_REGION"}
    variables |= {f"{PREFIX}S3_BUCKET": moto.bucket, f"{PREFIX}SHIP_RATE_INVOKES": "1"}
    words = [Path(sys.executable).with_name("adaptive-batching"), "sandbox", "run", code, "--layer", LAYER]
    words += ["--runtime", runtime, "--log-format", log_format, "--name", name, "-n", "3", "--timeout", "30"]
    for pair in variables.items():
        words += ["--env", "=".join(pair)]
    done = subprocess.run(
        list(map(str, words)), cwd=ROOT, env=clean_environ(), capture_output=True, text=True, timeout=120, check=False
    )
    said = done.stdout + done.stderr
    assert "invocations   3, 1 failed, 1 environment" in said, said
