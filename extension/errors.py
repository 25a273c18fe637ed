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
    error code (S3: `AccessDenied`, `NoSuchBucket` ...) or the name of the transport error. `sent`: some of the request
    may have reached the store; False where there was no connection to it (refused, no name, no TLS).
    """

    CONFIGURATION = "configuration"  # 403, 404, 301, 400 wrong region, no region: a retry alone changes nothing
    CREDENTIALS = "credentials"  # absent or expired; read again before the next attempt
    THROTTLED = "throttled"  # 429, 503 SlowDown
    SERVER = "server"  # other 5xx
    TRANSPORT = "transport"  # DNS, connect, TLS, reset, time-out: what became of the bytes is unknown
    EXISTS = "exists"  # 412: an object with this key is there already
    UNCONDITIONAL = "unconditional"  # 501, or 400 about If-None-Match: a store that does not know conditional writes
    ABANDONED = "abandoned"  # cancelled by the extension; not a failure of the store

    def __init__(self, kind: str, status: int, code: str, message: str, *, sent: bool = True) -> None:
        super().__init__(f"{kind}: {f'HTTP {status} ' if status else ''}{code}: {message}")
        self.kind = kind
        self.status = status
        self.code = code
        self.message = message
        self.sent = sent


class ReadError(ExtensionError):
    """A batch could not be read, whatever its bytes are: a fault of the extension. The cause stands behind it."""


FRAMES = 12  # of each exception that a message names, the innermost


def described(error: BaseException) -> str:
    """Return type and places (`module:line`, the innermost last) of an exception that was not expected.

    Not its text: that quotes what was given, be it a key, a token or a password.
    """
    said: list[str] = []
    one: BaseException | None = error
    while one is not None and len(said) < FRAMES:
        places = []
        trace = one.__traceback__
        while trace:
            places.append(f"{trace.tb_frame.f_globals.get('__name__', '?')}:{trace.tb_lineno}")
            trace = trace.tb_next
        said.append(f"{type(one).__name__} at {', '.join(places[-FRAMES:]) or 'no place'}")
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
    return "; from ".join(said)
