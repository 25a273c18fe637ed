"""What users may set: one table, from which parsing, the JSON Schema and the table of docs/settings.md follow.

Pure, and loaded before the first `event/next`. What counts as a value is in `kinds`.
"""

from extension import kinds

PREFIX = "ADAPTIVE_BATCHING_EXTENSION_"
FAMILY = "ADAPTIVE_BATCHING_"  # a name that begins so and is not in the table is a typing error
FILTERS = ("EXCLUDE", "INCLUDE", "MIN_LEVEL", "REDACT", "REDACT_PATTERN")
OBJECT_BYTES = 1048576  # mode `adaptive` ships at this size: larger objects save next to nothing
LEAST_MEMORY_MB = 128  # assumed where Lambda does not say how much memory the function has
MAX_SHIP_RATE_BYTES = 104857600  # the Go sample's MAX_SHIP_RATE_BYTES: above it counts as it
LONGEST_NAME = 64  # letters of an unknown name that are compared with those of the table
LEGACY_REGION = "us-east-1"  # its oldest buckets have up to 255 characters, capitals and underscores among them
ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")  # another store has its own rules for names
CONTAINER = "AWS_CONTAINER_CREDENTIALS_"
#: boto3 gives up over these where they are empty, as a template's parameter without a value leaves them.
UNSET_IF_BLANK = (
    *("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "AWS_PROFILE", "AWS_DEFAULT_PROFILE"),
    *(CONTAINER + "RELATIVE_URI", CONTAINER + "FULL_URI", *ENDPOINTS),
)

INSTEAD = {  # kind of a setting: what is done where its value is bad
    "bucket": "nothing is shipped until this is fixed",
    "region": "the function's own region is used",
    "owner": "the bucket's owner is not checked",
    "key": "the bucket's default encryption is used",
    "tags": "objects get no tags",
    "level": "records of every level are shipped",
    "redactions": "to be safe all of them are redacted",
}


class Setting:
    """One row of the table. `default` is written as a user would write it."""

    __slots__ = ("choices", "default", "help", "kind", "maximum", "minimum", "name")

    def __init__(
        self,
        name: str,
        default: str,
        kind: str,
        text: str,
        minimum: int = 0,
        maximum: int = 0,
        choices: "tuple[str, ...]" = (),
    ) -> None:
        self.name = PREFIX + name
        self.default = default
        self.kind = kind  # bucket, number, types, prefix, choice, region, owner, key, tags, pattern, level, redactions
        self.help = text
        self.minimum = minimum
        self.maximum = maximum
        self.choices = choices


TABLE = (
    Setting("S3_BUCKET", "", "bucket", "bucket for the logs; must exist (the extension only calls PutObject)"),
    Setting(
        "MODE",
        "thresholds",
        "choice",
        "`thresholds`: ship when one of `SHIP_RATE_*` is reached; `adaptive`: as few objects as `MAX_DELAY` allows, "
        "and `SHIP_RATE_*` count only where they are set",
        choices=("thresholds", "adaptive"),
    ),
    Setting(
        "MAX_DELAY_MILLISECONDS",
        "60000",
        "number",
        "with `MODE=adaptive`: how old a record may be when it is on S3",
        1000,
        3_600_000,
    ),
    Setting(
        "SHIP_RATE_BYTES",
        "4096",
        "number",
        "ship when this many bytes are waiting; capped at 104857600",
        1,
        MAX_SHIP_RATE_BYTES,
    ),
    Setting("SHIP_RATE_INVOKES", "10", "number", "ship after this many invocations", 1, 2**31),
    Setting("SHIP_RATE_MILLISECONDS", "10000", "number", "ship when the oldest waiting record is this old", 1, 2**31),
    Setting(
        "LOG_TYPES",
        '["platform","function"]',
        "types",
        "JSON array of `platform`, `function` and `extension`; invalid items are ignored",
    ),
    Setting(
        "EXCLUDE",
        "",
        "pattern",
        "regular expression: records of the function and of extensions whose text it matches are not shipped",
    ),
    Setting("INCLUDE", "", "pattern", "the same: of these records only those are shipped whose text it matches"),
    Setting(
        "MIN_LEVEL",
        "",
        "level",
        "`trace`, `debug`, `info`, `warn`, `error` or `fatal`: records of a lower level are not shipped; without a "
        "level a record is",
    ),
    Setting(
        "REDACT",
        "",
        "redactions",
        "what is replaced by a marker in these records: some of `aws-keys,bearer,email,card,ipv4`",
    ),
    Setting("REDACT_PATTERN", "", "pattern", "regular expression: what it matches is replaced by `[redacted:pattern]`"),
    Setting(
        "S3_PREFIX",
        "function={function}/date={date}/hour={hour}/",
        "prefix",
        "key prefix template; placeholders: `{function}`, `{version}`, `{region}`, `{account}`, and of the arrival of "
        "the first record (UTC) `{date}`, `{year}`, `{month}`, `{day}`, `{hour}`; empty: the Go sample's flat names",
    ),
    Setting("S3_REGION", "", "region", "region of the bucket, if it is not the function's (`AWS_REGION`)"),
    Setting(
        "S3_BUCKET_OWNER",
        "",
        "owner",
        "account id (12 digits) that must own the bucket, else S3 refuses (`x-amz-expected-bucket-owner`)",
    ),
    Setting(
        "SSE",
        "",
        "choice",
        "`AES256` or `aws:kms`: ask S3 for this encryption (`x-amz-server-side-encryption`); empty: the bucket's own",
        choices=("AES256", "aws:kms"),
    ),
    Setting("KMS_KEY_ID", "", "key", "KMS key to encrypt with: id, ARN, alias or alias ARN; implies `SSE=aws:kms`"),
    Setting("TAGS", "", "tags", "tags of every object, as in `team=payments&stage=prod`; 10 at most"),
    Setting("COMPRESSION", "none", "choice", "`none` or `gzip` (adds `.gz` to the key)", choices=("none", "gzip")),
    Setting(
        "MAX_HOLD_MILLISECONDS",
        "500",
        "number",
        "longest time that an invocation is held open for shipping",
        1,
        900_000,
    ),
    Setting(
        "API",
        "auto",
        "choice",
        "`auto`, `telemetry` or `logs`: the API that delivers the logs",
        choices=("auto", "telemetry", "logs"),
    ),
    Setting(
        "CONDITIONAL_WRITE",
        "on",
        "choice",
        "`on` or `off`: ask S3 not to overwrite (`If-None-Match: *`); `off` for stores without conditional writes",
        choices=("on", "off"),
    ),
    Setting(
        "JOURNAL_BYTES",
        "",
        "number",
        "maximum size of the journal in `/tmp`; default: 64 MiB or 1/8 of the free space, whichever is smaller",
        1024 * 1024,
        10 * 1024**3,
    ),
    Setting("PORT", "1234", "number", "listener port; an ephemeral port if it is in use; never 9001", 1, 65535),
    Setting(
        "S3_CLIENT",
        "auto",
        "choice",
        "S3 client to use: `auto`, `light` (built in) or `boto3`",
        choices=("auto", "light", "boto3"),
    ),
    Setting(
        "S3_ADDRESSING_STYLE",
        "auto",
        "choice",
        "`virtual` (`bucket.host/key`), `path` (`host/bucket/key`) or `auto`: path at an endpoint, virtual on AWS",
        choices=("auto", "path", "virtual"),
    ),
)


class Settings:
    """One immutable value: what the extension was told, checked."""

    __slots__ = (
        "_problems",
        "_unknown",
        "adaptive",
        "addressing_style",
        "api",
        "bucket",
        "client",
        "conditional",
        "filters",
        "gzip",
        "hold_seconds",
        "journal_bytes",
        "kms_key",
        "log_types",
        "max_delay",
        "memory_mb",
        "owner",
        "port",
        "prefix",
        "region",
        "ship_bytes",
        "ship_bytes_set",
        "ship_invokes",
        "ship_seconds",
        "sse",
        "tags",
    )

    def __init__(
        self,
        values: "dict[str, object]",
        region: str,
        memory_mb: int,
        given: "frozenset[str]",
        problems: "list[str]",
        unknown: "tuple[str, ...]",
    ) -> None:
        def text(name: str) -> str:
            return str(values[PREFIX + name])

        def number(name: str) -> int:
            return int(text(name))

        types = values[PREFIX + "LOG_TYPES"]
        self.bucket = text("S3_BUCKET")  # "": nothing can be shipped
        self.adaptive = text("MODE") == "adaptive"
        self.max_delay = number("MAX_DELAY_MILLISECONDS") / 1000
        self.memory_mb = memory_mb
        self.ship_bytes = number("SHIP_RATE_BYTES")
        self.ship_bytes_set = PREFIX + "SHIP_RATE_BYTES" in given
        self.ship_invokes = number("SHIP_RATE_INVOKES")
        self.ship_seconds = number("SHIP_RATE_MILLISECONDS") / 1000
        self.log_types: tuple[str, ...] = types if isinstance(types, tuple) else ()
        filters = tuple(map(text, FILTERS))
        self.filters: tuple[str, ...] = (
            filters if any(filters) else ()
        )  # as records.filters is told; (): all is shipped
        self.prefix = text("S3_PREFIX")
        self.region = text("S3_REGION") or region
        self.owner = text("S3_BUCKET_OWNER")  # "": any
        self.sse = text("SSE")  # "": the bucket's default
        self.kms_key = text("KMS_KEY_ID")  # "": that of the bucket, or AWS's own
        self.tags = text("TAGS")  # as the header holds them; "": none
        self.gzip = text("COMPRESSION") == "gzip"
        self.hold_seconds = number("MAX_HOLD_MILLISECONDS") / 1000
        self.api = text("API")
        self.port = number("PORT")
        self.client = text("S3_CLIENT")
        self.addressing_style = text("S3_ADDRESSING_STYLE")
        self.conditional = text("CONDITIONAL_WRITE") == "on"
        self.journal_bytes = number("JOURNAL_BYTES")  # 0: as much as is sensible
        self._problems = tuple(problems)
        self._unknown = unknown

    @property
    def problems(self) -> "tuple[str, ...]":
        """One sentence about each bad value and unknown name. Not for before the first `event/next`: distances cost."""
        return (*self._problems, *map(_unknown, self._unknown))


def drop_blank(environ: "MutableMapping[str, str]") -> None:
    """Remove what is empty of the variables that every AWS tool reads: as if it were not set."""
    for name in UNSET_IF_BLANK:
        if not environ.get(name, "-").strip():
            del environ[name]


def from_environ(environ: "Mapping[str, str]") -> Settings:
    """Read every setting; a bad value never raises: the default serves and `problems` has one sentence about it."""
    problems: list[str] = []
    values: dict[str, object] = {}
    region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or ""
    for setting in TABLE:
        read = environ.get(setting.name)
        values[setting.name] = _parse(setting, setting.default)
        if read is None or (read == "" and setting.kind != "prefix"):
            continue
        try:
            values[setting.name] = _checked(setting, read, environ, str(values.get(PREFIX + "S3_REGION") or region))
        except kinds.Problem as problem:
            if problem.instead is not None:
                values[setting.name] = problem.instead
            problems.append(_sentence(setting, read, problem, values[setting.name]))
    if not environ.get(PREFIX + "S3_BUCKET", "").strip():
        problems.append(f"{PREFIX}S3_BUCKET is not set: nothing is shipped; set it to the name of a bucket that exists")
    _settle_encryption(values, environ, problems)
    if values[PREFIX + "MODE"] == "adaptive":
        _leave_to_the_policy(values, environ)
    elif environ.get(PREFIX + "MAX_DELAY_MILLISECONDS"):
        name = PREFIX + "MAX_DELAY_MILLISECONDS"
        problems[:] = [problem for problem in problems if not problem.startswith(name)]  # one sentence is enough
        problems.append(
            f"{name} is {kinds.shortened(environ[name])!r} and does nothing: it is for {PREFIX}MODE=adaptive"
        )
    unknown = tuple(name for name in environ if name.upper().startswith(FAMILY) and name not in values)
    given = frozenset(name for name in values if environ.get(name))
    return Settings(values, region, _memory(environ), given, problems, unknown)


def _checked(setting: Setting, read: str, environ: "Mapping[str, str]", region: str) -> object:
    """Return the value of one setting where the environment has a say too. Raises Problem.

    `region`: that of the bucket as far as the table was read, else the function's.
    """
    value = _parse(setting, read)
    elsewhere = any(environ.get(name) for name in ENDPOINTS)
    if setting.kind == "prefix":
        kinds.check_key(read, environ)
    elif setting.kind == "bucket":
        there = (environ.get(PREFIX + "S3_REGION") or region).strip()
        return kinds.bucket(read.strip(), legacy=there == LEGACY_REGION or elsewhere)
    elif setting.kind == "key":
        anywhere = environ.get(PREFIX + "S3_BUCKET", "").strip().startswith("arn:")  # which names its own region
        return kinds.kms_key(read.strip(), "" if anywhere else region.lower(), foreign=elsewhere)
    return value


def _settle_encryption(values: "dict[str, object]", environ: "Mapping[str, str]", problems: "list[str]") -> None:
    """Let a KMS key imply its kind of encryption. A key that cannot be one leaves all to the bucket's default."""
    sse, name = PREFIX + "SSE", PREFIX + "KMS_KEY_ID"
    if values[name] and values[sse] == "AES256":
        problems.append(
            f"{sse} is 'AES256' and {name} names a key, which is for aws:kms: aws:kms with this key is used"
        )
    if values[name]:
        values[sse] = "aws:kms"
    elif environ.get(name, "").strip():
        values[sse] = ""


def _leave_to_the_policy(values: "dict[str, object]", environ: "Mapping[str, str]") -> None:
    """Lift the thresholds that are not set: mode `adaptive` decides. Those that are set stay upper bounds."""
    for setting in TABLE:
        if setting.name.startswith(PREFIX + "SHIP_RATE_") and not environ.get(setting.name):
            values[setting.name] = setting.maximum
    size = PREFIX + "SHIP_RATE_BYTES"
    values[size] = min(int(str(values[size])), OBJECT_BYTES)


def _memory(environ: "Mapping[str, str]") -> int:
    """Return the function's memory in MB, as Lambda says it."""
    text = environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "")[:9]
    return max(int(text), 1) if text.isascii() and text.isdigit() else LEAST_MEMORY_MB


