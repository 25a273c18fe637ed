"""What goes wrong on the way to AWS is one sentence."""

from __future__ import annotations

import pytest

from adaptive_batching.cli import main
from adaptive_batching.operate.aws import Account, AwsError, answers
from tests.fakes.network.ports import free_port
from tools.operate import deployed


def asked(account: Account) -> AwsError:
    with pytest.raises(AwsError) as caught, answers():
        account.client("lambda").get_function_configuration(FunctionName="f")
    return caught.value


def test_without_a_region_it_says_where_to_set_one() -> None:
    assert str(asked(Account())) == "no region is configured: set AWS_DEFAULT_REGION, or a region of the profile"


def test_without_credentials_it_says_where_to_set_them() -> None:
    assert str(asked(Account("eu-west-1"))).startswith("no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and ")


def test_a_profile_that_does_not_exist_is_named() -> None:
    assert "(absent)" in str(asked(Account("eu-west-1", "absent")))


def test_a_closed_endpoint_is_named_and_asked_once() -> None:
    endpoint = f"http://127.0.0.1:{free_port()}"
    found = asked(Account(endpoint_url=endpoint))
    assert str(found).startswith(f"{endpoint}/2015-03-31/functions/f/configuration cannot be reached")
    assert (found.code, found.permission, found.is_absent) == ("", "", False)


def test_the_same_client_is_made_once() -> None:
    account = Account("eu-west-1", endpoint_url="http://127.0.0.1:9")
    assert account.client("iam") is account.client("iam", "eu-west-1")
    assert account.client("lambda", "us-east-2").meta.region_name == "us-east-2"


SECRETS = {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "shh", "AWS_SESSION_TOKEN": "IQoJtoken"}
#: What a user's settings may hold that no client can be made of, or no request: variable and value.
UNUSABLE = [
    *(("AWS_ENDPOINT_URL", text) for text in ("foo", "http://x:99999", "http://x:y", "ftp://x", "http://[::1", "é")),
    *(("AWS_DEFAULT_REGION", text) for text in ("eu west", "é", "x" * 300, "eu-west-1\n", "\x1b[31m")),
    *((name, f"{text}{end}") for name, text in SECRETS.items() for end in ("\n", "\udc80", "\r\nX: y")),
    *(("AWS_MAX_ATTEMPTS", text) for text in ("x", "-1")),
    ("AWS_PROFILE", "é\x1b[31m"),
    ("AWS_CONFIG_FILE", "/proc/self/exe"),
    ("AWS_DEFAULTS_MODE", "x"),
    ("HTTP_PROXY", "http://[::1"),
]
LINES = [
    "attach --function f --bucket logs",
    "detach --function f",
    "cloudwatch off --function f",
    "doctor --function f",
    "experiment analyze --s3 s3://logs/x/",
    "logs report s3://logs/ --no-cache",
]


@pytest.mark.parametrize("line", [LINES[0], *LINES[4:]])
def test_settings_that_cannot_be_are_one_sentence_that_tells_no_secret(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], line: str
) -> None:
    closed = f"http://127.0.0.1:{free_port()}"
    usual = {"AWS_ENDPOINT_URL": closed, "AWS_DEFAULT_REGION": "eu-west-1", "AWS_MAX_ATTEMPTS": "1", **SECRETS}
    for name, value in UNUSABLE:
        with monkeypatch.context() as patch:
            for one, text in {**usual, name: value}.items():
                patch.setenv(one, text)
            if name == "HTTP_PROXY":
                patch.setenv("AWS_ENDPOINT_URL", "http://aws.invalid")
            code = main(line.split())
        err = capsys.readouterr().err
        about = f"{name}={value!r}: {err!r}"
        said = [one for one in err.splitlines() if not one.startswith("no ledger")]
        assert (code, len(said)) == (2, 1), about
        assert not any(secret in err for secret in SECRETS.values()), about
        assert "Signature" not in err, about
        assert all(one.isprintable() for one in said), about


def test_a_defect_of_ours_is_not_taken_for_a_refusal() -> None:
    with pytest.raises(ValueError, match="ours"), answers():
        raise ValueError("ours")


@pytest.mark.parametrize("missing", [{"AWS_ACCESS_KEY_ID": ""}, {"AWS_DEFAULT_REGION": ""}, {"AWS_PROFILE": "absent"}])
def test_what_is_missing_is_asked_for_by_a_variable_which_every_command_and_make_reads(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], missing: dict[str, str]
) -> None:
    """`make run`, for one, has no options."""
    for name, value in {**SECRETS, "AWS_DEFAULT_REGION": "eu-west-1", **missing}.items():
        if value:
            monkeypatch.setenv(name, value)
    if "AWS_ACCESS_KEY_ID" in missing:
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    for line in LINES[:4]:
        assert main(line.split()) == 2
        assert "--" not in capsys.readouterr().err.splitlines()[-1], line
    for words in (["output", "mine", "Bucket"], ["log-group", "mine"], ["uninstall", "mine"]):
        assert deployed.main(words) == 2
        assert "--" not in capsys.readouterr().err
