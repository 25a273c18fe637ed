"""The store for what `light` does not do (profiles, roles, access points, special endpoints): boto3's PutObject.

It keeps the contract of `light`: one attempt, the same time-outs, the same errors. boto3 reads settings, credentials
and proxies from the process's environment and files by itself, that is what it is chosen for; `environ` only decides
what the extension sets for it. It is loaded when it is needed, not before (370 ms of CPU).
"""

from __future__ import annotations

import _thread
import io
import os
import sys
import time

from extension.errors import StoreError, described
from extension.stores import answers, credentials, endpoint
from extension.stores.connection import CONNECT_SECONDS, idle_too_long, moment, shut_down
from extension.stores.patience import Patience
from extension.stores.request import BLOCK_BYTES, head, put_headers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from extension.stores import PutRequest

VENDOR = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "vendor")


def available() -> bool:
    """Tell whether boto3 can be imported: from the layer's `vendor` folder, if from nowhere else."""
    from importlib.util import find_spec

    if find_spec("boto3") is None and VENDOR not in sys.path:
        sys.path.append(VENDOR)
    return find_spec("boto3") is not None


class SdkStore:
    """Puts objects into one bucket through boto3. Fulfils `extension.stores.Store`; `style` as in `light`."""

    def __init__(self, bucket: str, region: str, environ: Mapping[str, str], style: str = "auto") -> None:
        self._bucket = bucket
        self._region = region
        self._style = style
        self._environ = environ
        self._client: Any = None
        self._patience = Patience()
        self._client_patience = 0.0  # that the client was made with
        self._kept_since: tuple[float, float] | None = None  # when the last attempt ended
        self._lock = _thread.allocate_lock()  # guards the attempt in progress
        self._attempt: _Attempt | None = None

    def warm_up(self) -> None:
        """Load boto3 and its model of S3. Without static keys no client: it would ask the network for some."""
        try:
            if self._environ.get("AWS_ACCESS_KEY_ID"):
                self._ready()
            else:
                import boto3  # noqa: F401
        except Exception:  # noqa: BLE001, S110 - `put` meets the same error and says it
            pass

    def put(self, request: PutRequest) -> None:
        """Store one object, or raise `StoreError`."""
        head("PUT /", put_headers("", request))  # refuses what no header can carry
        endpoint.asked(self._environ)  # and these what no request can: boto3's own words would quote it
        credentials.static(self._environ)
        attempt, began = _Attempt(), time.monotonic()
        with self._lock:
            self._attempt = attempt
        try:
            with _opened(request.body) as body:
                self._put(request, body, attempt)
            self._patience.answered(time.monotonic() - began)
        except Exception as error:
            if attempt.aborted:
                text = "the attempt was given up"
                raise StoreError(StoreError.ABANDONED, 0, "Abandoned", text, sent=attempt.sent) from error
            if type(error).__name__ == "ReadTimeoutError":
                self._patience.timed_out()
            mapped = _mapped(error, credentials.secrets(self._environ, None), sent=attempt.sent)
            other = mapped.code in answers.OTHER_KEYS and not self._environ.get("AWS_ACCESS_KEY_ID")
            if mapped.kind == StoreError.CREDENTIALS or other:
                self._client = None  # credentials are read again with the next
            raise mapped from error
        finally:
            with self._lock:
                if self._attempt is attempt:
                    self._attempt = None
                    self._kept_since = None if attempt.aborted else moment()

    def cancel(self) -> None:
        """End the attempt in progress: not one more byte of it is sent. No idle connection is used again."""
        with self._lock:
            self._kept_since = None
            if self._attempt is not None:
                self._attempt.end()

    def _put(self, request: PutRequest, body: io.BufferedIOBase, attempt: _Attempt) -> None:
        client = self._ready()
        if self._kept_since is None or idle_too_long(self._kept_since, moment()):
            client.close()  # its idle connections; it opens new ones
        arguments: dict[str, Any] = {"Bucket": self._bucket, "Key": request.key, "ContentType": request.content_type}
        if request.content_encoding:
            arguments["ContentEncoding"] = request.content_encoding
        arguments["Metadata"] = request.metadata
        if request.only_if_absent:
            arguments["IfNoneMatch"] = "*"
        optional = {
            "ExpectedBucketOwner": request.owner,
            "ServerSideEncryption": request.sse,
            "SSEKMSKeyId": request.kms_key,
            "Tagging": request.tags,
        }
        arguments |= {name: value for name, value in optional.items() if value}
        from botocore.exceptions import ConnectionClosedError

        try:
            answer = client.put_object(Body=_body(body), **arguments)
        except ConnectionClosedError:
            if attempt.connected or attempt.aborted:
                raise
            client.close()  # a kept connection turned out dead: the same bytes once more over a fresh one
            answer = _again(client, _body(body), arguments)
        if not answer.get("ETag"):
            raise answers.not_s3(answer["ResponseMetadata"]["HTTPStatusCode"])

    def _ready(self) -> Any:  # noqa: ANN401 - boto3 has no types
        """Return the client: no retries, and what `light` does with an endpoint, a checksum and the payload's hash."""
        if self._client is None or self._client_patience != self._patience.seconds:
            available()
            import boto3
            import botocore.session
            from botocore.config import Config
            from botocore.handlers import add_expect_header

            files = botocore.session.Session()
            session = boto3.session.Session(botocore_session=files, region_name=self._region or None)
            config = Config(
                connect_timeout=CONNECT_SECONDS,
                read_timeout=self._patience.seconds,
                retries={"total_max_attempts": 1},
                request_checksum_calculation="when_required",  # the newer checksums are not known to every S3
                s3={
                    "addressing_style": self._addressing(files),
                    "payload_signing_enabled": True,
                },
            )
            if not session.region_name:
                raise endpoint.no_region()  # boto3 would guess
            client = session.client("s3", config=config)
            # "Expect: 100-continue" is a round trip more, and a second with a server that does not know it
            client.meta.events.unregister("before-call.s3", add_expect_header)
            _watch(client, lambda: self._attempt or _Attempt())
            self._client, self._client_patience = client, self._patience.seconds
        return self._client

    def _addressing(self, files: Any) -> Any:  # noqa: ANN401 - botocore has no types
        """Return where the bucket is named: as our setting says, else as the user's AWS configuration file does."""
        if self._style != "auto":
            return self._style
        told = files.get_scoped_config().get("s3")
        return str(told.get("addressing_style", "auto")) if isinstance(told, dict) else "auto"


