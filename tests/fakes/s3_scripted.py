"""An S3 of one verb on a real socket: it recomputes every signature with botocore, and fails as its script says.

    with ScriptedS3(script=[Refuse(503, "SlowDown"), DropAfter()]) as s3:
        ...                      # first PUT: 503; second: stored, no answer; then all is well
        s3.objects, s3.requests  # what was stored, what was asked

One step of the script is used up by each request whose head arrived whole.
"""

from __future__ import annotations

import hashlib
import threading
import urllib.parse
from typing import TYPE_CHECKING

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.fakes.listener import Connection, Listener, Request
from tests.fakes.s3_faults import Fine, Step, error

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable

ACCESS_KEY = "AKIAIOSFODNN7EXAMPLE"
SECRET_KEY = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


class ScriptedS3(Listener):
    """The server. `host` and `region`, where given, are demanded; `token` is the session token to be sent."""

    def __init__(
        self,
        script: Iterable[Step] = (),
        *,
        region: str = "eu-west-1",
        host: str = "",
        token: str = "",
        context: ssl.SSLContext | None = None,
        port: int = 0,
    ) -> None:
        super().__init__(port, context)
        self._script = iter(list(script))
        self._lock = threading.Lock()
        self.region = region
        self.host = host
        self.token = token
        self.scheme = "https" if context else "http"
        self.endpoint = f"{self.scheme}://127.0.0.1:{self.port}"
        self.objects: dict[str, Request] = {}  # by decoded path
        self.requests: list[Request] = []
        self.refused = 0

    def environ(self) -> dict[str, str]:
        """The variables with which an AWS tool writes here."""
        keys = {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY, "AWS_REGION": self.region}
        token = {"AWS_SESSION_TOKEN": self.token} if self.token else {}
        return {**keys, **token, "AWS_ENDPOINT_URL_S3": self.endpoint}

    def serve(self, connection: Connection) -> None:
        while (request := connection.head()) is not None:
            with self._lock:
                self.requests.append(request)
                step = next(self._script, Fine())
            if not step.play(self, connection, request):
                return

    def store(self, request: Request) -> bytes:
        """Check and keep an object; the answer that S3 would give."""
        wrong = self._wrong(request)
        if wrong:
            self.refused += 1
            return error(*wrong)
        self.objects[urllib.parse.unquote(request.path)] = request
        etag = hashlib.md5(request.body, usedforsecurity=False).hexdigest()
        return f'HTTP/1.1 200 OK\r\nETag: "{etag}"\r\nContent-Length: 0\r\nServer: AmazonS3\r\n\r\n'.encode()

    def _wrong(self, request: Request) -> tuple[int, str] | None:
        if request.method != "PUT":
            return 405, "MethodNotAllowed"
        if self.host and request.headers.get("host") != self.host:
            return 404, "NoSuchBucket"
        if request.headers.get("x-amz-security-token", "") != self.token:
            return 403, "InvalidToken"
        if request.headers.get("x-amz-content-sha256") != hashlib.sha256(request.body).hexdigest():
            return 400, "XAmzContentSHA256Mismatch"
        if request.headers.get("authorization") != authorization(request, self.region):
            return 403, "SignatureDoesNotMatch"
        return None


def authorization(request: Request, region: str) -> str:
    """What the Authorization header has to be: computed by botocore from what came in."""
    given = request.headers.get("authorization", "")
    names = given.partition("SignedHeaders=")[2].partition(",")[0].split(";")
    if "host" not in names or any(name.startswith("x-amz-") and name not in names for name in request.headers):
        return ""  # S3 demands these
    signed = {name: request.headers[name] for name in names if name in request.headers}
    copy = AWSRequest(method=request.method, url=f"https://{request.headers['host']}{request.path}", headers=signed)
    copy.context["timestamp"] = request.headers.get("x-amz-date", "")
    auth = S3SigV4Auth(Credentials(ACCESS_KEY, SECRET_KEY), "s3", region)
    signature = auth.signature(auth.string_to_sign(copy, auth.canonical_request(copy)), copy)
    scope = f"{auth.scope(copy)}, SignedHeaders={';'.join(names)}"
    return f"AWS4-HMAC-SHA256 Credential={scope}, Signature={signature}"
