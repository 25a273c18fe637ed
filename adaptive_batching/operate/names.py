"""What S3 and KMS accept as the name of a bucket, the name of a key and tags, as the extension judges it. Pure."""

from __future__ import annotations

import re

_HEX = "[0-9a-fA-F]"
_KEY_ID = re.compile(rf"{_HEX}{{8}}(-{_HEX}{{4}}){{3}}-{_HEX}{{12}}|mrk-{_HEX}{{32}}")
_ALIAS = re.compile(r"alias/[A-Za-z0-9/_-]{1,250}")
_KEY_ARN = re.compile(r"arn:aws[^:]*:kms:(?P<region>[^:]*):[^:]{12}:(?P<name>.*)")
_BUCKET = re.compile(r"(?!\d+\.\d+\.\d+\.\d+$)[a-z0-9](?:[a-z0-9-]|\.(?!\.)){1,61}[a-z0-9]")
#: The oldest buckets of us-east-1, and those of other stores.
_OLD_BUCKET = re.compile(r"[A-Za-z0-9._-]{3,255}")
_LONGEST_KEY_NAME = 256
_MOST_TAGS, _TAG_KEY, _TAG_VALUE = 10, 128, 256


def is_bucket(text: str, *, old: bool = False) -> bool:
    """Return whether a bucket can have this name."""
    return bool((_OLD_BUCKET if old else _BUCKET).fullmatch(text))


def is_access_point(text: str) -> bool:
    """Return whether this is the ARN of something in front of a bucket that takes objects."""
    return text.startswith("arn:") and re.split("[:/]", text.split(":", 5)[-1])[0] in ("accesspoint", "outpost")


def wrong_key(text: str, region: str) -> str:
    """Return why a text cannot name a KMS key for a bucket in this region ("": in any), or ""."""
    named, arn = text, _KEY_ARN.fullmatch(text)
    if arn:
        named = arn["name"] if arn["name"].startswith("alias/") else arn["name"].removeprefix("key/")
        if region and arn["region"] != region:
            return f"that key is in region {arn['region']}, and a bucket in {region} takes keys of its own region"
    if _KEY_ID.fullmatch(named) or (_ALIAS.fullmatch(named) and len(text) <= _LONGEST_KEY_NAME):
        return ""
    return "expected a KMS key: its id, its ARN, alias/NAME or the alias's ARN"


def wrong_foreign_key(text: str) -> str:
    """Return why a text cannot be sent to another store as the name of a key, or ""."""
    fits = text.isascii() and text.isprintable() and " " not in text and len(text) <= _LONGEST_KEY_NAME
    return "" if fits else "that cannot be sent as the name of a key"


def wrong_tags(text: str) -> str:
    """Return why a text is not key=value&key=value by S3's rules for tags, or ""."""
    pairs = [tuple(_unquoted(one).strip() for one in part.partition("=")) for part in text.split("&") if text]
    rules = {
        "behind a % there are two hexadecimal digits, as in %20": re.search(r"%(?![0-9a-fA-F]{2})", text),
        "tags are written key=value, with & between them": any(not key or not equals for key, equals, _ in pairs),
        "a tag holds letters, digits, blanks and +-=._:/@": any(map(_is_strange, (a + b for a, _, b in pairs))),
        "a key has 128 characters at most, a value 256": any(
            len(key) > _TAG_KEY or len(value) > _TAG_VALUE for key, _, value in pairs
        ),
        "keys that begin with aws: are reserved for AWS": any(key.lower().startswith("aws:") for key, *_ in pairs),
        "a key is there twice": len({key for key, *_ in pairs}) < len(pairs),
        "an object has 10 tags at most": len(pairs) > _MOST_TAGS,
    }
    return next((why for why, broken in rules.items() if broken), "")


def _is_strange(text: str) -> bool:
    return any(not (c.isalnum() or c in "+-=._:/@ ") for c in text)


def _unquoted(text: str) -> str:
    data = re.sub(rb"%([0-9a-fA-F]{2})", lambda found: bytes.fromhex(found[1].decode()), text.encode(errors="replace"))
    return data.decode("utf-8", "replace")
