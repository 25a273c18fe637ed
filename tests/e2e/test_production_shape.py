"""AWS is DNS, TLS and virtual hosts: the stores, and the whole extension, without an endpoint variable.

Each test runs this module as a program in mount and network namespaces of its own, where the bucket's public name
leads to 127.0.0.1 and an S3 listens on 443 behind a certificate of the test's authority. `AWS_CA_BUNDLE` names that
authority, which hides Amazon's own roots; that these are what is trusted without it has a test of its own.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from extension.errors import StoreError
from extension.stores import PutRequest, factory
from tests.fakes import production
from tests.fakes.network.namespaces import unshare
from tests.fakes.s3 import BUCKET, REGION, Moto, moto, put_policy
from tests.fakes.s3_scripted import ACCESS_KEY, SECRET_KEY, ScriptedS3

NAME = "production-shape"
PREFIX = f"function={NAME}/"
KEY = f"{PREFIX}date=2026-11-21/a b+c~é.log"
LAYER = production.ROOT / "build" / "layer"
AWSLAMBDARIC = production.ROOT / "build" / "runtime" / "awslambdaric"

pytestmark = pytest.mark.skipif(
    not unshare(*production.NAMESPACES), reason="the kernel forbids namespaces to this user"
)


def run(*arguments: str) -> Any:  # noqa: ANN401 - any JSON
    return production.in_namespace(__spec__.name if __spec__ else __name__, *arguments)


@pytest.mark.parametrize("kind", ["light", "boto3"])
def test_a_store_puts_to_the_virtual_host_with_a_signature_that_botocore_computes_too(kind: str) -> None:
    result = run("signature", kind)
    assert result["outcome"] == ["stored", "stored"]
    assert result["objects"] == [f"/{KEY}", f"/{KEY}.2"]
    assert result["hosts"] == [production.HOST] * 2
    assert result["connections"] == 1


@pytest.mark.parametrize("kind", ["light", "boto3"])
def test_a_wrong_region_or_secret_or_prefix_is_refused_there(kind: str) -> None:
    result = run("refusals", kind)
    assert result == {
        "the prefix's owner": "stored",
        "another prefix": "configuration AccessDenied",
        "a wrong secret": "configuration SignatureDoesNotMatch",
        "another region": "transport",  # its name is no name here: the bucket is looked for where the region says
        "keys": [KEY],
        "server names": [production.HOST],
    }


@pytest.mark.parametrize("kind", ["light", "boto3"])
def test_without_the_bundle_the_authority_is_a_stranger(kind: str) -> None:
    result = run("stranger", kind)
    assert result["outcome"] == "transport"
    assert "certificate verify failed" in result["message"]
    assert result["requests"] == 0


@pytest.mark.parametrize("kind", ["light", "boto3"])
def test_the_built_layer_ships_to_aws_as_it_is(kind: str) -> None:
    result = run("whole", kind)
    assert result["errors"] == [None, None, None]
    assert result["lost"] == 0
    assert ["environment shutting down" in line for line in result["said"]] == [True]
    assert result["twice"] == 0
    assert result["shipped"] > 3
    assert all(key.startswith(PREFIX) for key in result["keys"])
    assert result["server names"] == [production.HOST]


def put(kind: str, environ: dict[str, str], key: str, region: str = REGION) -> str:
    store = factory.create(kind, BUCKET, region, production.settle(environ), print)
    return outcome(store, key)[0]


def outcome(store: Any, key: str) -> tuple[str, str]:  # noqa: ANN401 - a Store, which is not there at run time
    try:
        store.put(PutRequest(key, b'{"a":1}\n', "application/x-ndjson", "", {"records": "1"}))
    except StoreError as error:
        return f"{error.kind} {error.code}" if error.status else error.kind, error.message
    return "stored", ""


def signature(kind: str, folder: Path) -> object:
    root, context = production.authority(folder)
    with ScriptedS3(region=REGION, host=production.HOST, context=context, port=production.HTTPS) as s3:
        environ = production.variables(ACCESS_KEY, SECRET_KEY, str(root.bundle))
        store = factory.create(kind, BUCKET, REGION, production.settle(environ), print)
        results = [outcome(store, key)[0] for key in (KEY, f"{KEY}.2")]
        return {
            "outcome": results,
            "objects": list(s3.objects),
            "hosts": [request.headers["host"] for request in s3.requests],
            "connections": s3.connections,
        }


def refusals(kind: str, folder: Path) -> object:
    root, context = production.authority(folder)
    with moto() as s3, production.TlsFront(context, _port(s3)) as front:
        s3.only_user(put_policy(BUCKET, PREFIX))
        right = production.variables(s3.access_key, s3.secret_key, str(root.bundle))
        return {
            "the prefix's owner": put(kind, right, KEY),
            "another prefix": put(kind, right, "function=another/a.log"),
            "a wrong secret": put(kind, {**right, "AWS_SECRET_ACCESS_KEY": "wrong"}, KEY),
            "another region": put(kind, right, KEY, "us-west-2"),
            "keys": s3.keys(),
            "server names": sorted(front.names),
        }


def stranger(kind: str, folder: Path) -> object:
    _, context = production.authority(folder)
    with ScriptedS3(host=production.HOST, context=context, port=production.HTTPS) as s3:
        environ = production.settle(production.variables(ACCESS_KEY, SECRET_KEY, ""))
        result, message = outcome(factory.create(kind, BUCKET, REGION, environ, print), KEY)
        return {"outcome": result, "message": message, "requests": len(s3.requests)}


def whole(kind: str, folder: Path) -> object:
    from adaptive_batching.sandbox.function import Credentials, Function
    from adaptive_batching.sandbox.lifecycle.environment import Environment
    from adaptive_batching.sandbox.options import Options
    from adaptive_batching.sandbox.s3 import shipped
    from adaptive_batching.sandbox.s3.ledger import balance

    root, context = production.authority(folder)
    code = shutil.copytree(production.ROOT / "functions" / "demo", folder / "code")
    shutil.copy(
        root.bundle, code / "authority.pem"
    )  # of this machine's /tmp and /var an environment sees its code alone
    with moto() as s3, production.TlsFront(context, _port(s3)) as front:
        s3.only_user(put_policy(BUCKET, PREFIX))
        function = Function(
            code,
            name=NAME,
            variables={
                "ADAPTIVE_BATCHING_EXTENSION_S3_BUCKET": BUCKET,
                "ADAPTIVE_BATCHING_EXTENSION_S3_CLIENT": kind,
                "AWS_CA_BUNDLE": "/var/task/authority.pem",
            },
            layers=(LAYER,),
            region=REGION,
            credentials=Credentials(s3.access_key, s3.secret_key, ""),
            timeout=10.0,
        )
        production.settle({})
        with Environment(function, Options(awslambdaric=AWSLAMBDARIC)) as environment:
            errors = [environment.invoke(b"{}").function_error for _ in range(3)]
        delivered = [record for delivery in environment.deliveries for record in delivery.records]
        with s3.everybody() as client:
            objects = shipped.read(client, BUCKET)
        records = [record for one in objects for record in one.records]
        ledger = balance(delivered, records, ("platform", "function"))
        return {
            "errors": errors,
            "lost": ledger.lost,
            "twice": ledger.duplicated,
            "shipped": len(records),
            "keys": [one.key for one in objects],
            "server names": sorted(front.names),
            "said": environment.extension_lines,
        }


def _port(s3: Moto) -> int:
    return int(s3.endpoint.rpartition(":")[2])


if __name__ == "__main__":
    (production.ROOT / "build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=production.ROOT / "build") as place:
        scene = {"signature": signature, "refusals": refusals, "stranger": stranger, "whole": whole}[sys.argv[1]]
        production.report(scene(sys.argv[2], Path(place)))
