"""What attaching the extension adds to the demonstration function: the sandbox's own reports, with it and without."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from adaptive_batching.sandbox.function import Function
from adaptive_batching.sandbox.lifecycle.environment import Environment
from adaptive_batching.sandbox.options import Options
from benchmarks.output.rows import Row, compared, middle
from benchmarks.programs import BARE, NAME, OPT, ROOT, TEMPLATE, settings
from benchmarks.servers import Store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adaptive_batching.sandbox.lifecycle.results import Result

KINDS = ("no extension", "bare Python", "light store", "boto3 store")


class Costs(NamedTuple):
    """Milliseconds of one environment: Init; of its invocations but the first: duration, and time after the runtime."""

    init: float
    first: float
    duration: float
    after: float


def rows(environments: int, invocations: int) -> list[Row]:
    """Return so many environments of each kind, in turn."""
    found: dict[str, list[Costs]] = {kind: [] for kind in KINDS}
    with _layers() as layers:
        for number in range(environments + 1):
            for kind in KINDS:
                costs = _measure(layers[kind], kind, invocations)
                if number:  # the first of each warms the page cache
                    found[kind].append(costs)
    none = _middle(found["no extension"])
    table = []
    for kind in KINDS:
        costs = _middle(found[kind])
        said = f"Init {costs.init:.0f}, first invocation {costs.first:.0f}, then {costs.duration:.2f}, of it after the runtime {costs.after:.2f} ms"  # noqa: E501
        if kind != "no extension":
            said += f" (Init {costs.init - none.init:+.0f}, duration {costs.duration - none.duration:+.2f})"
        figures = {name: round(value, 3) for name, value in costs._asdict().items()}
        table.append(compared(f"demo function in the sandbox, {kind}", said, ms=figures, environments=environments))
    return table


def _middle(costs: list[Costs]) -> Costs:
    return Costs(*(middle([one[column] for one in costs]) for column in range(len(Costs._fields))))


@contextlib.contextmanager
def _layers() -> Iterator[dict[str, tuple[Path, ...]]]:
    with tempfile.TemporaryDirectory() as folder:
        # All in the layer: of this machine's /tmp, where a checkout may lie, an environment sees its own files alone.
        shutil.copytree(OPT / NAME, Path(folder, NAME), symlinks=True)
        program = Path(shutil.copy(BARE[-1], Path(folder, NAME)))
        words = [word.replace(str(OPT), "$root") for word in [*BARE[:-1], f"{OPT}/{NAME}/{program.name}"]]
        script = Path(folder, "extensions", NAME)
        script.parent.mkdir()
        script.write_text(
            '#!/bin/sh\nroot=$(dirname "$(dirname "$0")")\nexec ' + " ".join(f'"{word}"' for word in words) + "\n",
            encoding="utf-8",
        )
        script.chmod(0o755)
        yield dict(zip(KINDS, ((), (Path(folder),), (OPT,), (OPT,)), strict=True))


def _measure(layers: tuple[Path, ...], kind: str, invocations: int) -> Costs:
    with Store(delay=0.03) as s3:
        told = {**TEMPLATE, "S3_CLIENT": "boto3" if kind == "boto3 store" else "light"}
        variables = {
            **settings(told),
            "AWS_ENDPOINT_URL_S3": s3.endpoint,
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:9/",
        }
        function = Function(ROOT / "functions" / "demo", name="demo", variables=variables, layers=layers, timeout=10.0)
        options = Options(awslambdaric=ROOT / "build" / "runtime" / "awslambdaric")
        with Environment(function, options) as environment:
            results = [environment.invoke({}) for _ in range(invocations)]
    reports = [_metrics(result) for result in results]
    later = results[1:]
    return Costs(
        reports[0].get("initDurationMs", 0.0),
        reports[0]["durationMs"],
        middle([_metrics(result)["durationMs"] for result in later]),
        middle([_after(result) for result in later]),
    )


def _metrics(result: Result) -> dict[str, float]:
    if result.function_error:
        raise RuntimeError(f"the function failed: {result.payload!r}")
    return dict(result.report["metrics"])


def _after(result: Result) -> float:
    """Return the span `extensionOverhead` of the report."""
    spans = result.report.get("spans", [])
    return float(next((span["durationMs"] for span in spans if span["name"] == "extensionOverhead"), 0.0))
