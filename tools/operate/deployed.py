"""The deployed stack, for `make run`, `make analyze` and `make uninstall` (`python -m tools.operate.deployed`)."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from botocore.exceptions import WaiterError

from adaptive_batching.command_line import printable
from adaptive_batching.operate import function
from adaptive_batching.operate.aws import Account, AwsError, answers


class StackError(Exception):
    """There is nothing to do that with. The message is for the user."""


def output(account: Account, stack: str, name: str) -> str:
    """Return an output of the stack. Raises StackError and AwsError."""
    outputs = _outputs(account.client("cloudformation"), stack)
    if name not in outputs:
        raise StackError(f"the stack {stack} has no output {name}: was it deployed from template.yaml?")
    return outputs[name]


def log_group(account: Account, stack: str) -> str:
    """Return where the experiment's function writes in CloudWatch. Raises StackError and AwsError."""
    name = output(account, stack, "Experiment")
    with answers():
        return function.log_group(account.client("lambda").get_function_configuration(FunctionName=name))


def uninstall(account: Account, stack: str) -> list[str]:
    """Delete the stack, then the log groups of its functions. Return what is left. Raises StackError and AwsError."""
    client = account.client("cloudformation")
    bucket = _outputs(client, stack).get("Bucket")
    with answers():
        pages = client.get_paginator("list_stack_resources").paginate(StackName=stack)
        rows = [one for page in pages for one in page["StackResourceSummaries"]]
    functions = [one["PhysicalResourceId"] for one in rows if one["ResourceType"] == "AWS::Lambda::Function"]
    with answers():
        client.delete_stack(StackName=stack)
        try:
            client.get_waiter("stack_delete_complete").wait(
                StackName=stack, WaiterConfig={"Delay": 5, "MaxAttempts": 360}
            )
        except WaiterError:
            why = "`aws cloudformation describe-stack-events` says why"
            raise StackError(f"the stack {stack} was not deleted: {why}") from None
    for name in functions:
        _delete_log_group(account.client("logs"), f"/aws/lambda/{name}")
    return [f"the stack {stack} and the log groups of its functions are deleted"] + (
        [
            f"the bucket {bucket} stays, with the logs in it and its policy; to delete it: aws s3 rb --force s3://{bucket}"
        ]
        if bucket
        else []
    )


def _outputs(client: Any, stack: str) -> dict[str, str]:  # noqa: ANN401 - boto3's
    try:
        with answers():
            (found,) = client.describe_stacks(StackName=stack)["Stacks"]
    except AwsError as error:
        if error.code == "ValidationError":  # CloudFormation's answer for a stack that does not exist
            raise StackError(f"there is no stack {stack} in this region; `make install` deploys it") from None
        raise
    return {one["OutputKey"]: one["OutputValue"] for one in found.get("Outputs", [])}


def _delete_log_group(client: Any, name: str) -> None:  # noqa: ANN401 - boto3's
    try:
        with answers():
            client.delete_log_group(logGroupName=name)
    except AwsError as error:
        if not error.is_absent:  # it was never invoked, or the stack had it
            raise


def main(words: list[str] | None = None) -> int:
    """Print an output, or what is left. Return 2, with one sentence on stderr, if that cannot be done."""
    parser = argparse.ArgumentParser(description="The deployed stack.")
    parser.add_argument("--endpoint-url")
    parser.add_argument("--region")
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("output", "log-group", "uninstall"):
        commands.add_parser(name).add_argument("stack")
    commands.choices["output"].add_argument("name")
    given = parser.parse_args(words)
    account = Account(given.region, None, given.endpoint_url)
    try:
        if given.command == "uninstall":
            lines = uninstall(account, given.stack)
        elif given.command == "log-group":
            lines = [log_group(account, given.stack)]
        else:
            lines = [output(account, given.stack, given.name)]
    except (StackError, AwsError) as error:
        sys.stderr.write(f"{printable(str(error))}\n")
        return 2
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
