"""Whose name a request is signed in: static keys, or the container endpoint that SnapStart has instead of them.

Reads a mapping, a token's file and the bytes of an answer. The Lambda developer guide names the variables
under "Defined runtime environment variables" (static keys) and "SnapStart" (the container endpoint and its token).
"""

from __future__ import annotations

from extension.errors import StoreError
from extension.stores import signing
from extension.stores.answers import OK
from extension.stores.endpoint import Url
from extension.stores.request import USER_AGENT, head

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

SHORTEST_SECRET = 6  # characters: what is shorter, "test" for one, is in many a word
TOKENS = ("AWS_SECURITY_TOKEN", "AWS_SESSION_TOKEN")  # the older name counts first, as for boto3
NEAR = ("localhost", "::1", "169.254.170.2", "169.254.170.23", "fd00:ec2::23")  # this machine; those of ECS and EKS
RENEW_SECONDS = 300.0  # credentials are read again this long before they expire: longer than any one upload lasts


class Credentials:
    """A key pair, its session token (empty: none), and when it expires, in seconds since the epoch (0: never)."""

    __slots__ = ("_day", "access_key", "expires", "secret_key", "token")

    def __init__(self, access_key: str, secret_key: str, token: str = "", expires: float = 0.0) -> None:
        self.access_key = access_key
        self.secret_key = secret_key
        self.token = token
        self.expires = expires
        self._day: signing.Day | None = None

    def on(self, moment: float, region: str) -> signing.Day:
        """Return what signs at `moment` (seconds since the epoch), derived anew only when the day changes."""
        number = int(moment) // signing.SECONDS_PER_DAY
        day = self._day
        if day is None or day.number != number or day.region != region:
            self._day = day = signing.Day(self.secret_key, region, number)
        return day

    def due(self, now: float) -> bool:
        """Return whether to read them again at `now` (seconds since the epoch) rather than use these."""
        return bool(self.expires) and now >= self.expires - RENEW_SECONDS


def static(environ: Mapping[str, str]) -> Credentials | None:
    """Return the key pair in the environment, if there is one."""
    access_key = environ.get("AWS_ACCESS_KEY_ID", "").strip()
    secret_key = environ.get("AWS_SECRET_ACCESS_KEY", "").strip()
    if not (access_key and secret_key):
        return None
    token = next((name for name in TOKENS if environ.get(name)), TOKENS[-1])
    keys = Credentials(access_key, secret_key, environ.get(token, "").strip())
    return _sendable(keys, "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", token)


def _sendable(keys: Credentials, access_key: str, secret_key: str, token: str) -> Credentials:
    """Return the keys; raise `StoreError` (CREDENTIALS) with the name of the one that no request can carry."""
    for name, value in ((access_key, keys.access_key), (token, keys.token)):
        if not (value.isascii() and value.isprintable()):
            raise _unsendable(name, "printable ASCII")
    if not keys.secret_key.isprintable():  # nor is a surrogate, which stands for a byte that is not UTF-8
        raise _unsendable(secret_key, "printable")
    return keys


def _unsendable(name: str, demanded: str) -> StoreError:
    message = f"{name} is not {demanded} (not shown): set it to what was issued, without line breaks"
    return StoreError(StoreError.CREDENTIALS, 0, "BadCredentials", message)


def secrets(environ: Mapping[str, str], keys: Credentials | None) -> list[str]:
    """Return what no message may hold, whoever wrote it, the longest first."""
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", *TOKENS, "AWS_CONTAINER_AUTHORIZATION_TOKEN")
    found = [environ.get(name, "").strip() for name in names]
    if keys:
        found += [keys.access_key, keys.secret_key, keys.token]
    return sorted({one for one in found if len(one) >= SHORTEST_SECRET}, key=len, reverse=True)


def hidden(text: str, known: list[str]) -> str:
    """Return a text of another's without the secrets in it."""
    for one in known:
        text = text.replace(one, "...")
    return text


def question(environ: Mapping[str, str]) -> tuple[Url, bytes]:
    """Return where to ask for credentials, and the head of the request. Raises as `container` does."""
    target, headers = container(environ)
    return target, head(f"GET {target.target}", headers)


def container(environ: Mapping[str, str]) -> tuple[Url, dict[str, str]]:
    """Return where and with which headers to ask.

    Raises `StoreError` of kind CREDENTIALS where no place is named, `OSError` where the token's file cannot be read.
    """
    given = environ.get("AWS_CONTAINER_CREDENTIALS_FULL_URI", "").strip()
    if not given:
        message = "neither AWS_ACCESS_KEY_ID with AWS_SECRET_ACCESS_KEY nor AWS_CONTAINER_CREDENTIALS_FULL_URI is set"
        raise StoreError(StoreError.CREDENTIALS, 0, "NoCredentials", message)
    try:
        target = Url(given)
    except ValueError:
        message = "AWS_CONTAINER_CREDENTIALS_FULL_URI is not a URL (not shown): http://host:port/path"
        raise StoreError(StoreError.CREDENTIALS, 0, "NoCredentials", message) from None
    if not _is_near(target.host):
        message = "AWS_CONTAINER_CREDENTIALS_FULL_URI leads to another machine in plain text: it may name this one only"
        raise StoreError(StoreError.CREDENTIALS, 0, "NoCredentials", message)
    token = environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN", "")
    file = environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "")
    if file:
        with open(file, encoding="ascii", errors="replace") as source:
            token = source.read()
    return target, {
        "host": target.authority,
        "user-agent": USER_AGENT,
        "accept": "application/json",
        "connection": "close",
        "authorization": token.strip(),
    }


def _is_near(host: str) -> bool:
    """Tell whether credentials may come from this host without TLS, as every AWS tool does: it sees the token."""
    return host in NEAR or (host.startswith("127.") and host.replace(".", "").isdigit())


def parse_container(status: int, body: bytes) -> Credentials:
    """Return what the container endpoint answered; raise `StoreError` (CREDENTIALS) where that is no credentials."""
    import json
    from datetime import datetime, timezone

    if status != OK:
        message = "the container credentials endpoint refused"
        raise StoreError(StoreError.CREDENTIALS, status, "NoCredentials", message)
    try:
        answer = json.loads(body)
        expires = 0.0
        if answer.get("Expiration"):
            when = datetime.fromisoformat(answer["Expiration"].replace("Z", "+00:00"))
            expires = (when if when.tzinfo else when.replace(tzinfo=timezone.utc)).timestamp()
        token = answer.get("Token")
        keys = Credentials(
            _text(answer["AccessKeyId"]), _text(answer["SecretAccessKey"]), _text(token) if token else "", expires
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"the container credentials endpoint answered no credentials ({type(error).__name__})"
        raise StoreError(StoreError.CREDENTIALS, 0, "BadCredentials", message) from error
    where = " of the container credentials endpoint"
    return _sendable(keys, f"AccessKeyId{where}", f"SecretAccessKey{where}", f"Token{where}")


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError("a key that is no text")
    return value
