"""The default store: PutObject and nothing else, over the standard library.

What boto3 would cost instead stands in docs/benchmarks.md. The decisions are in pure modules beside this one (signing,
endpoint, credentials, answers); here they meet the clock and the network. A PUT is tried once: when to try again is
decided elsewhere. The one exception is a kept connection that turns out dead before any answer: the same bytes go at
once over a fresh one, which is harmless since key and bytes are the same.
"""

from __future__ import annotations

import _thread
import time

from extension.errors import StoreError
from extension.stores import answers, credentials, endpoint, opening
from extension.stores.connection import Connection, Order, idle_too_long, moment
from extension.stores.patience import Patience
from extension.stores.request import blocks, measure

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping

    from extension.stores import PutRequest

    Body = tuple[bytes | str, int]  # what it is, and how many bytes of it


class LightStore:
    """Puts objects into one bucket. Fulfils `extension.stores.Store`. `style`: `auto`, `path` or `virtual`."""

    def __init__(
        self, bucket: str, region: str, environ: Mapping[str, str], say: Callable[[str], None], style: str = "auto"
    ) -> None:
        self._bucket = bucket
        self._region = region
        self._style = style
        self._environ = environ
        self._say = say
        self._way: tuple[endpoint.Url, endpoint.Url | None] | None = None
        self._context: ssl.SSLContext | None = None
        self._keys: credentials.Credentials | None = None
        self._patience = Patience()
        self._order = Order()  # of the store's, or the proxy's, addresses
        self._sent = False  # some of the PUT in progress may have left
        self._lock = _thread.allocate_lock()  # guards what follows, which `cancel` touches from another thread
        self._cancels = 0  # an attempt that began under a lower count is abandoned
        self._connection: Connection | None = None  # the one in use, or the one kept
        self._kept_since: tuple[float, float] | None = None  # None: in use, or there is none
        self._kept_for: tuple[str, ...] = ()  # where it leads

    def warm_up(self) -> None:
        """Load the certificates. Configuration errors surface in the first `put`."""
        try:
            self._trust(self._address()[0])
        except StoreError:
            pass

    def put(self, request: PutRequest) -> None:
        """Store one object, or raise `StoreError`."""
        cancels = self._cancels
        began = time.monotonic()
        self._sent = False
        target, proxy = self._address()
        try:
            keys = self._current_keys(cancels)
            size, digest = measure(request.body)
            signer = opening.Signer(keys, self._region, time.time())
            begin = opening.put(target, proxy, request, (size, digest), signer)
            answer = self._exchange(target, proxy, begin, (request.body, size), cancels)
            self._patience.answered(time.monotonic() - began)
            answers.raise_for_error(answer)
        except (OSError, StoreError) as error:
            mapped = self._mapped(error, cancels)
            if isinstance(error, TimeoutError) and self._sent and mapped.kind != StoreError.ABANDONED:
                self._patience.timed_out()
            if mapped.kind == StoreError.CREDENTIALS or mapped.code in answers.OTHER_KEYS:
                self._keys = None
            raise mapped from error

    def cancel(self) -> None:
        """End the attempt in progress and the kept connection: not one more byte of them is sent."""
        with self._lock:
            self._cancels += 1
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.end()
                if self._kept_since:
                    connection.close()
            self._kept_since = None

    def _address(self) -> tuple[endpoint.Url, endpoint.Url | None]:
        """Return where objects go, and the proxy on the way: always the same. Raises `StoreError`."""
        if self._way is None:
            target = endpoint.resolve(self._bucket, self._region, self._environ, self._style)
            self._way = target, endpoint.proxy_for(target, self._environ)
        return self._way

    def _exchange(
        self, target: endpoint.Url, proxy: endpoint.Url | None, begin: bytes, body: Body, cancels: int
    ) -> answers.Response:
        """Send a request over the kept connection, or over a fresh one where that is missing, old or dead."""
        kept = self._take_kept(_route(target, proxy))
        if kept is not None:
            self._sent = True
            try:
                return self._talk(kept, begin, body, cancels)
            except OSError as error:
                if kept.got_response or isinstance(error, TimeoutError):
                    raise
        connection = self._connect(target, proxy, cancels)
        self._sent = True
        answer = self._talk(connection, begin, body, cancels)
        answer.resent = kept is not None
        return answer

    def _take_kept(self, route: tuple[str, ...]) -> Connection | None:
        """Return the kept connection if it leads there and is young enough; it is closed otherwise, by `_connect`."""
        with self._lock:
            since, self._kept_since = self._kept_since, None
            if since is None or self._kept_for != route or idle_too_long(since, moment()):
                return None
            return self._connection

    def _connect(self, target: endpoint.Url, proxy: endpoint.Url | None, cancels: int) -> Connection:
        context = self._trust(target)
        connection = Connection(self._patience.seconds)
        with self._lock:
            if self._cancels != cancels:
                raise ConnectionAbortedError("ended by the extension")
            if self._connection is not None:
                self._connection.close()  # kept too long, or to another server
            self._connection, self._kept_since = connection, None
            self._kept_for = _route(target, proxy)
        try:
            connection.open(target, proxy, context, self._order)
        except BaseException:
            connection.close()
            raise
        return connection

    def _talk(
        self, connection: Connection, begin: bytes, body: Body, cancels: int, *, keep: bool = True
    ) -> answers.Response:
        """Send a request over `connection` and take its answer; keep the connection if it may serve again.

        Without `keep` it is closed, whatever the server says of it: the request has announced that (RFC 9112, 9.6).
        """
        broken = None
        keep_alive = False
        try:
            try:
                for block in blocks(*body, begin):
                    connection.send(block)
            except OSError as error:
                if connection.aborted or isinstance(error, TimeoutError):
                    raise
                broken = error  # a server that rejects a request may answer before reading all of the body
            answer = connection.receive()
            if broken and answer.stored:
                raise broken
            keep_alive = keep and connection.keep_alive and answer.stored
        finally:
            with self._lock:
                if keep_alive and self._cancels == cancels:
                    self._kept_since = moment()
                else:
                    connection.close()
        return answer

    def _trust(self, target: endpoint.Url) -> ssl.SSLContext | None:
        """Return the TLS context for the store; None for a plain address."""
        if not target.secure:
            return None
        if self._context is None:
            from extension.stores import tls

            self._context = tls.context_for(target.host, self._environ, self._say)
        return self._context

    def _current_keys(self, cancels: int) -> credentials.Credentials:
        """Return the keys to sign with, read from the container endpoint again before they expire or once refused."""
        now = time.time()
        if self._keys is None or self._keys.due(now):
            self._keys = credentials.static(self._environ) or self._fetched(now, cancels)
        return self._keys

    def _fetched(self, now: float, cancels: int) -> credentials.Credentials:
        try:
            target, begin = credentials.question(self._environ)
            connection = self._connect(target, None, cancels)
            answer = self._talk(connection, begin, (b"", 0), cancels, keep=False)
            return credentials.parse_container(answer.status, answer.body)
        except (OSError, StoreError) as error:
            if self._cancels == cancels and self._keys is not None and now < self._keys.expires:
                return self._keys
            if isinstance(error, StoreError) or self._cancels != cancels:
                raise self._mapped(error, cancels) from error
            where = f": {error.filename!r}" if error.filename else ""
            message = f"the container credentials endpoint: {error.strerror or 'no answer that can be used'}{where}"
            raise StoreError(StoreError.CREDENTIALS, 0, type(error).__name__, message) from error

    def _mapped(self, error: Exception, cancels: int) -> StoreError:
        if self._cancels != cancels and not isinstance(error, StoreError):
            return StoreError(StoreError.ABANDONED, 0, "Abandoned", "the attempt was given up", sent=self._sent)
        known = credentials.secrets(self._environ, self._keys)
        if isinstance(error, StoreError):
            code, message = credentials.hidden(error.code, known), credentials.hidden(error.message, known)
            return StoreError(error.kind, error.status, code, message, sent=error.sent)
        message = credentials.hidden(str(error), known) or "no message"
        return StoreError(StoreError.TRANSPORT, 0, type(error).__name__, message, sent=self._sent)


def _route(target: endpoint.Url, proxy: endpoint.Url | None) -> tuple[str, ...]:
    """Return where a connection leads: nothing else may ever be sent on it."""
    return (str(target.secure), target.authority, proxy.authority if proxy else "")
