"""The exception tree of the extension.

ExtensionError
    ApiError            a call to the Extensions, Telemetry or Logs API was refused or failed
    StoreError          a chunk was not stored, or it is not known whether it was
    ReadError           a batch could not be read: a fault of the extension, its cause is the exception behind it
"""


class ExtensionError(Exception):
    """Base of every error that this package raises on purpose."""


class ApiError(ExtensionError):
    """A call to the Lambda API failed. `status` is 0 when no answer came (transport)."""

    def __init__(self, call: str, status: int, detail: str) -> None:
        super().__init__(f"{call}: {f'HTTP {status}' if status else 'no answer'}: {detail}")
        self.call = call
        self.status = status
        self.detail = detail


class StoreError(ExtensionError):
    """A chunk was not stored, or it is unknown whether it was.

    `kind` is one of the constants below, `status` the HTTP status (0: there was none), `code` the store's own
    error code (S3: `AccessDenied`, `NoSuchBucket` ...) or the name of the transport error.
    """

    CONFIGURATION = "configuration"  # 403, 404, 301, 400 wrong region, no region: a retry alone changes nothing
    CREDENTIALS = "credentials"  # absent or expired; read again before the next attempt
    THROTTLED = "throttled"  # 429, 503 SlowDown
    SERVER = "server"  # other 5xx
    TRANSPORT = "transport"  # DNS, connect, TLS, reset, time-out: what became of the bytes is unknown
    EXISTS = "exists"  # 412: an object with this key is there already
    UNCONDITIONAL = "unconditional"  # 501, or 400 about If-None-Match: a store that does not know conditional writes
    ABANDONED = "abandoned"  # cancelled by the extension; not a failure of the store

    def __init__(self, kind: str, status: int, code: str, message: str) -> None:
        super().__init__(f"{kind}: {f'HTTP {status} ' if status else ''}{code}: {message}")
        self.kind = kind
        self.status = status
        self.code = code
        self.message = message


class ReadError(ExtensionError):
    """A batch could not be read, whatever its bytes are: a fault of the extension. The cause stands behind it."""
