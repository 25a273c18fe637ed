"""The statement that stops a function's logs in CloudWatch. Pure.

Lambda writes them with the function's role (Lambda's guide, "Sending Lambda function logs to CloudWatch Logs").
"""

from __future__ import annotations

from typing import Any

from adaptive_batching.operate.policies.needs import document, partition

ACTIONS = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
SID = "NoCloudWatchLogs"


def policy_name(function_arn: str) -> str:
    """Return the name of the role's inline policy: one for each function and region, since they may share a role."""
    words = function_arn.split(":")
    return f"adaptive-batching-no-cloudwatch-{words[3]}-{words[6]}"


def denial(function_arn: str, log_group: str) -> dict[str, Any]:
    """Return the policy: on this log group and its streams alone."""
    region, account = function_arn.split(":")[3:5]
    group = f"arn:{partition(function_arn)}:logs:{region}:{account}:log-group:{log_group}"
    return document([{"Sid": SID, "Effect": "Deny", "Action": ACTIONS, "Resource": [group, f"{group}:*"]}])
