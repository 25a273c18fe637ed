"""What users may set: one table, from which parsing, the JSON Schema and the table of docs/settings.md follow.

Pure, and loaded before the first `event/next`: it imports nothing.
"""

PREFIX = "ADAPTIVE_BATCHING_EXTENSION_"
FAMILY = "ADAPTIVE_BATCHING_"  # a name that begins so and is not in the table is a typing error
LOG_TYPES = ("platform", "function", "extension")
PLACEHOLDERS = ("function", "version", "region", "account", "date", "year", "month", "day", "hour")
LEVELS = {name: name for name in ("trace", "debug", "info", "warn", "error", "fatal")}
LEVELS.update({"information": "info", "warning": "warn", "critical": "fatal"})  # spellings of some loggers
REDACTIONS = ("aws-keys", "bearer", "email", "card", "ipv4")
FILTERS = ("EXCLUDE", "INCLUDE", "MIN_LEVEL", "REDACT", "REDACT_PATTERN")
OBJECT_BYTES = 1048576  # mode `adaptive` ships at this size: larger objects save next to nothing
LEAST_MEMORY_MB = 128  # assumed where Lambda does not say how much memory the function has
MAX_SHIP_RATE_BYTES = 104857600  # the Go sample's MAX_SHIP_RATE_BYTES: above it counts as it
RUNTIME_API_PORT = 9001  # taken by Lambda itself
MAX_PREFIX_BYTES = 700  # of the template, before its placeholders are filled in
MAX_SHOWN = 80  # characters of a bad value in a sentence
LONGEST_NAME = 64  # letters of an unknown name that are compared with those of the table
MAX_KEY_BYTES = 1024  # S3's limit
KEY_TAIL_BYTES = len("-1795608000000-01234567-89ab-4cde-8f01-23456789abcd.log.gz")  # behind prefix and function name
MAX_LABEL = 63  # characters between two dots of a host's name
LEGACY_REGION = "us-east-1"  # its oldest buckets have up to 255 characters, capitals and underscores among them
ACCOUNT_DIGITS = 12  # of an account id
LONGEST_REGION = 25  # characters; AWS's longest has 14
MAX_TAGS = 10  # of one object (S3, "Categorizing your objects using tags"), and the lengths of key and value
MAX_TAG_KEY, MAX_TAG_VALUE = 128, 256  # characters
MAX_TAGGING_BYTES = 4096  # of the header: S3 takes 8 KB of headers in all
TAG_SIGNS = "+-=._:/@ "  # beside letters and digits of any script
RESERVED_TAGS = "aws:"
HEXADECIMAL = "0123456789abcdefABCDEF"
KEY_ID_PARTS = (8, 4, 4, 4, 12)  # hexadecimal digits of a KMS key's id
MULTI_REGION_KEY = "mrk-"  # and 32 hexadecimal digits
MAX_ALIAS = 256  # characters, `alias/` included
MAX_FOREIGN_KEY = 256  # characters of another store's name of a key
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


class Problem(Exception):  # noqa: N818 - not an error of the program: a sentence for the user
    """What is wrong with a value, and how to mend it; `instead` is used if it is not None, else the default."""

    def __init__(self, why: str, instead: object = None) -> None:
        super().__init__(why)
        self.why = why
        self.instead = instead


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
        except Problem as problem:
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
        problems.append(f"{name} is {_short(environ[name])!r} and does nothing: it is for {PREFIX}MODE=adaptive")
    unknown = tuple(name for name in environ if name.startswith(FAMILY) and name not in values)
    given = frozenset(name for name in values if environ.get(name))
    return Settings(values, region, _memory(environ), given, problems, unknown)


def _checked(setting: Setting, read: str, environ: "Mapping[str, str]", region: str) -> object:
    """Return the value of one setting where the environment has a say too. Raises Problem.

    `region`: that of the bucket as far as the table was read, else the function's.
    """
    value = _parse(setting, read)
    elsewhere = any(environ.get(name) for name in ENDPOINTS)
    if setting.kind == "prefix":
        _check_key(read, environ)
    elif setting.kind == "bucket":
        there = (environ.get(PREFIX + "S3_REGION") or region).strip()
        return _bucket(read.strip(), legacy=there == LEGACY_REGION or elsewhere)
    elif setting.kind == "key":
        anywhere = environ.get(PREFIX + "S3_BUCKET", "").strip().startswith("arn:")  # which names its own region
        return _kms_key(read.strip(), "" if anywhere else region.lower(), foreign=elsewhere)
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


