"""S3_PREFIX: its placeholders, its characters, and room for the longest key."""

import pytest

from extension.records import objects
from extension.settings import PREFIX, Settings, from_environ
from tests.unit.extension.settings.telling import ID, WELL, only_problem, read


def test_a_prefix_that_leaves_no_room_for_the_key_is_refused() -> None:
    assert read(S3_PREFIX="é" * 350).problems == ()
    settings = read(S3_PREFIX="é" * 350 + "/")
    assert settings.prefix == "function={function}/date={date}/hour={hour}/"
    assert settings.problems[0].endswith(
        "it is longer than 700 bytes; function={function}/date={date}/hour={hour}/ is used"
    )


def filled(function: str, prefix: str) -> Settings:
    return from_environ(WELL | {"AWS_LAMBDA_FUNCTION_NAME": function, PREFIX + "S3_PREFIX": prefix})


@pytest.mark.parametrize("prefix", ["{function}/" * 20, "{function}" * 14 + "é" * 3, "{date}" * 100, "é" * 350])
def test_a_prefix_is_good_if_the_longest_key_under_it_with_this_function_s_name_is(prefix: str) -> None:
    for function in ("f", "orders-api", "f" * 48, "f" * 64):
        settings = filled(function, prefix)
        unique = "01234567-89ab-4cde-8f01-23456789abcd"
        longest = len(
            objects.key(prefix, objects.Origin(function, "", ""), 1_795_608_000.0, unique, gzip=True).encode()
        )
        assert (settings.prefix == prefix) == (longest <= 1024) == (settings.problems == ())
        if settings.problems:
            assert settings.problems[0].endswith(
                f"with it keys have {longest} bytes, S3 takes 1024 at most; "
                "function={function}/date={date}/hour={hour}/ is used"
            )


@pytest.mark.parametrize("version", ["$LATEST", "7", "1234567890"])
@pytest.mark.parametrize("region", ["us-east-1", "ap-southeast-2", ""])
@pytest.mark.parametrize("times", range(1, 12))
def test_no_key_is_longer_than_s3_takes_whatever_the_placeholders_stand_for(
    version: str, region: str, times: int
) -> None:
    prefix = "{account}{region}{version}{function}{year}{month}{day}{date}{hour}" * times
    function = "orders-api" * 2
    environ = {"AWS_LAMBDA_FUNCTION_NAME": function, "AWS_LAMBDA_FUNCTION_VERSION": version, "AWS_REGION": region}
    told = from_environ({PREFIX + "S3_BUCKET": "a-bucket", **environ, PREFIX + "S3_PREFIX": prefix})
    origin = objects.Origin(function, version, "", (region or "r" * 25, "111122223333"))
    longest = len(objects.key(prefix, origin, 1_795_608_000.0, "01234567-89ab-4cde-8f01-23456789abcd", gzip=True))
    assert (told.prefix == prefix) == (longest <= 1024 and len(prefix) <= 700)


@pytest.mark.parametrize("function", ["f" * 64, None])
def test_the_last_byte_of_a_key_may_be_used_and_not_one_more(function: str | None) -> None:
    name = function or "function"  # where no one says it
    tail = f"{name}-1795608000000-01234567-89ab-4cde-8f01-23456789abcd.log.gz"
    dates, rest = divmod(1024 - len(name + "09" + tail), len("2026-11-20"))
    prefix = "{function}{hour}" + "{date}" * dates + "x" * rest
    environ = WELL if function is None else WELL | {"AWS_LAMBDA_FUNCTION_NAME": function}
    assert from_environ(environ | {PREFIX + "S3_PREFIX": prefix}).problems == ()
    assert "keys have 1025 bytes" in from_environ(environ | {PREFIX + "S3_PREFIX": prefix + "x"}).problems[0]


@pytest.mark.parametrize("prefix", ["{date/", "date}/", "{{hour}/", "{Function}/", "{ho{day}ur}/"])
def test_a_brace_that_is_no_placeholders_is_refused(prefix: str) -> None:
    assert "the placeholders are {function}, {version}, " in only_problem(S3_PREFIX=prefix)


@pytest.mark.parametrize("char", ["\0", "\x1f", "\x7f", chr(0xD800), chr(0xDFFF)])
def test_a_prefix_with_a_character_that_no_key_can_carry_is_refused(char: str) -> None:
    assert "it has characters that an S3 key cannot carry" in only_problem(S3_PREFIX=f"a{char}b")


@pytest.mark.parametrize("char", [" ", "~", "\x80", "\ud7ff", "\ue000", "\U0001f600"])
def test_a_prefix_may_have_any_other_character(char: str) -> None:
    assert (read(S3_PREFIX=char).prefix, read(S3_PREFIX=char).problems) == (char, ())


@pytest.mark.parametrize("version", [None, "v" * 14])
@pytest.mark.parametrize(
    ("regions", "length"),
    [
        ({"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "ap-southeast-2"}, 9),
        ({"AWS_DEFAULT_REGION": "ap-southeast-2"}, 14),
        ({"AWS_REGION": "", "AWS_DEFAULT_REGION": "ap-southeast-2"}, 14),
        ({}, 25),  # as AWS's longest may be
    ],
)
def test_region_and_version_count_in_the_longest_key_as_they_are(
    regions: dict[str, str], length: int, version: str | None
) -> None:
    environ = {PREFIX + "S3_BUCKET": "a-bucket", PREFIX + "S3_PREFIX": "{region}{version}" * 20, **regions}
    if version:
        environ["AWS_LAMBDA_FUNCTION_VERSION"] = version
    most = 1024 - len(f"-{1_795_608_000_000}-{ID}.log.gz") - 20 * (length + len(version or ""))
    assert from_environ(environ | {"AWS_LAMBDA_FUNCTION_NAME": "f" * most}).problems == ()
    (problem,) = from_environ(environ | {"AWS_LAMBDA_FUNCTION_NAME": "f" * (most + 1)}).problems
    assert "with it keys have 1025 bytes, S3 takes 1024 at most" in problem
