"""Clients of an AWS account, and what AWS refuses as one sentence. The only place here that knows botocore.

    account = Account(region, profile, endpoint_url)
    with answers():
        account.client("lambda").get_function_configuration(FunctionName=name)

Whatever goes wrong inside `answers()` is an AwsError: its text is a sentence, `code` and `permission` are for callers
that can go on. A command turns it into exit code 2 with `refusing(AwsError)`.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from boto3.session import Session
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    NoRegionError,
    ProxyConnectionError,
    SSLError,
)
from botocore.parsers import ResponseParserError
from botocore.session import get_session

from adaptive_batching.logs.sources import refusals
from adaptive_batching.operate.answer import Parsers, checked
from adaptive_batching.values.loopback import on_loopback

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_REGION = "us-east-1"
_CONNECT_SECONDS, _READ_SECONDS = 5, 60
_DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AllAccessDisabled", "Forbidden", "403"}
_ABSENT = {"ResourceNotFoundException", "NoSuchEntity", "NoSuchBucket", "NoSuchBucketPolicy", "NotFoundException"}
_ABSENT |= {"NotFound", "404"}
_THROTTLED = {"Throttling", "ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded", "SlowDown"}
_SERVER_ERROR = 500
#: botocore's errors of a request that never left.
_UNSENT = (EndpointConnectionError, ConnectTimeoutError, ProxyConnectionError, SSLError)
#: Operation -> the action that policies name, where it is not the operation's name (Service Authorization Reference).
_ACTIONS = {
    "s3:HeadBucket": "s3:ListBucket",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:HeadObject": "s3:GetObject",
    "s3:GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "lambda:Invoke": "lambda:InvokeFunction",
    "lambda:GetLayerVersionByArn": "lambda:GetLayerVersion",
}


class AwsError(Exception):
    """AWS, or the way to it, refused. The text is one sentence for the user.

    `code` is AWS's error code, "" if AWS did not answer. `permission` is the action that the credentials lack, as
    policies name it, "" if the refusal is of another kind. `is_unasked` says that AWS was not asked at all, or not on
    behalf of anybody it knows: no region, no connection, no credentials. `is_lost` says that it may have been asked,
    and done it: the connection broke before an answer, or the answer is an error of the server or cannot be read.
    """

    def __init__(
        self, sentence: str, code: str = "", permission: str = "", *, is_unasked: bool = False, is_lost: bool = False
    ) -> None:
        super().__init__(sentence)
        self.code = code
        self.permission = permission
        self.is_unasked = is_unasked
        self.is_lost = is_lost
        #: Of AWS's answer, in lower case.
        self.headers: Mapping[str, str] = {}

    @property
    def is_absent(self) -> bool:
        """Whether what was asked for does not exist."""
        return self.code in _ABSENT


@dataclass(frozen=True)
class Account:
    """Which account and region: None where the user's AWS settings decide.

    `endpoint_url` is for all services. A client keeps `connections` open.
    """

    region: str | None = None
    profile: str | None = None
    endpoint_url: str | None = None
    connections: int = 10
    _made: dict[tuple[str, str | None], Any] = field(default_factory=dict, compare=False, repr=False)

    def client(self, service: str, region: str | None = None) -> Any:  # noqa: ANN401 - boto3 makes its classes at run time
        """Return boto3's client of a service, in `region` if it is not the account's. Raises AwsError."""
        wanted = (service, region or self.region)
        if wanted not in self._made:
            with _making():
                self._made[wanted] = self._client(*wanted)
        return self._made[wanted]

    def once(self, service: str, region: str | None, seconds: float) -> Any:  # noqa: ANN401 - as above
        """Return a client that waits so long for an answer and asks once: what it asks for must not happen twice."""
        config = Config(read_timeout=seconds, retries={"total_max_attempts": 1})
        with _making():
            return self._client(service, region or self.region, config)

    def invoking(self, seconds: float, connections: int) -> Any:  # noqa: ANN401 - as above
        """Return a client of Lambda for many invocations at a time, each of which happens once. Raises AwsError.

        It raises botocore's own errors, of which an outcome is made and no sentence. The sandbox wants no signatures.
        """
        config = Config(
            connect_timeout=min(seconds, _CONNECT_SECONDS),
            read_timeout=seconds,
            retries={"total_max_attempts": 1},
            max_pool_connections=connections,
        )
        region = self.region
        with _making():
            if on_loopback(self.endpoint_url):
                config = config.merge(Config(signature_version=UNSIGNED, proxies={}))
                region = region or self._session.region_name or _REGION
            made = self._session.client("lambda", endpoint_url=self.endpoint_url, region_name=region, config=config)
            _refuse_unusable(self._session, made)
        return made

    def home(self) -> str:
        """Return the region in which commands without --region work. Raises AwsError if there is none."""
        return str(self.client("lambda").meta.region_name)

    @cached_property
    def _session(self) -> Session:
        """One for all clients: each would read botocore's lists of endpoints anew, which takes a tenth of a second."""
        core = get_session()
        core.register_component("response_parser_factory", Parsers(unreadable))
        return Session(profile_name=self.profile, botocore_session=core)

    def _client(self, service: str, region: str | None, more: Config | None = None) -> Any:  # noqa: ANN401 - as above
        session = self._session
        config = Config(
            connect_timeout=_CONNECT_SECONDS,
            read_timeout=_READ_SECONDS,
            retries={"mode": "standard"},
            max_pool_connections=self.connections,
        )
        keys: dict[str, Any] = {}
        region = region or session.region_name
        if on_loopback(self.endpoint_url):
            here = Config(proxies={}, s3={"addressing_style": "path"}, retries={"total_max_attempts": 1})
            config, region = config.merge(here), region or _REGION
            if session.get_credentials() is None:
                keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
        config = config.merge(more) if more else config
        made = session.client(service, endpoint_url=self.endpoint_url, region_name=region, config=config, **keys)

        _refuse_unusable(session, made)

        def note(parsed: dict[str, Any], **_more: object) -> None:
            parsed.setdefault("ResponseMetadata", {})["Service"] = service

        made.meta.events.register("after-call", note)  # an error tells its operation, but not the service
        return checked(made, unreadable)


