"""AWS's refusals as sentences, and what callers read from them."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError, ParamValidationError

from adaptive_batching.operate.aws import refusal


def refused(code: str, operation: str = "GetFunction", service: str = "lambda", said: str = "No.") -> ClientError:
    answer = {"Error": {"Code": code, "Message": said}, "ResponseMetadata": {"Service": service}}
    return ClientError(answer, operation)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("operation", "service", "permission"),
    [
        ("GetFunction", "lambda", "lambda:GetFunction"),
        ("Invoke", "lambda", "lambda:InvokeFunction"),
        ("HeadBucket", "s3", "s3:ListBucket"),
        ("GetMetricStatistics", "cloudwatch", "cloudwatch:GetMetricStatistics"),
    ],
)
@pytest.mark.parametrize("code", ["AccessDenied", "AccessDeniedException", "403"])
def test_a_denial_names_the_action_as_policies_do(code: str, operation: str, service: str, permission: str) -> None:
    found = refusal(refused(code, operation, service))
    assert (found.permission, found.is_absent) == (permission, False)
    assert str(found) == f"AWS refuses: these credentials need {permission} (No)"


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("ExpiredTokenException", "the AWS credentials have expired (ExpiredTokenException); log in again"),
        ("UnrecognizedClientException", "AWS does not know these credentials (UnrecognizedClientException)"),
        ("ThrottlingException", "AWS throttles lambda:GetFunction (ThrottlingException); try again"),
        ("ResourceNotFoundException", "AWS refuses lambda:GetFunction: ResourceNotFoundException No"),
    ],
)
def test_every_other_refusal_is_a_sentence_without_a_permission(code: str, sentence: str) -> None:
    found = refusal(refused(code))
    assert (str(found), found.code, found.permission) == (sentence, code, "")
    assert found.is_absent == (code == "ResourceNotFoundException")


def test_a_message_of_several_lines_becomes_one() -> None:
    found = refusal(ParamValidationError(report="one\ntwo"))
    assert str(found) == "Parameter validation failed: one two"
