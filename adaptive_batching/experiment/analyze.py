"""`experiment analyze`: read the ledger and the sources, judge each source and print the report."""

from __future__ import annotations

import json
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from adaptive_batching.experiment import exports, log_group, objects, streams
from adaptive_batching.experiment.core import ledger, report
from adaptive_batching.experiment.core.verdicts import judge
from adaptive_batching.experiment.run_command import LEDGER
from adaptive_batching.logs.s3 import CONNECTIONS, fetch, in_folder
from adaptive_batching.operate.aws import Account, AwsError, answers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adaptive_batching.console import Console
    from adaptive_batching.experiment.core.evidence import Evidence

_ADDRESS = re.compile(r"s3://([^/]+)(?:/(.*))?")


class SourceError(Exception):
    """A source cannot be read at all. The message is for the user."""


@dataclass(frozen=True)
class AnalyzeRequest:
    """What is analyzed: the folder of a run, and other sources.

    `folder`: the folder of a run. `s3`: an address like s3://bucket/prefix, with `endpoint` and `region` of the S3.
    `log_group`: name of a log group, in the same place. `cloudwatch`: files with pages of FilterLogEvents.
    `log_folder`: log streams of the sandbox. `output`: text or json.
    `streams`: a folder that gets the whole streams of lost requests.
    """

    folder: Path | None = None
    s3: str | None = None
    endpoint: str | None = None
    region: str | None = None
    log_group: str | None = None
    cloudwatch: tuple[Path, ...] = ()
    log_folder: Path | None = None
    output: str = "text"
    streams: Path | None = None


def run(request: AnalyzeRequest, out: Console, err: Console) -> int:
    """Judge every source, print the report and return the exit code.

    The exit code is 1 if a source has losses, 2 if a source is inconclusive and none has losses, and 0 otherwise.
    Raises SourceError.
    """
    try:
        _check(request)
        known = _ledger(request.folder, err)
        findings = [judge(evidence, known) for evidence in _sources(request, known, err)]
        if request.streams:
            kept = sum(streams.keep(found, request.streams) for found in findings)
            err.say(f"whole streams of lost requests, kept in {request.streams}: {kept:,}")
    except OSError as error:
        raise SourceError(f"{error.filename} cannot be read: {error.strerror}" if error.filename else error) from None
    if not findings:
        raise SourceError(
            "nothing to analyze; name the FOLDER of a run, or --s3, --log-group, --cloudwatch or --log-folder"
        )
    if request.output == "json":
        out.say(json.dumps([report.as_json(one) for one in findings], indent=2))
    else:
        for one in findings:
            for line in report.table(one, out.paint):
                out.say(line)
    codes = {one.exit_code for one in findings}
    return 1 if 1 in codes else max(codes)


def _check(request: AnalyzeRequest) -> None:
    """Raise SourceError if a folder of the request is not a directory, or a file of it is one."""
    for folder in filter(None, (request.folder, request.log_folder)):
        if not folder.is_dir():
            raise SourceError(f"{folder} is not a directory")
    for file in request.cloudwatch:
        if file.is_dir():
            raise SourceError(
                f"{file} is a directory; --cloudwatch takes files, and the FOLDER of a run is named before it"
            )


def _ledger(folder: Path | None, err: Console) -> ledger.Ledger | None:
    if folder is None or not (folder / LEDGER).exists():
        err.say(f"no ledger{f' in {folder}' if folder else ''}: only requests that logged something are judged")
        return None
    return ledger.read((folder / LEDGER).read_text(encoding="utf-8", errors="replace").splitlines())


def _sources(request: AnalyzeRequest, known: ledger.Ledger | None, err: Console) -> Iterator[Evidence]:
    folder: Path | None = request.folder
    keep = request.streams is not None
    named = request.s3 or request.log_group or request.cloudwatch or request.log_folder
    if request.s3:
        yield _shipped(request.s3, request, err)
    elif folder and not named and (folder / "objects").is_dir():
        yield objects.read(in_folder(folder / "objects"), f"objects in {folder / 'objects'}", [], keep=keep)
    if request.log_group:
        yield _logged(request.log_group, request, known, err)
    if request.cloudwatch:
        yield exports.cloudwatch(request.cloudwatch, "CloudWatch export", keep=keep)
    logs = request.log_folder or (folder / "streams" if folder and not named else None)
    if logs and (request.log_folder or logs.is_dir()):
        yield exports.log_folder(logs, f"log streams in {logs}", keep=keep)


def _logged(name: str, request: AnalyzeRequest, known: ledger.Ledger | None, err: Console) -> Evidence:
    account = Account(request.region, None, request.endpoint)
    try:
        found = log_group.read(
            account,
            name,
            known,
            lambda pages: err.progress("pages read", pages, pages + 1),
            keep=request.streams is not None,
        )
    except AwsError as error:
        raise SourceError(f"log group {name}: {error}") from None
    err.clear()
    err.say(f"log group {name}: CloudWatch may be an hour late; if lines are missing, analyze again then")
    return found


def _shipped(source: str, request: AnalyzeRequest, err: Console) -> Evidence:
    address = _ADDRESS.fullmatch(source)
    if not address:
        raise SourceError(f"{source!r} is not an address like s3://bucket/prefix")
    bucket, prefix = address[1], address[2] or ""
    with tempfile.TemporaryDirectory() as passing:
        kept = (request.folder or Path(passing)) / "objects" / bucket
        account = Account(request.region, None, request.endpoint, CONNECTIONS)
        try:
            with answers():
                files, failed = fetch(
                    account.client("s3"),
                    bucket,
                    prefix,
                    kept,
                    lambda done, all_: err.progress("fetched", done, all_),
                )
        except AwsError as error:
            raise SourceError(f"{source} cannot be read: {error}") from None
        return objects.read(files, source, failed, keep=request.streams is not None)