def _sentence(setting: Setting, read: str, problem: kinds.Problem, used: object) -> str:
    shown = kinds.shortened(read)
    if setting.choices and not setting.default:
        return f"{setting.name} is {shown!r}: {problem.why}; it counts as not set"
    if setting.kind in INSTEAD and not (setting.kind == "bucket" and used):
        return f"{setting.name} is {shown!r}: {problem.why}; {INSTEAD[setting.kind]}"
    if used == 0 and not setting.default:
        used = "the default (64 MiB or 1/8 of the free space)"
    if isinstance(used, tuple):
        used = "[" + ",".join(f'"{name}"' for name in used) + "]"
    return f"{setting.name} is {shown!r}: {problem.why}; {used} is used"


def _parse(setting: Setting, read: str) -> object:
    """Return the value of one setting. Raises Problem."""
    text = read.strip()
    if setting.kind == "number":
        if not text and not setting.default:
            return 0  # the program chooses
        return kinds.number(text, setting.minimum, setting.maximum, port=setting.name.endswith("PORT"))
    if setting.kind == "choice":
        return kinds.choice(text, setting.choices) if text or setting.default else ""
    if setting.kind in ("prefix", "pattern"):  # blanks are a part of it; what is no pattern is said later, by `re`
        return kinds.prefix(read) if setting.kind == "prefix" else read
    parsers = {
        "types": kinds.types,
        "level": kinds.level,
        "redactions": kinds.redactions,
        "tags": kinds.tagging,
        "region": kinds.region,
        "owner": kinds.owner,
    }
    return parsers[setting.kind](text) if setting.kind in parsers else text


def _unknown(name: str) -> str:
    upper = name.upper()
    nearest = min((setting.name for setting in TABLE), key=lambda one: _distance(upper, one) - _common(upper, one))
    shown = name if len(name) <= 2 * LONGEST_NAME else f"{name[: 2 * LONGEST_NAME]}..."
    return f"{shown} is not a setting of this extension and does nothing; did you mean {nearest}?"


def _common(left: str, right: str) -> int:
    """Return the length of the common beginning: a shortened name (MAX_HOLD_MS) is far from its own in edits."""
    length = 0
    while left[length : length + 1] == right[length : length + 1] != "":
        length += 1
    return length


def _distance(left: str, right: str) -> int:
    """Return Levenshtein's edit distance. What both begin with adds nothing to it; a long name is far from all."""
    same = _common(left, right)
    left, right = left[same : same + LONGEST_NAME], right[same:]
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        before, row[0] = row[0], i
        for j, b in enumerate(right, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (a != b))
    return row[-1]


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping
