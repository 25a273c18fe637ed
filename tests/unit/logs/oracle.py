"""What the columns of the view `logs` are, in plain Python: for comparison with the SQL that makes them.

Written from docs/logs.md, by other means than the SQL: words and splits instead of one pattern per line.
"""

from __future__ import annotations

import json
from typing import Any

LEVELS = {
    **dict.fromkeys(("TRACE", "TRCE", "SILLY", "10"), "TRACE"),
    **dict.fromkeys(("DEBUG", "DBUG", "VERBOSE", "20"), "DEBUG"),
    **dict.fromkeys(("INFO", "INFORMATION", "NOTICE", "30"), "INFO"),
    **dict.fromkeys(("WARN", "WARNING", "40"), "WARN"),
    **dict.fromkeys(("ERROR", "ERR", "FAIL", "SEVERE", "50"), "ERROR"),
    **dict.fromkeys(("FATAL", "CRITICAL", "CRIT", "ALERT", "EMERG", "EMERGENCY", "60"), "FATAL"),
}
WORDS = {word for word in LEVELS if not word.isdigit()}
TRACEBACK = "Traceback (most recent call last):"


def columns(line: dict[str, Any]) -> dict[str, Any]:
    """The columns that are read from the record."""
    kind, record = line["type"], line["record"]
    if kind.startswith("platform."):
        return platform(kind, record)
    text = record if isinstance(record, str) else dumped(record)
    head, level = ("", None) if text.startswith("{") else header(text)
    body = text[len(head) :]
    outer = loaded(body)
    inner = loaded(scalar(outer.get("message"))) if outer is not None else None
    levels = [inner or {}, outer or {}]

    def within(one: dict[str, Any], *names: str) -> str | None:
        found = [scalar(member(one, name)) for name in names]
        return next((value for value in found if value is not None), None)

    def first(*names: str) -> str | None:
        found = [within(one, *names) for one in levels]
        return next((one for one in found if one is not None), None)

    written = [*(within(one, "level", "severity", "log_level") for one in levels), level]
    known = [LEVELS.get(one.upper()) if one else None for one in written]
    plain = body.rstrip("\r\n")
    said = first("message", "msg", "errorMessage") if outer is not None else None
    return {
        "level": next((one for one in known if one), None),
        "message": plain if said is None else said,
        "trace_id": first("traceId", "trace_id", "correlation_id", "correlationId"),
        "milestone": first("milestone"),
        "span": first("span"),
        "duration_ms": number(first("durationMs", "duration_ms")),
        "error": error_of_text(plain, head) if outer is None else error_of_object(first, said),
        "status": None,
        "fields": None if outer is None else patched(outer, inner),
    }


def platform(kind: str, record: Any) -> dict[str, Any]:  # noqa: ANN401
    outer = record if isinstance(record, dict) else {}
    told = outer.get("metrics")
    metrics: dict[str, Any] = told if isinstance(told, dict) else {}
    text = record if isinstance(record, str) else dumped(record)
    return {
        **dict.fromkeys(("level", "trace_id", "milestone", "span", "error")),
        "message": text.rstrip("\r\n"),
        "duration_ms": number(scalar(metrics.get("durationMs"))) if kind == "platform.report" else None,
        "status": scalar(outer.get("status")),
        "fields": record if isinstance(record, dict) else None,
    }


def header(text: str) -> tuple[str, str | None]:
    """What a runtime wrote first, and the level in it; or a level that the function wrote first."""
    if text.startswith("["):
        level, bracket, rest = text[1:].partition("]")
        if bracket and level.upper() in WORDS:
            parts = rest.split("\t")
            if len(parts) >= 4 and parts[0] == "" and is_time(parts[1]) and "\n" not in parts[2]:
                return text[: 1 + len(level) + 1 + sum(len(one) + 1 for one in parts[:3])], level
            if rest.startswith(" "):
                return f"[{level}]" + " " * (len(rest) - len(rest.lstrip(" "))), level
        return "", None
    parts = text.split("\t")
    if len(parts) >= 4 and is_time(parts[0]) and "\n" not in parts[1] and parts[2].upper() in WORDS:
        return "\t".join(parts[:3]) + "\t", parts[2]
    for word in sorted(WORDS, key=len, reverse=True):
        if text.startswith(word) and (len(text) == len(word) or text[len(word)] in ": \t\n\r\f\v"):
            return "", word
    return "", None


def is_time(text: str) -> bool:
    return len(text) >= 20 and text[:4].isdigit() and text[10] in "T " and set(text[11:-1]) <= set("0123456789:.,")


def error_of_text(text: str, head: str) -> str | None:
    for word in ("Invoke Error ", "Uncaught Exception ", "Unhandled Promise Rejection "):
        if text.startswith(word):
            found = loaded(text[text.find("{") :]) if "{" in text else None
            parts = [scalar(found.get(name)) for name in ("errorType", "errorMessage")] if found else []
            return ": ".join(one for one in parts if one is not None) or None
    if TRACEBACK in text:
        before, _, after = text.partition(f"\n{TRACEBACK}")
        if head == "[ERROR] ":
            return before.rstrip() or None if after or text.endswith(TRACEBACK) else None
        last = text.rsplit(TRACEBACK, maxsplit=1)[-1].rstrip().split("\n")
        kind = last[-1].partition(":")[0]
        return last[-1] if len(last) > 1 and kind and kind.replace(".", "").replace("_", "").isalnum() else None
    return None


def error_of_object(first: Any, said: str | None) -> str | None:  # noqa: ANN401
    kind = first("errorType", "exception_name", "error.name", "err.type")
    if kind is not None:
        text = first("errorMessage", "error.message", "err.message")
        if text is None and said is not None and loaded(said) is None:
            text = said
        return kind if text is None else f"{kind}: {text}"
    raised = first("exception")
    if raised is None:
        return None
    lines = raised.rstrip().split("\n")
    if TRACEBACK in raised and len(raised.rsplit(TRACEBACK, maxsplit=1)[-1].rstrip().split("\n")) > 1:
        kind = lines[-1].partition(":")[0]
        if kind and kind.replace(".", "").replace("_", "").isalnum():
            return str(lines[-1])
    return str(raised.splitlines()[0]) if raised and raised[0] not in "\r\n" else None


def loaded(text: str | None) -> dict[str, Any] | None:
    """The object that a text is, if it is one and nothing else."""
    if text is None or not text.startswith("{"):
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def member(where: dict[str, Any], name: str) -> Any:  # noqa: ANN401
    for part in name.split("."):
        where = where.get(part) if isinstance(where, dict) else None  # type: ignore[assignment]
    return where


def scalar(value: Any) -> str | None:  # noqa: ANN401
    """A member as text: JSON, but for strings."""
    if value is None or isinstance(value, str):
        return value
    return dumped(value)


def dumped(value: Any) -> str:  # noqa: ANN401
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def number(text: str | None) -> float | None:
    try:
        return None if text is None or "_" in text else float(text)
    except ValueError:
        return None


def patched(outer: Any, inner: Any) -> Any:  # noqa: ANN401
    """RFC 7386; without an inner object, the outer one as it is."""
    if inner is None:
        return outer
    if not isinstance(inner, dict):
        return inner
    found = dict(outer) if isinstance(outer, dict) else {}
    for name, value in inner.items():
        if value is None:
            found.pop(name, None)
        else:
            found[name] = patched(found.get(name), value) if isinstance(value, dict) else value
    return found
