"""boto3's connections, replaced by ones that lead nowhere: they note what would be dialled and sent, and answer yes.

All of boto3 is real, up to the two methods of its connection classes that would open a socket.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import io
import json
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast
from unittest import mock

from botocore import hooks, loaders
from botocore.awsrequest import AWSHTTPConnection, AWSHTTPSConnection
from botocore.utils import ContainerMetadataFetcher

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

KEYS = {"AccessKeyId": "ASIAOFCONTAINER", "SecretAccessKey": "s", "Token": "t", "Expiration": "2099-01-01T00:00:00Z"}
SESSION = "".join(f"<{name}>x</{name}>" for name in ("SessionToken", "SecretAccessKey", "AccessKeyId"))
SESSION = f"<R><Credentials>{SESSION}<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></R>"


@dataclass
class Dialled:
    """One connection: where it was opened to, what lies behind, and what was written on it."""

    host: str
    port: int
    secure: bool  # TLS is spoken to the store
    proxy_secure: bool  # TLS is spoken to the proxy
    tunnel: str  # host:port behind a proxy
    tunnel_authorization: str
    bundle: str
    sent: bytes = field(default=b"", repr=False)


class _Socket:
    def __init__(self, dialled: Dialled) -> None:
        self.dialled = dialled

    def sendall(self, data: bytes) -> None:
        self.dialled.sent += bytes(data)

    def settimeout(self, seconds: float | None) -> None:
        pass

    def setsockopt(self, *option: object) -> None:
        pass

    def makefile(self, *_: object, **__: object) -> io.BytesIO:
        body = b""
        if self.dialled.sent.startswith(b"GET"):
            session = b"session" in self.dialled.sent.partition(b"\r\n")[0]
            body = SESSION.encode() if session else json.dumps(KEYS).encode()
        return io.BytesIO(b'HTTP/1.1 200 OK\r\nETag: "e"\r\nContent-Length: %d\r\n\r\n' % len(body) + body)

    def close(self) -> None:
        pass


@contextlib.contextmanager
def nowhere(environ: Mapping[str, str]) -> Iterator[list[Dialled]]:
    """Run what is inside with this environment alone, and note the connections that boto3 would open."""
    dialled: list[Dialled] = []

    def connect(self: Any) -> None:  # noqa: ANN401 - two classes of a library without types
        proxy = self.proxy.scheme == "https" if self.proxy else False
        tunnel = f"{self._tunnel_host}:{self._tunnel_port}" if self._tunnel_host else ""
        said = {name.lower(): value for name, value in (self._tunnel_headers or {}).items()}
        bundle = (self.ca_certs or self.ca_cert_dir or "nothing") if isinstance(self, AWSHTTPSConnection) else ""
        secure = bool(tunnel) if self.proxy else isinstance(self, AWSHTTPSConnection)
        authorization = said.get("proxy-authorization", "")
        dialled.append(Dialled(self._dns_host, self.port, secure, proxy, tunnel, authorization, bundle))
        self.sock = _Socket(dialled[-1])
        self.is_verified = self.proxy_is_verified = True

    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.object(AWSHTTPConnection, "connect", connect))
        stack.enter_context(mock.patch.object(AWSHTTPSConnection, "connect", connect))
        stack.enter_context(mock.patch.dict(os.environ, dict(environ), clear=True))
        yield dialled


@contextlib.contextmanager
def quick() -> Iterator[None]:
    """Let boto3 read its files, and look at its own functions, once and not once a cell.

    Its clients are cycles, its files millions of objects: looking for garbage less often saves a third of the time.
    """
    thresholds = gc.get_threshold()
    load = functools.cache(loaders.JSONFileLoader().load_file)
    listed = functools.cache(loaders.Loader().list_available_services)
    accepts = functools.cache(cast("Any", hooks).accepts_kwargs)
    plain = hooks.EventAliaser(hooks.HierarchicalEmitter())
    alias = functools.cache(cast("Any", plain)._alias_event_name)  # noqa: SLF001
    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.object(loaders.JSONFileLoader, "load_file", lambda _, path: load(path)))
        stack.enter_context(mock.patch.object(loaders.Loader, "list_available_services", lambda _, kind: listed(kind)))
        stack.enter_context(mock.patch.object(hooks, "accepts_kwargs", accepts))
        stack.enter_context(mock.patch.object(hooks.EventAliaser, "_alias_event_name", lambda _, name: alias(name)))
        stack.enter_context(mock.patch.object(ContainerMetadataFetcher, "SLEEP_TIME", 0))
        stack.callback(gc.set_threshold, *thresholds)
        gc.set_threshold(100_000, 20, 100)
        yield