def _sentence(setting: Setting, read: str, problem: Problem, used: object) -> str:
    shown = _short(read)
    if setting.choices and not setting.default:
        return f"{setting.name} is {shown!r}: {problem.why}; it counts as not set"
    if setting.kind in INSTEAD and not (setting.kind == "bucket" and used):
        return f"{setting.name} is {shown!r}: {problem.why}; {INSTEAD[setting.kind]}"
    if used == 0 and not setting.default:
        used = "the default (64 MiB or 1/8 of the free space)"
    if isinstance(used, tuple):
        used = "[" + ",".join(f'"{name}"' for name in used) + "]"
    return f"{setting.name} is {shown!r}: {problem.why}; {used} is used"


def _short(text: str) -> str:
    """Return the text, or its beginning: a line of log stays a line."""
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 3] + "..."


def _parse(setting: Setting, read: str) -> object:
    """Return the value of one setting. Raises Problem."""
    text = read.strip()
    if setting.kind == "number":
        return _number(setting, text)
    if setting.kind == "choice":
        known = {choice.lower(): choice for choice in setting.choices}
        if text.lower() not in known and (text or setting.default):
            raise Problem(f"expected {', '.join(setting.choices[:-1])} or {setting.choices[-1]}")
        return known.get(text.lower(), "")
    if setting.kind in ("prefix", "pattern"):  # blanks are a part of it; what is no pattern is said later, by `re`
        return _prefix(read) if setting.kind == "prefix" else read
    kinds = {
        "types": _types,
        "level": _level,
        "redactions": _redactions,
        "tags": _tagging,
        "region": _region,
        "owner": _owner,
    }
    return kinds[setting.kind](text) if setting.kind in kinds else text


def _owner(text: str) -> str:
    if text and not (len(text) == ACCOUNT_DIGITS and text.isascii() and text.isdigit()):
        raise Problem(f"an account id has {ACCOUNT_DIGITS} digits")
    return text


def _region(text: str) -> str:
    """Return a region in lower case, in which it becomes part of a host's name and is signed for."""
    allowed = text.isascii() and all(c.isalnum() or c == "-" for c in text) and not text.isdigit()
    if text and (not allowed or "-" in (text[0], text[-1]) or len(text) > MAX_LABEL):
        raise Problem("that is not a region, such as eu-west-1")
    return text.lower()


def _number(setting: Setting, text: str) -> int:
    if not text and not setting.default:
        return 0  # the program chooses
    digits = text[1:] if text[:1] in ("+", "-") else text
    if not (digits.isascii() and digits.isdigit()):
        raise Problem("that is not a whole number")
    value = int((digits.lstrip("0") or "0")[:19])  # 64 bits; what is longer is above every maximum
    if text.startswith("-") or value < setting.minimum:
        raise Problem(f"the minimum is {setting.minimum}")
    if value > setting.maximum:
        if setting.name.endswith("PORT"):
            raise Problem(f"a port is 1 to {setting.maximum}")
        raise Problem(f"the maximum is {setting.maximum}", instead=setting.maximum)
    if setting.name.endswith("PORT") and value == RUNTIME_API_PORT:
        raise Problem(f"{RUNTIME_API_PORT} is Lambda's own port")
    return value


def _types(text: str) -> "tuple[str, ...]":
    """Return a JSON array of plain words, read without the json module, which costs 9 ms at start-up."""
    if text[:1] != "[" or text[-1:] != "]":
        raise Problem('it must be a JSON array such as ["platform","function"]')
    items = [item.strip() for item in text[1:-1].split(",")]
    words = {f'"{name}"': name for name in LOG_TYPES}
    valid = tuple(name for word, name in words.items() if word in items)
    strange = [item for item in items if item not in words]
    if any(item.replace("'", "") in LOG_TYPES for item in strange):
        raise Problem('it is not JSON: words need double quotes, as in ["platform","function"]', instead=valid or None)
    if not valid:
        raise Problem("it contains none of " + ", ".join(LOG_TYPES))
    if strange:
        shown = _short(", ".join(item or "an empty place" for item in dict.fromkeys(strange)))
        raise Problem(f"{shown} is not one of {', '.join(LOG_TYPES)}", instead=valid)
    return valid


