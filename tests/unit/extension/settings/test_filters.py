"""MIN_LEVEL, REDACT and the patterns."""

import pytest

from extension.kinds import REDACTIONS
from extension.settings import PREFIX
from tests.unit.extension.settings.telling import only_problem, read


@pytest.mark.parametrize(
    ("read_as", "used"),
    [("info", "info"), (" WARN ", "warn"), ("Warning", "warn"), ("critical", "fatal"), ("TRACE", "trace"), ("", "")],
)
def test_a_level_in_the_spellings_of_loggers(read_as: str, used: str) -> None:
    settings = read(MIN_LEVEL=read_as)
    assert settings.problems == ()
    assert settings.filters == (("", "", used, "", "") if used else ())


@pytest.mark.parametrize(
    ("read_as", "used"),
    [("email", "email"), (" IPv4 ,card", "card,ipv4"), ("aws-keys,bearer,email,card,ipv4", ",".join(REDACTIONS))],
)
def test_what_is_redacted_is_a_list_in_any_order(read_as: str, used: str) -> None:
    settings = read(REDACT=read_as)
    assert settings.problems == ()
    assert settings.filters == ("", "", "", used, "")


@pytest.mark.holds("filters: a wrong item of REDACT hides more, not less")
@pytest.mark.parametrize(
    ("read_as", "strange"), [("emial,card", "emial"), ("email,", "an empty place"), ("all", "all")]
)
def test_of_an_unknown_redaction_it_is_not_known_what_should_be_hidden_so_all_is(read_as: str, strange: str) -> None:
    settings = read(REDACT=read_as)
    assert settings.filters == ("", "", "", ",".join(REDACTIONS), "")
    why = f"{strange} is not one of aws-keys, bearer, email, card, ipv4"
    assert settings.problems == (f"{PREFIX}REDACT is {read_as!r}: {why}; to be safe all of them are redacted",)


def test_an_unknown_level_filters_nothing() -> None:
    settings = read(MIN_LEVEL="loud")
    assert settings.filters == ()
    why = "expected trace, debug, info, warn, error or fatal"
    assert settings.problems == (f"{PREFIX}MIN_LEVEL is 'loud': {why}; records of every level are shipped",)


def test_a_pattern_is_taken_as_it_stands_and_none_is_none() -> None:
    assert read(EXCLUDE=" a ", INCLUDE="(", REDACT_PATTERN="x").filters == (" a ", "(", "", "", "x")
    assert read(EXCLUDE="", INCLUDE="", REDACT_PATTERN="", REDACT="").filters == ()
    assert read().filters == ()


def test_all_that_is_no_redaction_is_named() -> None:
    assert "x, an empty place, y is not one of aws-keys, bearer, email, card, ipv4;" in only_problem(
        REDACT="x,,y,email,x"
    )
