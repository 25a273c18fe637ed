"""Secrets: each has a marker in it, is broken in many ways, and whatever leaves the process is searched for the marker.

What leaves: stderr, the objects, and the headers that S3 gets. The access key belongs into Authorization, the session
token into a header of its own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from extension.events import Upload, UploadFailed
from extension.inbox import Inbox
from extension.messages import say
from extension.shell.uploader import Uploader
from tests.edge.extension.stores.conftest import MakeStore, kind, make_store, said
from tests.edge.extension.stores.container import ContainerEndpoint
from tests.fakes import s3
from tests.fakes.lambda_api import PATIENCE, LambdaApi, wait_until
from tests.fakes.network.ports import free_port
from tests.fakes.network.proxy import Proxy
from tests.fakes.s3_faults import Say
from tests.fakes.s3_scripted import ACCESS_KEY, SECRET_KEY, ScriptedS3
from tests.unit.extension.build import chunk

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["kind", "make_store", "said"]  # the fixtures of the stores' tests

ROOT = Path(__file__).parents[3]
MARKER = "MaRkEr"
BELONGS = ("authorization", "x-amz-security-token")
LONG = 30 * PATIENCE  # boto3 is loaded, and makes a client, before the first attempt: that took 10 s on a busy machine
BREAKS = {
    "as it is": MARKER * 3,
    "line break": f"{MARKER}\r\n{MARKER}: {MARKER}",
    "not ASCII": f"{MARKER}é{MARKER}",
    "not UTF-8": f"{MARKER}\udcff{MARKER}",
    "too long": MARKER * 15_000,
    "spaces": f"{MARKER} {MARKER}",
    "escaped": f"%ff{MARKER}%00%0d%0a{MARKER}%",
    "slashes": f"{MARKER}/{MARKER}:{MARKER}",
    "empty": "",
}
SECRETS = (
    "access key",
    "secret key",
    "session token",
    "container token",
    "container URI",
    "user in the container URI",
    "proxy password",
    "user in the endpoint",
)


@contextmanager
def world(secret: str, value: str, server: ScriptedS3) -> Iterator[dict[str, str]]:
    """The variables with which the store writes to `server`, but for this one value."""
    static = {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY, "AWS_REGION": server.region}
    environ = {**static, "AWS_ENDPOINT_URL_S3": server.endpoint}
    with ExitStack() as stack:
        if secret == "access key":
            environ["AWS_ACCESS_KEY_ID"] = value
        elif secret == "secret key":
            environ["AWS_SECRET_ACCESS_KEY"] = value
        elif secret == "session token":
            environ["AWS_SESSION_TOKEN"] = value
        elif secret == "proxy password":
            proxy = stack.enter_context(Proxy("me:right"))
            environ["HTTP_PROXY"] = f"http://me:{value}@127.0.0.1:{proxy.port}"
        elif secret == "user in the endpoint":
            environ["AWS_ENDPOINT_URL_S3"] = f"http://me:{value}@127.0.0.1:{server.port}"
        else:
            container = stack.enter_context(ContainerEndpoint(["2099-01-01T00:00:00Z"]))
            environ = {**container.environ(), "AWS_ENDPOINT_URL_S3": server.endpoint}
            if secret == "container token":
                environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = value
            else:
                place = f"127.0.0.1:{container.port}"
                uri = f"http://{place}/{value}" if secret == "container URI" else f"http://me:{value}@{place}/v1"
                environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = uri
        yield environ


def sent(server: ScriptedS3) -> str:
    """All that S3 got, without what belongs there."""
    parts = []
    for request in server.requests:
        headers = {name: text for name, text in request.headers.items() if name not in BELONGS}
        parts.append(f"{request.method} {request.path} {headers} {request.body!r}")
    return "\n".join(parts)


def uploaded(store_of: MakeStore, environ: dict[str, str]) -> list[object]:
    """The outcomes of two attempts, each said as the core says it."""
    inbox = Inbox()
    uploader = Uploader(store_of(environ), inbox)
    uploader.start()
    outcomes: list[object] = []

    def answered(attempts: int) -> bool:
        outcomes.extend(inbox.take(0.05))
        return len(outcomes) == attempts

    for attempt in (1, 2):
        uploader.submit(Upload(attempt, chunk("a.log", b"{}\n")))
        wait_until(partial(answered, attempt), f"attempt {attempt} has an outcome", LONG)
    for outcome in outcomes:
        if isinstance(outcome, UploadFailed):
            say("warning", "upload failed: the object is kept and retried", {"why": outcome.detail})
    return outcomes


@pytest.mark.holds("faults: no message holds a credential: headers and variables are named, values are not")
@pytest.mark.parametrize("broken", BREAKS)
@pytest.mark.parametrize("secret", SECRETS)
def test_no_secret_that_cannot_be_used_is_said_or_sent(
    make_store: MakeStore, said: list[str], capfd: pytest.CaptureFixture[str], secret: str, broken: str
) -> None:
    with ScriptedS3() as server, world(secret, BREAKS[broken], server) as environ:
        outcomes = uploaded(make_store, environ)
        told = "".join(capfd.readouterr()) + "".join(said)
        assert MARKER not in told
        assert MARKER not in sent(server)
        assert all(len(one.detail) > 20 for one in outcomes if isinstance(one, UploadFailed))


@pytest.mark.holds("faults: no message holds a credential: headers and variables are named, values are not")
@pytest.mark.parametrize("where", ["Code", "Message"])
def test_an_answer_that_quotes_the_keys_is_said_without_them(make_store: MakeStore, where: str) -> None:
    quoted = f"{MARKER}-token {ACCESS_KEY} {SECRET_KEY}"
    body = f"<Error><{where}>it was {quoted}</{where}></Error>"
    answer = f"HTTP/1.1 403 Forbidden\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
    with ScriptedS3([Say(answer)] * 2) as server:
        first, _ = uploaded(make_store, {**server.environ(), "AWS_SESSION_TOKEN": f"{MARKER}-token"})
    assert isinstance(first, UploadFailed)
    assert "it was ... ... ..." in first.detail


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AWS_SESSION_TOKEN", f"{MARKER}\n{MARKER}"),
        ("AWS_ACCESS_KEY_ID", f"{MARKER}é"),
        ("AWS_SECRET_ACCESS_KEY", f"{MARKER}\udcff"),
    ],
)
def test_the_variable_that_is_broken_is_named(make_store: MakeStore, name: str, value: str) -> None:
    with ScriptedS3() as server:
        first, _ = uploaded(make_store, {**server.environ(), name: value})
    assert isinstance(first, UploadFailed)
    assert f"{name} is not printable" in first.detail


def test_an_endpoint_that_is_no_address_is_shown_without_its_user(make_store: MakeStore) -> None:
    with ScriptedS3() as server:
        environ = {**server.environ(), "AWS_ENDPOINT_URL_S3": f"http://me:{MARKER}@exa mple:80"}
        first, _ = uploaded(make_store, environ)
    assert isinstance(first, UploadFailed)
    assert "'http://...@exa mple:80' is no address" in first.detail


@pytest.mark.holds("faults: no message holds a credential: headers and variables are named, values are not")
@pytest.mark.parametrize("client", ["light", "boto3"])
@pytest.mark.parametrize(
    ("secret", "broken"),
    [
        ("session token", "line break"),
        ("secret key", "not UTF-8"),
        ("user in the endpoint", "spaces"),
        ("container URI", "not ASCII"),
    ],
)
def test_nothing_that_the_whole_process_says_or_ships_holds_it(
    tmp_path: Path, api: LambdaApi, client: str, secret: str, broken: str
) -> None:
    shutil.copy(ROOT / "layer" / "boot.py", tmp_path)
    shutil.copytree(ROOT / "extension", tmp_path / "extension", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "vendor").symlink_to(Path(pytest.__file__).parents[1])  # boto3 stands beside pytest
    (tmp_path / "tmp").mkdir()
    settings = {"S3_BUCKET": s3.BUCKET, "PORT": str(free_port()), "S3_CLIENT": client, "SHIP_RATE_BYTES": "1"}
    told = {f"ADAPTIVE_BATCHING_EXTENSION_{name}": value for name, value in settings.items()}
    with ScriptedS3() as server, world(secret, BREAKS[broken], server) as environ:
        known = {"AWS_LAMBDA_RUNTIME_API": api.address, "AWS_LAMBDA_FUNCTION_NAME": "f", "TMPDIR": f"{tmp_path}/tmp"}
        command = [sys.executable, "-I", "-S", str(tmp_path / "boot.py")]
        everything = {os.fsencode(name): os.fsencode(value) for name, value in (told | known | environ).items()}
        with (tmp_path / "stderr").open("wb") as stderr:
            process = subprocess.Popen(command, env=everything, stdout=stderr, stderr=stderr)
        try:
            api.wait_for_next(1, lambda: process.poll() is not None)
            api.invoke("r1")
            api.deliver({"time": "t", "type": "function", "record": "a line"})
            log = tmp_path / "stderr"
            wait_until(lambda: server.objects or b"upload failed" in log.read_bytes(), "an attempt has ended", LONG)
            api.deliver({"time": "t", "type": "platform.runtimeDone", "record": {"requestId": "r1"}})
            api.shut_down()
            assert process.wait(PATIENCE) == 0
        finally:
            process.kill()
            process.wait(PATIENCE)
        journal = b"".join(path.read_bytes() for path in (tmp_path / "tmp").rglob("*") if path.is_file())
        assert MARKER not in sent(server)
    assert MARKER.encode() not in log.read_bytes()
    assert MARKER.encode() not in journal