class _Attempt:
    """One `put`: the connection that it uses, so that another thread can end it."""

    __slots__ = ("_connection", "_lock", "aborted", "connected", "sent")

    def __init__(self) -> None:
        self._lock = _thread.allocate_lock()
        self._connection: Any = None
        self.connected = False  # over a connection of its own, not a kept one
        self.aborted = False
        self.sent = False  # some of the request may have left

    def hold(self, connection: Any) -> None:  # noqa: ANN401
        """Remember the connection in use; raise `OSError` if the attempt was ended."""
        with self._lock:
            self._connection = connection
            if self.aborted:
                raise ConnectionAbortedError("ended by the extension")

    def end(self) -> None:
        """End the attempt, from any thread: nothing more is sent."""
        with self._lock:
            self.aborted = True
            sock = getattr(self._connection, "sock", None)
            if sock is not None:
                shut_down(sock)


def _watch(client: Any, current: Any) -> None:  # noqa: ANN401
    """Make `client` tell the current attempt which connection it uses. boto3 has no public way to end a request."""
    classes = client._endpoint.http_session._pool_classes_by_scheme  # noqa: SLF001
    for scheme, pool in list(classes.items()):
        base = pool.ConnectionCls

        def connect(self: Any, base: Any = base) -> None:  # noqa: ANN401
            attempt = current()
            attempt.connected = True
            attempt.hold(self)
            base.connect(self)
            attempt.sent = True
            attempt.hold(self)

        def request(self: Any, *args: Any, base: Any = base, **more: Any) -> Any:  # noqa: ANN401
            attempt = current()
            attempt.hold(self)
            attempt.sent = attempt.sent or getattr(self, "sock", None) is not None  # it connects first, if it must
            return base.request(self, *args, **more)

        watched = type(base.__name__, (base,), {"connect": connect, "request": request})
        classes[scheme] = type(pool.__name__, (pool,), {"ConnectionCls": watched})


