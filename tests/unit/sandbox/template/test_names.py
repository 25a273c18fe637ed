"""The names that resources get which the template does not name."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from adaptive_batching.sandbox.template.template import Template
from tests.unit.sandbox.template.written import template

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

#: Type -> the property with a name, and the pattern of the names that the service takes (its API reference).
NAMED = {
    "AWS::S3::Bucket": ("BucketName", r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"),
    "AWS::Serverless::Function": ("FunctionName", r"[a-zA-Z0-9_-]{1,64}"),
    "AWS::Lambda::Function": ("FunctionName", r"[a-zA-Z0-9_-]{1,64}"),
    "AWS::SQS::Queue": ("QueueName", r"[a-zA-Z0-9_-]{1,80}"),
    "AWS::SNS::Topic": ("TopicName", r"[a-zA-Z0-9_-]{1,256}"),
    "AWS::DynamoDB::Table": ("TableName", r"[a-zA-Z0-9_.-]{3,255}"),
    "AWS::Serverless::SimpleTable": ("TableName", r"[a-zA-Z0-9_.-]{3,255}"),
    "AWS::IAM::Role": ("RoleName", r"[\w+=,.@-]{1,64}"),
    "AWS::Events::EventBus": ("Name", r"[\w./-]{1,256}"),
    "AWS::Kinesis::Stream": ("Name", r"[\w.-]{1,128}"),
    "AWS::KinesisFirehose::DeliveryStream": ("DeliveryStreamName", r"[\w.-]{1,64}"),
}

IDS = st.text("ABbZ0", min_size=1, max_size=3) | st.text("ABab01", min_size=1, max_size=255)


@settings(max_examples=200, deadline=None, print_blob=True)
@given(kind=st.sampled_from(sorted(NAMED)), fifo=st.booleans(), ids=st.sets(IDS, min_size=1, max_size=5))
def test_the_name_made_of_a_logical_id_is_one_that_the_service_takes_and_nobody_elses(
    tmp_path_factory: pytest.TempPathFactory, kind: str, ids: set[str], *, fifo: bool
) -> None:
    queue = {"Properties": {"FifoQueue": True}} if fifo and kind == "AWS::SQS::Queue" else {}
    path = tmp_path_factory.mktemp("names") / "template.json"
    path.write_text(json.dumps({"Resources": {one: {"Type": kind, **queue} for one in ids}}))
    found = Template(path)
    names = {one: found.name(one) for one in ids}
    assert len(set(names.values())) == len(ids)
    for name in names.values():
        assert len(name) <= 80 or kind != "AWS::SQS::Queue"
        assert name.endswith(".fifo") == bool(queue)
        assert re.fullmatch(NAMED[kind][1], name.removesuffix(".fifo")), name


def test_a_usual_logical_id_is_the_name_in_words(tmp_path: Path) -> None:
    assert template(tmp_path).name("LogBucket") == "log-bucket"
