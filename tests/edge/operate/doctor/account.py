"""An account on moto's server with a function that ships its logs, and what moto cannot do answered beside it."""

from __future__ import annotations

import io
import json
import time
import zipfile
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from tests.fakes.aws.between import Answer, Asked, Between
    from tests.fakes.s3 import Moto

BUCKET, REGION, GROUP = "logs-of-a-test", "eu-west-1", "/aws/lambda/orders"
PREFIX = "ADAPTIVE_BATCHING_EXTENSION_"
VARIABLES = {f"{PREFIX}S3_BUCKET": BUCKET}
LAYER = "adaptive-batching-extension-x86_64"
SIMULATED = """<SimulatePrincipalPolicyResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">
<SimulatePrincipalPolicyResult><IsTruncated>false</IsTruncated><EvaluationResults><member>
<EvalActionName>%s</EvalActionName><EvalDecision>%s</EvalDecision><EvalResourceName>*</EvalResourceName>
<MatchedStatements>%s</MatchedStatements>%s</member></EvaluationResults></SimulatePrincipalPolicyResult>
<ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></SimulatePrincipalPolicyResponse>"""


class World:
    """The account. Each function that a test makes is new, with a role, a layer and a bucket that all share."""

    def __init__(self, server: Moto, front: Between) -> None:
        self.server, self.front = server, front
        self.aws = server.client("lambda")
        role = server.client("iam").create_role(RoleName="orders-role", AssumeRolePolicyDocument="{}")
        self.role = role["Role"]["Arn"]
        self.layer = self.published(LAYER, ["x86_64"])
        self.code = zipped("app.py", "")
        self.reset()

    def reset(self) -> None:
        """Whatever a test changed is as it was."""
        self.front.forget()
        self.decisions: dict[str, str] = {}
        self.more: dict[str, str] = {}
        self.front.answer = self.answer

    def published(self, name: str, architectures: list[str], data: bytes = b"") -> str:
        made = self.aws.publish_layer_version(
            LayerName=name, Content={"ZipFile": data or zipped(name, "")}, CompatibleArchitectures=architectures
        )
        return str(made["LayerVersionArn"])

    def make(
        self,
        name: str,
        *,
        variables: dict[str, str] | None = None,
        bucket: str = BUCKET,
        **more: Any,  # noqa: ANN401 - boto3's
    ) -> None:
        """Make a function with which all is well, but for what is given."""
        basic = {
            "Runtime": "python3.13",
            "Handler": "app.handler",
            "Code": {"ZipFile": self.code},
            "Role": self.role,
            "Timeout": 30,
            "MemorySize": 256,
            "Layers": [self.layer],
            "Environment": {"Variables": {**VARIABLES, **(variables or {})}},
        }
        self.aws.create_function(FunctionName=name, **{**basic, **more})
        self.invoked(name, 120)
        self.stored(name, bucket)
        self.log_group(name)

    def make_in_a_vpc(self, name: str, *, endpoint: bool, **more: Any) -> None:  # noqa: ANN401 - boto3's
        """Make a function in a subnet, perhaps with a gateway endpoint for S3 on its routes."""
        ec2 = self.server.client("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
        group = ec2.create_security_group(GroupName=name, Description="x", VpcId=vpc)["GroupId"]
        (table,) = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"]
        if endpoint:
            ec2.create_vpc_endpoint(
                VpcId=vpc, ServiceName=f"com.amazonaws.{REGION}.s3", RouteTableIds=[table["RouteTableId"]]
            )
        self.make(name, VpcConfig={"SubnetIds": [subnet], "SecurityGroupIds": [group]}, **more)
        about = self.aws.get_function_configuration(FunctionName=name)
        del about["ResponseMetadata"]
        about["VpcConfig"]["VpcId"] = vpc  # moto has one name for every VPC here
        path = f"GET /2015-03-31/functions/{name}/configuration"
        self.front.answer = lambda asked: (200, about) if asked.action == path else self.answer(asked)

    def invoked(self, name: str, times: int) -> None:
        """What CloudWatch counts."""
        data = {
            "MetricName": "Invocations",
            "Dimensions": [{"Name": "FunctionName", "Value": name}],
            "Timestamp": datetime.fromtimestamp(time.time() - 600, UTC),
            "Value": float(times),
        }
        self.server.client("cloudwatch").put_metric_data(Namespace="AWS/Lambda", MetricData=[data])

    def stored(self, name: str, bucket: str = BUCKET) -> None:
        """An object of the extension's."""
        now = datetime.now(UTC)
        key = f"function={name}/date={now:%Y-%m-%d}/hour={now:%H}/{name}-{int(now.timestamp() * 1000)}"
        self.server.client().put_object(Bucket=bucket, Key=f"{key}-01234567-89ab-4cde-8f01-23456789abcd.log", Body=b"")

    def log_group(self, name: str) -> None:
        """A log group that a metric filter reads."""
        logs, group = self.server.client("logs"), f"/aws/lambda/{name}"
        logs.create_log_group(logGroupName=group)
        logs.create_log_stream(logGroupName=group, logStreamName="one")
        metric = {"metricName": "errors", "metricNamespace": "Logs", "metricValue": "1"}
        logs.put_metric_filter(
            logGroupName=group, filterName="errors", filterPattern="ERROR", metricTransformations=[metric]
        )

    def said(self, name: str, *lines: str) -> None:
        """Lines in the log group."""
        events = [{"timestamp": int(time.time() * 1000), "message": one} for one in lines]
        self.server.client("logs").put_log_events(
            logGroupName=f"/aws/lambda/{name}", logStreamName="one", logEvents=events
        )

    def answer(self, asked: Asked) -> Answer | None:
        """What moto does not have: IAM's simulation. Everything is allowed that no decision is about."""
        if asked.action != "SimulatePrincipalPolicy":
            return None
        action = parse_qs(asked.body.decode())["ActionNames.member.1"][0]
        decision = self.decisions.get(action, "allowed")
        source = "<member><SourcePolicyId>guard</SourcePolicyId></member>" if decision != "implicitDeny" else ""
        return 200, (SIMULATED % (action, decision, source, self.more.get(action, ""))).encode()


def zipped(name: str, text: str, **files: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        for path, content in {name: text, **files}.items():
            file.writestr(path, content)
    return made.getvalue()


def layer_zip(origin: str) -> bytes:
    """The layer, with some megabytes that nobody wants to fetch."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        file.writestr("adaptive-batching-extension/layer.json", json.dumps({"origin": origin}))
        file.writestr("adaptive-batching-extension/lib/python", b"\0" * 3_000_000)
        file.writestr("extensions/adaptive-batching-extension", "#!/bin/sh")
    return made.getvalue()
