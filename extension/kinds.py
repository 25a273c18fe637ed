"""What counts as a value, kind of setting by kind, and what is wrong with what does not. Pure: it imports nothing.

Each function returns the value as the extension uses it, and raises Problem.
"""

LOG_TYPES = ("platform", "function", "extension")
PLACEHOLDERS = ("function", "version", "region", "account", "date", "year", "month", "day", "hour")
LEVELS = {name: name for name in ("trace", "debug", "info", "warn", "error", "fatal")}
LEVELS.update({"information": "info", "warning": "warn", "critical": "fatal"})  # spellings of some loggers
REDACTIONS = ("aws-keys", "bearer", "email", "card", "ipv4")
MAX_PREFIX_BYTES = 700  # of the template, before its placeholders are filled in
MAX_SHOWN = 80  # characters of a bad value in a sentence
MAX_KEY_BYTES = 1024  # S3's limit
KEY_TAIL_BYTES = len("-1795608000000-01234567-89ab-4cde-8f01-23456789abcd.log.gz")  # behind prefix and function name
MAX_LABEL = 63  # characters between two dots of a host's name
ACCOUNT_DIGITS = 12  # of an account id
LONGEST_REGION = 25  # characters; AWS's longest has 14
MAX_TAGS = 10  # of one object (S3, "Categorizing your objects using tags"), and the lengths of key and value
MAX_TAG_KEY, MAX_TAG_VALUE = 128, 256  # characters
MAX_TAGGING_BYTES = 4096  # of the header: S3 takes 8 KB of headers in all
TAG_SIGNS = "+-=._:/@ "  # beside letters and digits of any script
RESERVED_TAGS = "aws:"
RUNTIME_API_PORT = 9001  # taken by Lambda itself
HEXADECIMAL = "0123456789abcdefABCDEF"
KEY_ID_PARTS = (8, 4, 4, 4, 12)  # hexadecimal digits of a KMS key's id
MULTI_REGION_KEY = "mrk-"  # and 32 hexadecimal digits
MAX_ALIAS = 256  # characters, `alias/` included
MAX_FOREIGN_KEY = 256  # characters of another store's name of a key


class Problem(Exception):  # noqa: N818 - not an error of the program: a sentence for the user
    """What is wrong with a value, and how to mend it; `instead` is used if it is not None, else the default."""

    def __init__(self, why: str, instead: object = None) -> None:
        self.why = why
        self.instead = instead


def shortened(text: str) -> str:
    """Return the text, or its beginning: a line of log stays a line."""
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 3] + "..."


def number(text: str, minimum: int, maximum: int, *, port: bool) -> int:
    """Return a whole number, or `maximum` instead of a larger one, unless it is a port."""
    digits = text[1:] if text[:1] in ("+", "-") else text
    if not (digits.isascii() and digits.isdigit()):
        raise Problem("that is not a whole number")
    value = int((digits.lstrip("0") or "0")[:19])  # 64 bits; what is longer is above every maximum
    if text.startswith("-") or value < minimum:
        raise Problem(f"the minimum is {minimum}")
    if value > maximum:
        if port:
            raise Problem(f"a port is 1 to {maximum}")
        raise Problem(f"the maximum is {maximum}", instead=maximum)
    if port and value == RUNTIME_API_PORT:
        raise Problem(f"{RUNTIME_API_PORT} is Lambda's own port")
    return value


def choice(text: str, choices: "tuple[str, ...]") -> str:
    """Return one of the choices, spelled as they are; case does not count."""
    known = {one.lower(): one for one in choices}
    if text.lower() not in known:
        raise Problem(f"expected {', '.join(choices[:-1])} or {choices[-1]}")
    return known[text.lower()]


def owner(text: str) -> str:
    """Return the id of an account."""
    if text and not (len(text) == ACCOUNT_DIGITS and text.isascii() and text.isdigit()):
        raise Problem(f"an account id has {ACCOUNT_DIGITS} digits")
    return text


def region(text: str) -> str:
    """Return a region in lower case, in which it becomes part of a host's name and is signed for."""
    allowed = text.isascii() and all(c.isalnum() or c == "-" for c in text) and not text.isdigit()
    if text and (not allowed or "-" in (text[0], text[-1]) or len(text) > MAX_LABEL):
        raise Problem("that is not a region, such as eu-west-1")
    return text.lower()


def types(text: str) -> "tuple[str, ...]":
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
        shown = shortened(", ".join(item or "an empty place" for item in dict.fromkeys(strange)))
        raise Problem(f"{shown} is not one of {', '.join(LOG_TYPES)}", instead=valid)
    return valid


def level(text: str) -> str:
    """Return the name of a level in lower case, whatever some logger calls it."""
    if text and text.lower() not in LEVELS:
        raise Problem("expected trace, debug, info, warn, error or fatal")
    return LEVELS.get(text.lower(), "")


def redactions(text: str) -> str:
    """Return names with commas, in the order of the table. An unknown one may be any of them: then all count."""
    items = [item.strip().lower() for item in text.split(",")] if text else []
    strange = [item for item in items if item not in REDACTIONS]
    if strange:
        shown = shortened(", ".join(item or "an empty place" for item in dict.fromkeys(strange)))
        raise Problem(f"{shown} is not one of {', '.join(REDACTIONS)}", instead=",".join(REDACTIONS))
    return ",".join(name for name in REDACTIONS if name in items)


def prefix(text: str) -> str:
    """Return a template of prefixes as it is."""
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


def check_key(prefix: str, environ: "Mapping[str, str]") -> None:
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


def bucket(text: str, *, legacy: bool) -> str:
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


def kms_key(text: str, region: str, *, foreign: bool) -> str:
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


def tagging(text: str) -> str:
    """Return `key=value&key=value` as the header x-amz-tagging holds it, checked by S3's rules for tags.

    `%20` and the like may stand for characters, since no tag holds a `%`. Blanks around keys and values do not count.
    """
    tags: dict[str, str] = {}
    for part in text.split("&") if text else ():
        key, equals, value = (_unquoted(one).strip() for one in part.partition("="))
        if not key or not equals:
            raise Problem(f"{shortened(part)!r} is not a tag: they are written key=value, with & between them")
        strange = [c for c in key + value if not (c.isalnum() or c in TAG_SIGNS)]
        if strange:
            raise Problem(f"a tag cannot hold {strange[0]!r}: letters, digits, blanks and {TAG_SIGNS.strip()} can")
        if len(key) > MAX_TAG_KEY or len(value) > MAX_TAG_VALUE:
            raise Problem(f"a key has {MAX_TAG_KEY} characters at most, a value {MAX_TAG_VALUE}")
        if key.lower().startswith(RESERVED_TAGS):
            raise Problem(f"keys that begin with {RESERVED_TAGS} are reserved for AWS")
        if key in tags:
            raise Problem(f"the key {shortened(key)!r} is there twice")
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


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
