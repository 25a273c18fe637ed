"""The extension's own messages: one JSON object per line on stderr. Few, none per record, no bodies, no environment."""

import os

NAME = "adaptive-batching-extension"

# Control characters (C0, DEL, C1) and U+2028/9, at which some readers break a line or more than that.
_ESCAPES = {code: f"\\u{code:04x}" for code in (*range(32), *range(127, 160), 0x2028, 0x2029)}
_ESCAPES.update({34: '\\"', 92: "\\\\"})


def say(level: str, message: str, fields: "dict[str, object] | None" = None) -> None:
    """Write one line, in one call, so that threads do not mix. A closed stderr is no reason to fail."""
    members = "".join(f",{_quoted(name)}:{_value(value)}" for name, value in (fields or {}).items())
    line = f'{{"extension":"{NAME}","level":{_quoted(level)},"message":{_quoted(message)}{members}}}\n'
    try:
        os.write(2, line.encode("utf-8", "backslashreplace"))  # a lone surrogate becomes its escape in JSON
    except OSError:
        pass


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "{" + ",".join(f"{_quoted(name)}:{_value(one)}" for name, one in value.items()) + "}"
    if isinstance(value, (int, float)) and value - value == 0:  # JSON has neither NaN nor infinity
        return str(value)
    return _quoted(value)


def _quoted(value: object) -> str:
    return f'"{str(value).translate(_ESCAPES)}"'
