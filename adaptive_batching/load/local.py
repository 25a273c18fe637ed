"""A target on this machine: all functions of a template in the sandbox, from the beginning of a test to its end."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from adaptive_batching.sandbox.landscape.landscape import Landscape, Settings
from adaptive_batching.sandbox.options import Options, base_interpreter
from adaptive_batching.sandbox.s3.embedded import KEYS, REGION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

#: Seconds after which an idle environment is shut down: then it ships what it kept for its next invocation.
IDLE = 20.0


def landscape(
    template: Path, parameters: Sequence[tuple[str, str]], layers: tuple[Path, ...], say: Callable[[str], None]
) -> Landscape:
    """Return the landscape of a template, which does not run yet. Raises SandboxError."""
    settings = Settings(layers=layers, options=Options(interpreter=base_interpreter()), idle=IDLE)
    return Landscape(template, dict(parameters), settings, say=say)


def buckets(landscape: Landscape) -> list[str]:
    """Return the template's buckets as sources of logs."""
    return [f"s3://{one}" for one in landscape.description.buckets.values()]


@contextlib.contextmanager
def running(landscape: Landscape, say: Callable[[str], None]) -> Iterator[str]:
    """Run it, and yield the URL of its API. Raises SandboxError.

    Meanwhile AWS is the server that its functions use, for this process too.
    """
    with landscape:
        say(f"{landscape.path} is up, its API is at {landscape.http_url}")
        with _variables({**KEYS, "AWS_ENDPOINT_URL": landscape.endpoint, "AWS_DEFAULT_REGION": REGION}):
            yield landscape.http_url


@contextlib.contextmanager
def _variables(changed: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in (*changed, "AWS_PROFILE", "AWS_REGION", "AWS_ENDPOINT_URL_S3")}
    for name in before:
        os.environ.pop(name, None)
    os.environ.update(changed)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