def _again(client: Any, body: Any, arguments: dict[str, Any]) -> Any:  # noqa: ANN401
    """Put once more. If the key is taken now, the first attempt had arrived after all."""
    from botocore.exceptions import ClientError

    try:
        return client.put_object(Body=body, **arguments)
    except ClientError as error:
        if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") != answers.PRECONDITION_FAILED:
            raise
        return {"ETag": "of the first attempt"}


def _opened(body: bytes | str) -> io.BufferedIOBase:
    try:
        return io.BytesIO(body) if isinstance(body, bytes) else open(body, "rb")
    except OSError as error:
        raise StoreError(
            StoreError.CONFIGURATION, 0, type(error).__name__, f"the body cannot be read: {error}"
        ) from error


def _body(file: io.BufferedIOBase) -> bytes | io.BufferedIOBase:
    """Return a small body as bytes (sent at once), a large one as the file (sent in pieces, each with its time-out)."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    return file if size > BLOCK_BYTES else file.read()


def _mapped(error: Exception, secrets: list[str], *, sent: bool) -> StoreError:
    """Return what boto3's exceptions mean, without the `secrets`. Most of its own words quote addresses or headers."""
    from botocore import exceptions

    if isinstance(error, StoreError):
        return error
    if isinstance(error, exceptions.ClientError):
        about = error.response.get("ResponseMetadata", {})
        said: dict[str, Any] = {**error.response.get("Error", {})}
        region = about.get("HTTPHeaders", {}).get("x-amz-bucket-region") or said.get("Region", "")
        code = credentials.hidden(said.get("Code", ""), secrets)
        message = credentials.hidden(said.get("Message", ""), secrets)
        return answers.refusal(about.get("HTTPStatusCode", 0), "" if code.isdigit() else code, message, region)
    absent = (
        exceptions.NoCredentialsError,
        exceptions.PartialCredentialsError,
        exceptions.CredentialRetrievalError,
        exceptions.MetadataRetrievalError,
        exceptions.TokenRetrievalError,
        exceptions.SSOError,
    )
    if isinstance(error, absent):
        kind = StoreError.CREDENTIALS
    elif isinstance(error, (exceptions.HTTPClientError, exceptions.ConnectionError, OSError)):
        kind = StoreError.TRANSPORT
    else:
        kind = StoreError.CONFIGURATION
    harmless = (
        exceptions.NoCredentialsError,
        exceptions.PartialCredentialsError,
        exceptions.ProfileNotFound,
        exceptions.ConfigNotFound,
        exceptions.ConfigParseError,
        exceptions.ParamValidationError,
        exceptions.UnsupportedS3ArnError,
        exceptions.UnsupportedS3AccesspointConfigurationError,
    )
    if isinstance(error, harmless):
        message = credentials.hidden(str(error), secrets)
    elif kind == StoreError.CONFIGURATION:
        message = f"boto3 could not make the request: look at credentials, endpoint and proxy ({described(error)})"
    else:
        message = _reason(error) or "no answer that can be used"
    return StoreError(kind, 0, type(error).__name__, message, sent=sent)


def _reason(error: BaseException) -> str:
    """Return the operating system's words for what is behind an exception of boto3's; empty: there are none."""
    one: BaseException | None = error
    for _ in range(8):
        if isinstance(one, OSError) and one.strerror:
            return str(one.strerror)
        if one is None:
            break
        behind = getattr(one, "kwargs", {}).get("error")
        one = behind if isinstance(behind, BaseException) else one.__cause__ or one.__context__
    return ""