def _level(text: str) -> str:
    if text and text.lower() not in LEVELS:
        raise Problem("expected trace, debug, info, warn, error or fatal")
    return LEVELS.get(text.lower(), "")


def _redactions(text: str) -> str:
    """Return names with commas, in the order of the table. An unknown one may be any of them: then all count."""
    items = [item.strip().lower() for item in text.split(",")] if text else []
    strange = [item for item in items if item not in REDACTIONS]
    if strange:
        shown = _short(", ".join(item or "an empty place" for item in dict.fromkeys(strange)))
        raise Problem(f"{shown} is not one of {', '.join(REDACTIONS)}", instead=",".join(REDACTIONS))
    return ",".join(name for name in REDACTIONS if name in items)


def _prefix(text: str) -> str:
    if len(text.encode(errors="replace")) > MAX_PREFIX_BYTES:
        raise Problem(f"it is longer than {MAX_PREFIX_BYTES} bytes")
    if any(ord(c) < 32 or ord(c) == 127 or 0xD800 <= ord(c) <= 0xDFFF for c in text):  # noqa: PLR2004 - control characters, DEL
        raise Problem("it has characters that an S3 key cannot carry")
    rest = text
    for name in PLACEHOLDERS:
        rest = rest.replace("{" + name + "}", "\0")  # one placeholder does not complete another
    if "{" in rest or "}" in rest:
        raise Problem("the placeholders are " + ", ".join("{" + name + "}" for name in PLACEHOLDERS))
    return text


def _check_key(prefix: str, environ: "Mapping[str, str]") -> None:
    """Raise Problem where the longest key under this prefix would be too long for S3."""
    region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or ""
    function = environ.get("AWS_LAMBDA_FUNCTION_NAME", "function")
    version = environ.get("AWS_LAMBDA_FUNCTION_VERSION", "")
    longest = (
        function,
        version,
        region or "r" * LONGEST_REGION,
        "1" * ACCOUNT_DIGITS,
        "2026-11-20",
        "2026",
        *["09"] * 3,
    )
    for name, value in zip(PLACEHOLDERS, longest, strict=True):
        prefix = prefix.replace("{" + name + "}", value)
    size = len((prefix + function).encode(errors="replace")) + KEY_TAIL_BYTES
    if size > MAX_KEY_BYTES:
        raise Problem(f"with it keys have {size} bytes, S3 takes {MAX_KEY_BYTES} at most")


def _bucket(text: str, *, legacy: bool) -> str:
    """Return the name of a bucket, or the ARN of an access point. `legacy`: a name of the oldest buckets will do."""
    parts = text.split(":", 5)
    name = parts[-1]
    if parts[0] == "arn" and name.replace(":", "/").partition("/")[0] in ("accesspoint", "outpost"):
        return text
    if parts[0] == "arn" and parts[2:5] == ["s3", "", ""] and _is_name(name, legacy=legacy):
        raise Problem("that is the ARN of a bucket, whose name is asked for", instead=name)
    if text and not _is_name(text, legacy=legacy):
        why = "3 to 63 lower-case letters, digits, dots and hyphens; a letter or digit at both ends"
        raise Problem(f"that is not the name of a bucket ({why})", instead="")
    return text


def _kms_key(text: str, region: str, *, foreign: bool) -> str:
    """Return what names a KMS key in `region`, "" for any. `foreign`: another store's, which has its own rules."""
    if foreign:
        if not (text.isascii() and text.isprintable() and " " not in text and len(text) <= MAX_FOREIGN_KEY):
            raise Problem("that cannot be sent as the name of a key")
        return text
    named = text
    if text.startswith("arn:"):
        partition, service, there, account, named = (text.split(":", 5) + [""] * 5)[1:6]
        is_arn = partition.startswith("aws") and service == "kms" and len(account) == ACCOUNT_DIGITS
        named = (named.removeprefix("key/") if not named.startswith("alias/") else named) if is_arn else ""
        if named and region and there != region:
            raise Problem(f"that key is in region {there}, and a bucket in {region} takes keys of its own region")
    if text and not (_is_key_id(named) or _is_alias(named)):
        raise Problem("that is not a KMS key: its id, its ARN, alias/NAME or the alias's ARN names it")
    return text


