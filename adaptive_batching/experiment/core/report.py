"""The report that `analyze` prints: a table, or JSON. Pure."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from adaptive_batching.experiment.core.verdicts import CLASSES, Findings, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: The number of requests that the table lists. The JSON report lists all of them.
SHOWN = 20
#: Characters of a line.
_WIDTH = 80
#: The number of reasons why nothing could be read that the text report lists.
REASONS = 3
MEANING = {
    "ok": "begin and end are there",
    "no end": "begin is there, end is not",
    "no begin": "end is there, begin is not",
    "none": "neither is there",
    "duplicate": "complete, a line is there twice",
    "retried": "ran more than once, nothing missing",
}


def as_json(found: Findings) -> dict[str, Any]:
    """Return the findings on one source for `--format json`."""
    evidence, judged = found.evidence, len(found.verdicts)
    low, high = found.interval if judged else (None, None)
    return {
        "source": evidence.name,
        "answer": ("no loss", "losses", "cannot say")[found.exit_code],
        "because": found.inconclusive,
        "read": {
            "holders": evidence.holders,
            "lines": evidence.lines,
            "unreadable": evidence.bad,
            "complaints": evidence.complaints,
            "incomplete": evidence.incomplete,
            "dropped_by_platform": evidence.dropped,
        },
        "requests": judged,
        "classes": {kind: sum(one.kind == kind for one in found.verdicts) for kind in CLASSES},
        "lost": len(found.losses),
        "lost_last": sum(one.last is True for one in found.losses),
        "explained": sum(bool(one.explained) for one in found.verdicts),
        "rate": len(found.losses) / judged if judged else None,
        "wilson_95": [low, high],
        "excluded_95": found.excluded,
        "not_in_ledger": found.unknown_requests,
        "blind": list(blind(found)),
        "ids": [_one_as_json(one) for one in found.verdicts if one.kind != "ok"],
    }


def _one_as_json(one: Verdict) -> dict[str, Any]:
    return {
        "id": one.request,
        "class": one.kind,
        "lost": one.lost,
        "missing": list(one.missing),
        "last_of_stream": one.last,
        "stream": one.stream,
        "attempts": one.attempts,
        "copies": one.copies,
        "trouble": one.trouble,
        "explained": one.explained,
    }


def table(found: Findings, paint: Callable[[str, str], str]) -> Iterator[str]:
    """Yield the lines of the text report. `paint(text, style)` returns the text in that style."""
    evidence = found.evidence
    yield paint(evidence.name, "bold") + f": {evidence.holders:,} read, {evidence.lines:,} lines"
    if not found.verdicts:
        yield from _nothing(found, paint)
        return
    head = f"  {'class':<10}{'requests':>9}{'lost':>7}{'last':>7}  last: of the lost, last of its environment"
    yield paint(head, "dim")
    for kind in CLASSES:
        ones = [one for one in found.verdicts if one.kind == kind]
        lost = [one for one in ones if one.lost]
        last = sum(one.last is True for one in lost)
        figures = f"  {kind:<10}{len(ones):>9,}{len(lost) or '':>7}{last or '':>7}"
        yield paint(figures, "red" if lost else "") + paint(f"  {MEANING[kind]}", "dim")
    yield from _named(found, paint)
    for note in (*_notes(found), *blind(found)):
        yield paint(f"  note: {note}", "yellow")
    if found.inconclusive:
        yield paint(f"  inconclusive: {found.inconclusive}", "red")
    else:
        for line in textwrap.wrap(rate(found), _WIDTH, initial_indent="  ", subsequent_indent="    "):
            yield paint(line, "red" if found.losses else "green")


def _nothing(found: Findings, paint: Callable[[str, str], str]) -> Iterator[str]:
    """Yield why there is nothing to judge: a table of zeros would look like a result."""
    incomplete = found.evidence.incomplete
    for why in incomplete[:REASONS]:
        yield paint(f"  not read: {why}", "yellow")
    if len(incomplete) > REASONS:
        yield f"  and {len(incomplete) - REASONS:,} more reasons (--format json names them all)"
    yield paint(f"  inconclusive: {found.inconclusive}", "red")


def rate(found: Findings) -> str:
    """Return the sentence about the rate. Raises ValueError if nothing was judged."""
    lost, runs = len(found.losses), len(found.verdicts)
    low, high = found.interval
    text = f"lost {lost:,} of {runs:,}: {percent(lost / runs)} (95 % Wilson interval {percent(low)} to {percent(high)})"
    if found.excluded is not None:
        text += f"; a rate of {percent(found.excluded)} or more is excluded at 95 %"
    return text


def percent(fraction: float) -> str:
    """Return a fraction in per cent, with three significant digits because the rates are small."""
    return f"{fraction * 100:.3g} %"


def _named(found: Findings, paint: Callable[[str, str], str]) -> Iterator[str]:
    named = [one for one in found.verdicts if one.missing] + [one for one in found.verdicts if one.kind == "duplicate"]
    for one in named[:SHOWN]:
        text = f"  {one.request}  {one.kind}"
        if one.missing:
            where = {True: "the last of", False: "not the last of", None: "no trace, not even of the platform"}[
                one.last
            ]
            text += f", {where} {one.stream}".rstrip()
        if one.attempts > 1:
            text += f", {one.attempts} attempts"
        if one.explained or one.trouble:
            text += f"; {one.explained or 'the platform says ' + one.trouble}"
        yield paint(text, "red" if one.lost else "")
    if len(named) > SHOWN:
        yield f"  and {len(named) - SHOWN:,} more (--format json names them all)"


def _notes(found: Findings) -> Iterator[str]:
    evidence, ledger = found.evidence, found.ledger
    if evidence.bad:
        yield f"{evidence.bad:,} lines could not be read: {'; '.join(evidence.complaints)}"
    for why in evidence.incomplete:
        yield f"not everything was read: {why}"
    if evidence.dropped:
        yield f"the platform reports that it dropped {evidence.dropped:,} records before they reached the extension"
    if found.unknown_requests:
        yield f"{found.unknown_requests:,} requests are not in the ledger; they are not judged"
    if ledger:
        if ledger.bad:
            yield f"{len(ledger.bad):,} lines of the ledger could not be read, the first: {ledger.bad[0]}"
        if ledger.refused:
            yield f"{ledger.refused:,} invocations were refused and never ran"
        if ledger.unknown:
            yield f"{ledger.unknown:,} invocations had no response; they may have run under an unknown id"
        if ledger.nameless:
            yield f"{ledger.nameless:,} invocations were accepted without an id; their lines cannot be searched for"


def blind(found: Findings) -> Iterator[str]:
    """Yield a sentence about each kind of loss that this analysis cannot detect."""
    seen = found.evidence.starts_seen
    if found.ledger is None:
        yield (
            "without a ledger a request that left no line at all is not seen, nor is an environment without lines"
            if seen
            else "without a ledger and START lines (log type platform) a request that lost both lines is not seen"
        )
    elif not seen:
        yield "no START lines (log type platform): only the time distinguishes a second run from a duplicate line"
