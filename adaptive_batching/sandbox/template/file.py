"""A template as it is written: YAML or JSON, with the short forms of CloudFormation's intrinsic functions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from adaptive_batching.sandbox.errors import SandboxError

if TYPE_CHECKING:
    from pathlib import Path

#: Characters of a value that a message shows.
_SHOWN = 60
#: What a document may have: CloudFormation takes 1 MB.
_MOST_VALUES, _MOST_NESTED = 300_000, 100


@dataclass(frozen=True)
class Intrinsic:
    """A short-form intrinsic function as written in the file: `!Ref x` is ("Ref", "x")."""

    name: str
    argument: Any


def split(node: object) -> tuple[str, object]:
    """Return the name of an intrinsic function without `Fn::`, and its argument; "" for anything else."""
    if isinstance(node, Intrinsic):
        return node.name, node.argument
    if isinstance(node, dict) and len(node) == 1:
        ((name, argument),) = node.items()
        return str(name).removeprefix("Fn::"), argument
    return "", None


def is_intrinsic(value: object) -> bool:
    """Return whether a value is an intrinsic function in its short or its long form."""
    if isinstance(value, dict) and len(value) == 1:
        (name,) = value
        return name == "Ref" or str(name).startswith("Fn::")
    return isinstance(value, Intrinsic)


def shown(value: object) -> str:
    """Return a value for a message as YAML writes it, cut if it is long."""
    found = _written(value)
    return found if len(found) <= _SHOWN else f"{found[:_SHOWN]}…"


def word(value: object) -> str:
    """Return a text as it is, and anything else as `shown` does: for what stands where a name is expected."""
    return value if isinstance(value, str) else shown(value)


def _written(value: object) -> str:
    if isinstance(value, Intrinsic):
        return f"!{value.name} {value.argument if isinstance(value.argument, str) else _written(value.argument)}"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{name}: {_written(one)}' for name, one in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_written, value))}]"
    return "null" if value is None else repr(value) if isinstance(value, str) else text(value)


def text(value: object) -> str:
    """Return a value as CloudFormation passes it on, with booleans in lower case."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def load(path: Path) -> dict[str, Any]:
    """Return the document in a file. Raises SandboxError if it is none."""
    try:
        import yaml  # type: ignore[import-untyped]  # noqa: PLC0415 - only templates need it
    except ImportError:
        raise SandboxError("reading a template needs PyYAML, a dependency of this package") from None

    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        """Loads short-form intrinsic functions as `Intrinsic`, and refuses a key that a mapping has twice."""

        def compose_mapping_node(self, anchor: Any) -> Any:  # noqa: ANN401 - PyYAML has no types
            node = super().compose_mapping_node(anchor)
            _check_keys([key for key, _ in node.value], path)
            return node

    def intrinsic(loader: Any, suffix: str, node: Any) -> Intrinsic:  # noqa: ANN401 - PyYAML has no types
        if isinstance(node, yaml.ScalarNode):
            return Intrinsic(suffix, loader.construct_scalar(node))
        if isinstance(node, yaml.SequenceNode):
            return Intrinsic(suffix, loader.construct_sequence(node, deep=True))
        return Intrinsic(suffix, loader.construct_mapping(node, deep=True))

    Loader.add_multi_constructor("!", intrinsic)
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), Loader)  # noqa: S506 - a SafeLoader with tags
    except OSError as error:
        raise SandboxError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SandboxError(f"{path} is not a template: it is not text in UTF-8") from None
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise SandboxError(f"{path} is not YAML or JSON: {' '.join(str(error).split())}") from None
    if not isinstance(document, dict):
        raise SandboxError(f"{path} is not a template, which is a mapping with Resources")
    found: dict[str, Any] = _Spelled(path)(document)
    return found


def _check_keys(keys: list[Any], path: Path) -> None:
    """Raise SandboxError for a key of a mapping that is there twice: of its values YAML keeps the last one."""
    seen = set()
    for key in keys:
        if isinstance(key.value, str) and key.value in seen:
            raise SandboxError(f"{path}, line {key.start_mark.line + 1}: the key {key.value!r} is there twice")
        seen.add(str(key.value))


class _Spelled:
    """A document without YAML's aliases: small files can spell endless documents with them. Keys are text."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._left = _MOST_VALUES

    def __call__(self, value: Any, nested: int = 0) -> Any:  # noqa: ANN401 - any YAML
        self._left -= 1
        if self._left < 0 or nested > _MOST_NESTED:
            raise SandboxError(f"{self._path} is not a template: its aliases (*) make it endless, or too large")
        if isinstance(value, dict):
            return {text(name): self(one, nested + 1) for name, one in value.items()}
        if isinstance(value, list):
            return [self(one, nested + 1) for one in value]
        return Intrinsic(value.name, self(value.argument, nested + 1)) if isinstance(value, Intrinsic) else value
