"""Settings: every row of the table, what happens to odd values, and the whole sentence that is said about each."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extension.settings import PREFIX, TABLE, Setting, drop_blank, from_environ
from tests.unit.extension.settings.telling import ID, KEYS, NO_KEY, WELL, only_problem, read


def test_a_bucket_is_all_that_is_needed() -> None:
    settings = from_environ(WELL)
    assert settings.problems == ()
    assert settings.bucket == "a-bucket"
    assert settings.ship_bytes == 4096
    assert settings.ship_invokes == 10
    assert settings.ship_seconds == 10.0
    assert settings.log_types == ("platform", "function")
    assert settings.prefix == "function={function}/date={date}/hour={hour}/"
    assert settings.region == "eu-west-1"
    assert settings.gzip is False
    assert settings.hold_seconds == 0.5
    assert settings.api == "auto"
    assert settings.port == 1234
    assert settings.client == "auto"
    assert settings.conditional is True
    assert settings.journal_bytes == 0  # as much as is sensible


def test_the_table_has_the_final_names_in_order() -> None:
    assert [setting.name for setting in TABLE] == [
        "ADAPTIVE_BATCHING_EXTENSION_" + name
        for name in (
            "S3_BUCKET",
            "MODE",
            "MAX_DELAY_MILLISECONDS",
            "SHIP_RATE_BYTES",
            "SHIP_RATE_INVOKES",
            "SHIP_RATE_MILLISECONDS",
            "LOG_TYPES",
            "EXCLUDE",
            "INCLUDE",
            "MIN_LEVEL",
            "REDACT",
            "REDACT_PATTERN",
            "S3_PREFIX",
            "S3_REGION",
            "S3_BUCKET_OWNER",
            "SSE",
            "KMS_KEY_ID",
            "TAGS",
            "COMPRESSION",
            "MAX_HOLD_MILLISECONDS",
            "API",
            "CONDITIONAL_WRITE",
            "JOURNAL_BYTES",
            "PORT",
            "S3_CLIENT",
            "S3_ADDRESSING_STYLE",
        )
    ]


def test_every_row_explains_itself() -> None:
    assert all(setting.help for setting in TABLE)


def test_a_row_has_bounds_or_words_to_choose_from_only_where_it_is_told_some() -> None:
    row = Setting("NAME", "5", "number", "a text", 1, 9)
    assert (row.name, row.default, row.kind, row.help) == (PREFIX + "NAME", "5", "number", "a text")
    assert (row.minimum, row.maximum, row.choices) == (1, 9, ())
    row = Setting("NAME", "a", "choice", "a text", choices=("a", "b"))
    assert (row.minimum, row.maximum, row.choices) == (0, 0, ("a", "b"))


def test_only_numbers_have_bounds_and_only_a_choice_has_words_to_choose_from() -> None:
    for setting in TABLE:
        assert (setting.minimum >= 1) == (setting.maximum > setting.minimum) == (setting.kind == "number")
        assert (setting.minimum, setting.maximum) == (0, 0) or setting.kind == "number"
        assert (len(setting.choices) > 1) == (setting.kind == "choice")
        assert setting.choices == () or setting.kind == "choice"


@pytest.mark.parametrize(
    ("name", "value", "attribute", "expected"),
    [
        ("SHIP_RATE_BYTES", "1", "ship_bytes", 1),
        ("SHIP_RATE_BYTES", "104857600", "ship_bytes", 104857600),
        ("SHIP_RATE_BYTES", " 65536 ", "ship_bytes", 65536),
        ("SHIP_RATE_BYTES", "+5", "ship_bytes", 5),
        ("SHIP_RATE_BYTES", "007", "ship_bytes", 7),
        ("SHIP_RATE_BYTES", "9001", "ship_bytes", 9001),
        ("SHIP_RATE_INVOKES", "1", "ship_invokes", 1),
        ("SHIP_RATE_MILLISECONDS", "1", "ship_seconds", 0.001),
        ("MAX_HOLD_MILLISECONDS", "900000", "hold_seconds", 900.0),
        ("LOG_TYPES", '["extension"]', "log_types", ("extension",)),
        ("LOG_TYPES", ' [ "function" , "platform" ] ', "log_types", ("platform", "function")),
        ("LOG_TYPES", '["function","function"]', "log_types", ("function",)),
        ("S3_PREFIX", "", "prefix", ""),
        ("S3_PREFIX", "logs/{function}/{date}T{hour}/", "prefix", "logs/{function}/{date}T{hour}/"),
        ("S3_PREFIX", "équipe/", "prefix", "équipe/"),
        ("S3_REGION", "ap-southeast-2", "region", "ap-southeast-2"),
        ("S3_REGION", "", "region", "eu-west-1"),
        ("S3_BUCKET_OWNER", " 012345678901 ", "owner", "012345678901"),
        ("S3_BUCKET_OWNER", "", "owner", ""),
        ("SSE", "AES256", "sse", "AES256"),
        ("SSE", " aes256", "sse", "AES256"),
        ("SSE", "AWS:KMS", "sse", "aws:kms"),
        ("SSE", " ", "sse", ""),
        *[("KMS_KEY_ID", key, "kms_key", key) for key in KEYS],
        ("KMS_KEY_ID", f" {KEYS[0]} ", "kms_key", KEYS[0]),
        ("KMS_KEY_ID", " ", "kms_key", ""),
        ("TAGS", "", "tags", ""),
        ("TAGS", "  ", "tags", ""),
        ("TAGS", "team=payments&stage=prod", "tags", "team=payments&stage=prod"),
        ("TAGS", "empty=", "tags", "empty="),
        ("TAGS", " a = b & c=d e ", "tags", "a=b&c=d%20e"),
        ("TAGS", "a=b=c", "tags", "a=b%3Dc"),
        ("TAGS", "a=1+1&b=x%20y&c=%C3%A9", "tags", "a=1%2B1&b=x%20y&c=%C3%A9"),
        ("TAGS", "équipe=日本/1:2@3._-", "tags", "%C3%A9quipe=%E6%97%A5%E6%9C%AC%2F1%3A2%403._-"),
        ("TAGS", "k" * 128 + "=" + "v" * 256, "tags", "k" * 128 + "=" + "v" * 256),
        ("COMPRESSION", "gzip", "gzip", True),
        ("COMPRESSION", " GZIP ", "gzip", True),
        ("COMPRESSION", "none", "gzip", False),
        ("API", "logs", "api", "logs"),
        ("API", "telemetry", "api", "telemetry"),
        ("PORT", "1", "port", 1),
        ("PORT", "65535", "port", 65535),
        ("S3_CLIENT", "boto3", "client", "boto3"),
        ("S3_CLIENT", "light", "client", "light"),
        ("S3_BUCKET", "logs.of-ours.1", "bucket", "logs.of-ours.1"),
        ("S3_BUCKET", "abc", "bucket", "abc"),
        ("S3_BUCKET", "a" * 63, "bucket", "a" * 63),
        ("CONDITIONAL_WRITE", "Off", "conditional", False),
        ("JOURNAL_BYTES", "", "journal_bytes", 0),
        ("JOURNAL_BYTES", " 2000000", "journal_bytes", 2000000),
        ("SHIP_RATE_BYTES", "", "ship_bytes", 4096),
    ],
)
def test_a_good_value_is_used_in_silence(name: str, value: str, attribute: str, expected: object) -> None:
    settings = read(**{name: value})
    assert (getattr(settings, attribute), settings.problems) == (expected, ())


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("SHIP_RATE_BYTES", "0", "is '0': the minimum is 1; 4096 is used"),
        ("SHIP_RATE_BYTES", "-1", "is '-1': the minimum is 1; 4096 is used"),
        ("SHIP_RATE_BYTES", "-9999999999999999999", "is '-9999999999999999999': the minimum is 1; 4096 is used"),
        ("SHIP_RATE_BYTES", "-0", "is '-0': the minimum is 1; 4096 is used"),
        ("SHIP_RATE_BYTES", "4KB", "is '4KB': that is not a whole number; 4096 is used"),
        ("SHIP_RATE_BYTES", "1e6", "is '1e6': that is not a whole number; 4096 is used"),
        ("SHIP_RATE_BYTES", "1.5", "is '1.5': that is not a whole number; 4096 is used"),
        ("SHIP_RATE_BYTES", "1_000", "is '1_000': that is not a whole number; 4096 is used"),
        ("SHIP_RATE_BYTES", "٤٠٩٦", "is '٤٠٩٦': that is not a whole number; 4096 is used"),
        ("SHIP_RATE_BYTES", "²", "is '²': that is not a whole number; 4096 is used"),
        ("SHIP_RATE_BYTES", "-", "is '-': that is not a whole number; 4096 is used"),
        ("SHIP_RATE_BYTES", " ", "is ' ': that is not a whole number; 4096 is used"),
        ("SHIP_RATE_BYTES", "104857601", "is '104857601': the maximum is 104857600; 104857600 is used"),
        ("SHIP_RATE_INVOKES", "0", "is '0': the minimum is 1; 10 is used"),
        ("SHIP_RATE_INVOKES", "none", "is 'none': that is not a whole number; 10 is used"),
        ("SHIP_RATE_MILLISECONDS", "0", "is '0': the minimum is 1; 10000 is used"),
        ("SHIP_RATE_MILLISECONDS", "-10", "is '-10': the minimum is 1; 10000 is used"),
        ("MAX_HOLD_MILLISECONDS", "0", "is '0': the minimum is 1; 500 is used"),
        ("MAX_HOLD_MILLISECONDS", "900001", "is '900001': the maximum is 900000; 900000 is used"),
        ("PORT", "9001", "is '9001': 9001 is Lambda's own port; 1234 is used"),
        ("PORT", "0", "is '0': the minimum is 1; 1234 is used"),
        ("PORT", "65536", "is '65536': a port is 1 to 65535; 1234 is used"),
        ("COMPRESSION", "zstd", "is 'zstd': expected none or gzip; none is used"),
        ("API", "both", "is 'both': expected auto, telemetry or logs; auto is used"),
        ("S3_CLIENT", "curl", "is 'curl': expected auto, light or boto3; auto is used"),
        (
            "LOG_TYPES",
            '"function"',
            (
                'is \'"function"\': it must be a JSON array such as ["platform","function"]; '
                '["platform","function"] is used'
            ),
        ),
        (
            "LOG_TYPES",
            '["function"',
            (
                'is \'["function"\': it must be a JSON array such as ["platform","function"]; '
                '["platform","function"] is used'
            ),
        ),
        (
            "LOG_TYPES",
            '"function"]',
            (
                'is \'"function"]\': it must be a JSON array such as ["platform","function"]; '
                '["platform","function"] is used'
            ),
        ),
        (
            "LOG_TYPES",
            "function,platform",
            (
                'is \'function,platform\': it must be a JSON array such as ["platform","function"]; '
                '["platform","function"] is used'
            ),
        ),
        *[
            (
                "LOG_TYPES",
                value,
                (
                    f'is {value!r}: it is not JSON: words need double quotes, as in ["platform","function"]; '
                    f"{used} is used"
                ),
            )
            for value, used in (
                ("[platform]", '["platform","function"]'),
                ("['function']", '["platform","function"]'),
                ('["extension",platform]', '["extension"]'),
            )
        ],
        *[
            ("JOURNAL_BYTES", value, f"is {value!r}: {why}; the default (64 MiB or 1/8 of the free space) is used")
            for value, why in (("12MB", "that is not a whole number"), ("0", "the minimum is 1048576"))
        ],
        (
            "LOG_TYPES",
            "[]",
            'is \'[]\': it contains none of platform, function, extension; ["platform","function"] is used',
        ),
        (
            "LOG_TYPES",
            '["functions"]',
            'is \'["functions"]\': it contains none of platform, function, extension; ["platform","function"] is used',
        ),
        (
            "LOG_TYPES",
            '["extension","functions",7]',
            (
                'is \'["extension","functions",7]\': "functions", 7 is not one of platform, function, extension; '
                '["extension"] is used'
            ),
        ),
        (
            "LOG_TYPES",
            '["extension","extension,7"]',
            (
                'is \'["extension","extension,7"]\': "extension, 7" is not one of platform, function, extension; '
                '["extension"] is used'
            ),
        ),
        (
            "LOG_TYPES",
            '["extension",]',
            'is \'["extension",]\': an empty place is not one of platform, function, extension; ["extension"] is used',
        ),
        (
            "S3_PREFIX",
            "{minute}/",
            (
                "is '{minute}/': the placeholders are {function}, {version}, {region}, {account}, {date}, {year}, "
                "{month}, {day}, {hour}; "
                "function={function}/date={date}/hour={hour}/ is used"
            ),
        ),
        (
            "S3_PREFIX",
            "a\nb",
            (
                "is 'a\\nb': it has characters that an S3 key cannot carry; "
                "function={function}/date={date}/hour={hour}/ is used"
            ),
        ),
        *[
            ("S3_BUCKET_OWNER", value, f"is {value!r}: an account id has 12 digits; the bucket's owner is not checked")
            for value in ("11112222333", "1111222233334", "1111-2222-33", "٠١٢٣٤٥٦٧٨٩٠١", "anybody at all")
        ],
        ("SSE", "aws:kms:dsse", "is 'aws:kms:dsse': expected AES256 or aws:kms; it counts as not set"),
        ("SSE", "true", "is 'true': expected AES256 or aws:kms; it counts as not set"),
        *[
            ("KMS_KEY_ID", value, f"is {value!r}: {NO_KEY}; the bucket's default encryption is used")
            for value in (
                "my-key",
                "alias/",
                "alias/a b",
                "alias/é",
                "alias/x.y",
                ID[:-1],
                ID.replace("a", "g"),
                "mrk-" + ID,
                "key/" + ID,
                "arn:aws:kms:eu-west-1:111122223333:" + ID[:-1],
                "arn:aws:s3:eu-west-1:111122223333:key/" + ID,
                "arn:aws:kms:eu-west-1:1111:key/" + ID,
                "arn:aws:kms",
            )
        ],
        (
            "KMS_KEY_ID",
            "arn:aws:kms:us-east-1:111122223333:alias/logs",
            (
                "is 'arn:aws:kms:us-east-1:111122223333:alias/logs': that key is in region us-east-1, and a bucket in "
                "eu-west-1 takes keys of its own region; the bucket's default encryption is used"
            ),
        ),
        *[
            ("TAGS", value, f"is {value!r}: {why}; objects get no tags")
            for value, why in (
                ("team", "'team' is not a tag: they are written key=value, with & between them"),
                ("a=b&", "'' is not a tag: they are written key=value, with & between them"),
                ("a=b&&c=d", "'' is not a tag: they are written key=value, with & between them"),
                ("=b", "'=b' is not a tag: they are written key=value, with & between them"),
                ("a=b,c=d", "a tag cannot hold ',': letters, digits, blanks and +-=._:/@ can"),
                ("a=b;c", "a tag cannot hold ';': letters, digits, blanks and +-=._:/@ can"),
                ("a=b%26c", "a tag cannot hold '&': letters, digits, blanks and +-=._:/@ can"),
                ("a=b%0ac", "a tag cannot hold '\\n': letters, digits, blanks and +-=._:/@ can"),
                ("a=%ff", "a tag cannot hold '�': letters, digits, blanks and +-=._:/@ can"),
                ("a=100%", "behind a % there are two hexadecimal digits, as in %20"),
                ("a=100%+b", "behind a % there are two hexadecimal digits, as in %20"),
                ("aws:team=b", "keys that begin with aws: are reserved for AWS"),
                ("AWS:team=b", "keys that begin with aws: are reserved for AWS"),
                ("a=b&a=c", "the key 'a' is there twice"),
                ("&".join(f"k{n}=v" for n in range(11)), "those are 11 tags, and an object has 10 at most"),
            )
        ],
        (
            "S3_REGION",
            "eu west",
            "is 'eu west': that is not a region, such as eu-west-1; the function's own region is used",
        ),
        (
            "S3_REGION",
            "eu-wést-1",
            "is 'eu-wést-1': that is not a region, such as eu-west-1; the function's own region is used",
        ),
        (
            "S3_REGION",
            "eu-west-²",
            "is 'eu-west-²': that is not a region, such as eu-west-1; the function's own region is used",
        ),
    ],
)
def test_a_bad_value_is_replaced_and_one_sentence_says_so(name: str, value: str, sentence: str) -> None:
    assert only_problem(**{name: value}) == f"{PREFIX}{name} {sentence}"


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("SHIP_RATE_BYTES", 1, 104857600),
        ("SHIP_RATE_INVOKES", 1, 2147483648),
        ("SHIP_RATE_MILLISECONDS", 1, 2147483648),
        ("MAX_HOLD_MILLISECONDS", 1, 900000),
        ("JOURNAL_BYTES", 1048576, 10737418240),
    ],
)
def test_each_number_has_a_least_which_is_good_and_a_most_which_serves_for_all_above(
    name: str, least: int, most: int
) -> None:
    assert read(**{name: str(least)}).problems == read(**{name: str(most)}).problems == ()
    assert f"is '{least - 1}': the minimum is {least}; " in only_problem(**{name: str(least - 1)})
    assert only_problem(**{name: str(most + 1)}).endswith(f"the maximum is {most}; {most} is used")


def test_a_long_bad_value_is_cut_in_the_sentence() -> None:
    whole, cut = only_problem(COMPRESSION="z" * 80), only_problem(COMPRESSION="z" * 81)
    assert whole == f"{PREFIX}COMPRESSION is '{'z' * 80}': expected none or gzip; none is used"
    assert cut == f"{PREFIX}COMPRESSION is '{'z' * 77}...': expected none or gzip; none is used"


@pytest.mark.parametrize("piece", ["z", ",", "z,", '["', "=", "a=b&", "{", "9"])
@pytest.mark.parametrize("name", [setting.name.removeprefix(PREFIX) for setting in TABLE])
def test_every_sentence_is_short_whatever_the_value_is(name: str, piece: str) -> None:
    value = piece * 1000
    for read_as in (value, f"[{value}]", f"{value}=b&{value}=b"):
        assert all(len(problem) <= 400 for problem in read(**{name: read_as}).problems)


def test_a_number_of_many_digits_counts_as_the_most() -> None:
    assert read(SHIP_RATE_BYTES="9" * 10_000).ship_bytes == 104857600


@given(st.integers(min_value=104857601))
def test_above_the_samples_maximum_counts_as_the_maximum(value: int) -> None:
    assert read(SHIP_RATE_BYTES=str(value)).ship_bytes == 104857600


def test_every_problem_is_reported_not_only_the_first() -> None:
    problems = read(SHIP_RATE_BYTES="x", SHIP_RATE_INVOKES="x", PORT="x", S3_BUCKT="x").problems
    assert len(problems) == 4


def test_the_region_is_the_buckets_else_the_functions_else_the_default_else_none() -> None:
    assert read(S3_REGION="us-east-1").region == "us-east-1"
    assert read().region == "eu-west-1"
    assert from_environ({"AWS_DEFAULT_REGION": "eu-north-1"}).region == "eu-north-1"
    assert from_environ({}).region == ""


# mode adaptive


def test_without_a_mode_the_thresholds_count_and_max_delay_is_said_to_do_nothing() -> None:
    assert read().adaptive is False
    for value in ("5000", "x", "60000"):
        settings = read(MAX_DELAY_MILLISECONDS=value)
        assert len(settings.problems) == 1
        assert f"MAX_DELAY_MILLISECONDS is '{value}' and does nothing" in settings.problems[0]


def test_in_mode_adaptive_thresholds_count_only_where_they_are_set() -> None:
    settings = read(MODE="Adaptive")
    assert (settings.adaptive, settings.max_delay, settings.problems) == (True, 60.0, ())
    assert (settings.ship_bytes, settings.ship_invokes, settings.ship_seconds) == (1048576, 2**31, 2**31 / 1000)
    told = read(MODE="adaptive", SHIP_RATE_BYTES="4097", SHIP_RATE_INVOKES="7", SHIP_RATE_MILLISECONDS="9000")
    assert (told.ship_bytes, told.ship_invokes, told.ship_seconds) == (4097, 7, 9.0)
    assert read(MODE="adaptive", SHIP_RATE_BYTES="9000000").ship_bytes == 1048576


@pytest.mark.parametrize(("read_as", "used"), [("999", 60.0), ("1000", 1.0), ("3600001", 3600.0), ("soon", 60.0)])
def test_max_delay_has_bounds(read_as: str, used: float) -> None:
    settings = read(MODE="adaptive", MAX_DELAY_MILLISECONDS=read_as)
    assert settings.max_delay == used
    assert len(settings.problems) == (read_as != "1000")


def test_an_unknown_mode_is_said_and_the_thresholds_count() -> None:
    settings = read(MODE="clever")
    assert settings.adaptive is False
    assert "MODE" in settings.problems[0]
    assert "'clever'" in settings.problems[0]


@pytest.mark.parametrize(
    ("said", "used"), [("1769", 1769), ("", 128), ("much", 128), ("0", 1), ("²", 128), ("1234567890", 123456789)]
)
def test_memory_is_what_lambda_says_in_nine_digits_at_most_else_128_mb(said: str, used: int) -> None:
    assert from_environ({**WELL, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": said}).memory_mb == used


@given(st.dictionaries(st.sampled_from([setting.name for setting in TABLE]), st.text()))
def test_no_value_whatever_stops_the_function(environ: dict[str, str]) -> None:
    settings = from_environ(environ)
    assert 1 <= settings.ship_bytes <= 104857600
    assert settings.ship_invokes >= 1
    assert settings.ship_seconds > 0
    assert settings.hold_seconds > 0
    assert settings.log_types
    assert 1 <= settings.port <= 65535
    assert settings.port != 9001


@pytest.mark.parametrize(
    ("region", "used", "said"),
    [
        ("EU-WEST-1", "eu-west-1", 0),
        ("eu_west_1", "us-west-2", 1),
        ("12", "us-west-2", 1),
        ("-eu", "us-west-2", 1),
        ("eu-", "us-west-2", 1),
        ("a" * 63, "a" * 63, 0),
        ("a" * 64, "us-west-2", 1),
        ("eu-wést-1", "us-west-2", 1),
    ],
)
def test_a_region_is_written_small_and_one_that_can_be_none_is_said(region: str, used: str, said: int) -> None:
    told = from_environ({**WELL, PREFIX + "S3_REGION": region, "AWS_REGION": "us-west-2"})
    assert (told.region, len(told.problems)) == (used, said)


def test_what_is_blank_of_the_variables_of_every_aws_tool_is_as_if_it_were_not_set() -> None:
    environ = {"AWS_CA_BUNDLE": "", "AWS_PROFILE": " ", "AWS_ENDPOINT_URL": "http://h", "OTHER": ""}
    drop_blank(environ)
    assert environ == {"AWS_ENDPOINT_URL": "http://h", "OTHER": ""}


def test_whether_the_byte_threshold_was_set_is_known() -> None:
    assert [read(SHIP_RATE_BYTES=value).ship_bytes_set for value in ("4096", "x", "")] == [True, True, False]
    assert not read().ship_bytes_set