@contextlib.contextmanager
def answers() -> Iterator[None]:
    """Turn what boto3 raises into AwsError. Other errors are defects of ours and pass."""
    try:
        yield
    except (ClientError, BotoCoreError, ResponseParserError) as error:
        raise refusal(error) from None


@contextlib.contextmanager
def _making() -> Iterator[None]:
    """Do the same while a client is made: of settings that cannot be, botocore raises plain errors of Python."""
    with answers():
        try:
            yield
        except ValueError as error:
            if isinstance(error, BotoCoreError):
                raise
            said = f"the AWS settings cannot be used ({_without_answer(error)})"
            raise AwsError(f"{said}; is AWS_ENDPOINT_URL wrong, or another variable?", is_unasked=True) from None


def _refuse_unusable(session: Session, client: Any) -> None:  # noqa: ANN401 - boto3's
    """Raise ValueError or AwsError for what botocore would fail at when it signs the first request."""
    _ = urlsplit(client.meta.endpoint_url).port
    if why := refusals.unsendable(session.get_credentials()):
        raise AwsError(why, is_unasked=True)


def refusal(error: Exception) -> AwsError:
    """Return an error of boto3 as a sentence. Pure."""
    if isinstance(error, ClientError):
        found = _refused(error.response, error.operation_name)
        about = error.response.get("ResponseMetadata", {})
        found.headers = about.get("HTTPHeaders", {})
        found.is_lost = found.is_lost or about.get("HTTPStatusCode", 0) >= _SERVER_ERROR
        return found
    if isinstance(error, ResponseParserError):
        return unreadable()
    is_lost = isinstance(error, HTTPClientError) and not isinstance(error, _UNSENT)
    return AwsError(refusals.without_credentials(error) or _without_answer(error), is_unasked=True, is_lost=is_lost)


def unreadable(code: str = "") -> AwsError:
    """Return the error for an answer that no service of AWS gives."""
    return AwsError(
        "the answer cannot be read, so it is not AWS's: is the endpoint wrong, or its server broken?",
        code,
        is_lost=True,
    )


def document(text: str) -> dict[str, Any]:
    """Return the JSON object in an answer, such as a policy. Raises AwsError if it is none. Pure."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise unreadable()
    return found


def _without_answer(error: Exception) -> str:
    if isinstance(error, NoRegionError):
        return "no region is configured: set AWS_DEFAULT_REGION, or a region of the profile"
    if isinstance(error, EndpointConnectionError):
        return f"{error.kwargs.get('endpoint_url', 'AWS')} cannot be reached; is the region or the endpoint wrong?"
    if isinstance(error, HTTPClientError):
        return f"AWS does not answer: {error}"
    return " ".join(str(error).split()).rstrip(".")


def _refused(answer: Mapping[str, Any], operation: str) -> AwsError:
    about = answer.get("Error", {})
    code, said = str(about.get("Code", "")), " ".join(str(about.get("Message", "")).split()).rstrip(".")
    service = answer.get("ResponseMetadata", {}).get("Service")
    asked = f"{service}:{operation}" if service else operation
    if code in refusals.EXPIRED:
        return AwsError(f"the AWS credentials have expired ({code}); log in again", code, is_unasked=True)
    if code in refusals.UNKNOWN:
        return AwsError(f"AWS does not know these credentials ({code})", code, is_unasked=True)
    if code in _DENIED:
        action = _ACTIONS.get(asked, asked)
        return AwsError(f"AWS refuses: these credentials need {action} ({said or code})", code, action)
    if said.startswith("<"):  # a page of HTML, which stands for the message of an error that has none
        return unreadable(code)
    if code in _THROTTLED:
        return AwsError(f"AWS throttles {asked} ({code}); try again", code)
    return AwsError(f"AWS refuses {asked}: {code} {said}".rstrip(), code)