def _is_key_id(text: str) -> bool:
    """Tell whether KMS has such ids: 32 hexadecimal digits, written as a UUID or behind `mrk-`."""
    several = text.startswith(MULTI_REGION_KEY)
    parts = text.removeprefix(MULTI_REGION_KEY).split("-")
    wanted = [sum(KEY_ID_PARTS)] if several else [*KEY_ID_PARTS]
    return [len(part) for part in parts] == wanted and set("".join(parts)) <= set(HEXADECIMAL)


def _is_alias(text: str) -> bool:
    """Tell whether KMS has such aliases."""
    name = text.removeprefix("alias/")
    fits = name not in ("", text) and len(text) <= MAX_ALIAS
    return fits and name.isascii() and all(c.isalnum() or c in "/_-" for c in name)


def _tagging(text: str) -> str:
    """Return `key=value&key=value` as the header x-amz-tagging holds it, checked by S3's rules for tags.

    `%20` and the like may stand for characters, since no tag holds a `%`. Blanks around keys and values do not count.
    """
    tags: dict[str, str] = {}
    for part in text.split("&") if text else ():
        key, equals, value = (_unquoted(one).strip() for one in part.partition("="))
        if not key or not equals:
            raise Problem(f"{_short(part)!r} is not a tag: they are written key=value, with & between them")
        strange = [c for c in key + value if not (c.isalnum() or c in TAG_SIGNS)]
        if strange:
            raise Problem(f"a tag cannot hold {strange[0]!r}: letters, digits, blanks and {TAG_SIGNS.strip()} can")
        if len(key) > MAX_TAG_KEY or len(value) > MAX_TAG_VALUE:
            raise Problem(f"a key has {MAX_TAG_KEY} characters at most, a value {MAX_TAG_VALUE}")
        if key.lower().startswith(RESERVED_TAGS):
            raise Problem(f"keys that begin with {RESERVED_TAGS} are reserved for AWS")
        if key in tags:
            raise Problem(f"the key {_short(key)!r} is there twice")
        tags[key] = value
    if len(tags) > MAX_TAGS:
        raise Problem(f"those are {len(tags)} tags, and an object has {MAX_TAGS} at most")
    header = "&".join(f"{_quoted(key)}={_quoted(value)}" for key, value in tags.items())
    if len(header) > MAX_TAGGING_BYTES:
        raise Problem(f"as a header they have {len(header)} bytes, and there is room for {MAX_TAGGING_BYTES}")
    return header


def _unquoted(text: str) -> str:
    """Return the text with each `%` and two hexadecimal digits as the byte of UTF-8 that it stands for."""
    first, *others = text.encode(errors="replace").split(b"%")
    for other in others:
        digits = other[:2].decode("latin-1")
        if len(digits) < 2 or not set(digits) <= set(HEXADECIMAL):  # noqa: PLR2004 - a byte
            raise Problem("behind a % there are two hexadecimal digits, as in %20")
        first += bytes((int(digits, 16),)) + other[2:]
    return first.decode("utf-8", "replace")


def _quoted(text: str) -> str:
    """Return the text as it stands in a query: letters and digits of ASCII and `-._~` as they are."""
    return "".join(c if c.isascii() and (c.isalnum() or c in "-._~") else _percent(c) for c in text)


def _percent(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode())


def _is_name(text: str, *, legacy: bool) -> bool:
    """Tell whether S3 lets a bucket be named so (general purpose bucket naming rules)."""
    longest, more = (255, "._-") if legacy else (63, ".-")
    if not (3 <= len(text) <= longest and text.isascii() and all(c.isalnum() or c in more for c in text)):  # noqa: PLR2004 - S3's rule
        return False
    if legacy:
        return True
    parts = text.split(".")
    address = len(parts) == 4 and all(part.isdigit() for part in parts)  # noqa: PLR2004 - such as 192.168.5.4
    return text.lower() == text and text[0].isalnum() and text[-1].isalnum() and all(parts) and not address


def _unknown(name: str) -> str:
    nearest = min((setting.name for setting in TABLE), key=lambda known: _distance(name, known) - _common(name, known))
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
