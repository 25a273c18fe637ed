"""A target on this machine: all functions of a template in the sandbox, from the beginning of a test to its end."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from adaptive_batching.sandbox.cli.arguments import pairs
from adaptive_batching.sandbox.landscape.landscape import Landscape, Settings
from adaptive_batching.sandbox.options import Options, base_interpreter
from adaptive_batching.sandbox.s3.embedded import KEYS, REGION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path


@contextlib.contextmanager
def landscape(
    template: Path, parameters: Sequence[str], layers: tuple[Path, ...], say: Callable[[str], None]
) -> Iterator[tuple[str, list[str]]]:
    """Run a template, and yield its API's URL and its buckets as sources of logs.

    Meanwhile AWS is the server that its functions use, for this process too. Raises SandboxError.
    """
    settings = Settings(layers=layers, options=Options(interpreter=base_interpreter()))
    with Landscape(template, pairs("--parameter", parameters), settings, say=say) as found:
        say(f"{template} is up, its API is at {found.http_url}")
        variables = {**KEYS, "AWS_ENDPOINT_URL": found.endpoint, "AWS_DEFAULT_REGION": REGION}
        with _variables(variables):
            yield found.http_url, [f"s3://{one}" for one in found.description.buckets.values()]
        say("shutting down every environment")


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
