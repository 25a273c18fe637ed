"""Where a PUT goes, in the same words for boto3 and for the extension."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.edge.extension.stores.grid.wire import Dialled

PUBLIC = "public"  # roots that come with the client
DEFAULTS = ("certifi", "cacert.pem", "amazon-roots.pem", "/etc/", "/usr/")


@dataclass(frozen=True)
class Outcome:
    """All that can be told from outside about one PUT. `refused`: nothing is sent; the other fields are empty then."""

    refused: str = ""
    dialled: str = ""  # host:port of the first hop
    proxy_secure: bool = False
    tunnel: str = ""
    proxy_authorization: str = ""
    secure: bool = False
    bundle: str = ""
    target: str = ""  # of the request line
    host: str = ""
    region: str = ""  # signed for
    access_key: str = ""
    token: str = ""
    named: bool = False  # with a User-Agent
    asked: str = ""  # for credentials: address, target, Host, Authorization

    def against(self, other: Outcome) -> dict[str, tuple[object, object]]:
        """The fields that differ, with both values. One refusal is as good as another."""
        pairs = {one.name: (getattr(self, one.name), getattr(other, one.name)) for one in dataclasses.fields(self)}
        if self.refused and other.refused:
            return {}
        if self.refused or other.refused:
            return {"refused": pairs["refused"]}
        return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def bundle(file: str) -> str:
    """The bundle that somebody named, or `PUBLIC`."""
    return PUBLIC if any(part in file for part in DEFAULTS) else file


def parsed(sent: bytes) -> tuple[str, dict[str, str]]:
    """Request target and headers, names in lower case, of the first request in these bytes."""
    first, *lines = sent.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return first.split(" ")[1], {name.lower(): value.strip() for name, _, value in pairs}


def question(dialled: str, sent: bytes) -> str:
    """What is asked for credentials, in one line."""
    target, headers = parsed(sent)
    known = {name: headers.get(name, "") for name in ("host", "authorization", "accept")}
    return f"{dialled} {target} {known} {bool(headers.get('user-agent'))}"


def of_put(put: Dialled, asked: str) -> Outcome:
    """The outcome of a PUT that went out over this connection."""
    target, headers = parsed(put.sent)
    credential = headers["authorization"].partition("Credential=")[2].partition(",")[0].split("/")
    return Outcome(
        dialled=f"{put.host.strip('[]')}:{put.port}",
        proxy_secure=put.proxy_secure,
        tunnel=put.tunnel,
        proxy_authorization=put.tunnel_authorization or headers.get("proxy-authorization", ""),
        secure=put.secure,
        bundle=bundle(put.bundle) if put.secure else "",
        target=target,
        host=headers["host"],
        region=credential[2],
        access_key=credential[0],
        token=headers.get("x-amz-security-token", ""),
        named=bool(headers.get("user-agent")),
        asked=asked,
    )


def of_all(dialled: list[Dialled]) -> Outcome:
    """The outcome of the connections that boto3 opened: questions for credentials, then the PUT."""
    questions = [
        question(f"{one.host}:{one.port}", one.sent) for one in dialled[:-1] if b"session" not in one.sent[:99]
    ]
    return of_put(dialled[-1], questions[0] if questions else "")
