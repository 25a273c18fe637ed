"""One cell, asked of boto3 (the oracle) and of the extension (the subject)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from botocore.handlers import add_expect_header

from extension import settings
from extension.errors import StoreError
from extension.stores import PutRequest, credentials, endpoint, factory, opening, tls
from extension.stores.sdk import SdkStore
from tests.edge.extension.stores.grid import outcome
from tests.edge.extension.stores.grid.outcome import Outcome
from tests.edge.extension.stores.grid.wire import KEYS, Dialled, nowhere

if TYPE_CHECKING:
    from collections.abc import Mapping

#: boto3 has many ways to say no.
REFUSALS = (BotoCoreError, ValueError, TypeError, AttributeError, KeyError, OSError, RuntimeError)


def of_boto3(environ: Mapping[str, str], key: str) -> Outcome:
    """What boto3 does by itself, with the extension's three settings handed to it as a program would."""
    region = environ.get(f"{settings.PREFIX}S3_REGION")
    style = environ.get(f"{settings.PREFIX}S3_ADDRESSING_STYLE", "auto")
    with nowhere(environ) as dialled:
        try:
            session = boto3.session.Session(region_name=region or None)
            s3: Any = None if style == "auto" else {"addressing_style": style}
            config = Config(retries={"total_max_attempts": 1}, s3=s3)
            client = session.client("s3", config=config)
            client.meta.events.unregister("before-call.s3", add_expect_header)
            client.put_object(Bucket=environ[f"{settings.PREFIX}S3_BUCKET"], Key=key, Body=b"x")
        except RecursionError:
            raise
        except REFUSALS as error:
            return Outcome(refused=type(error).__name__)
    return outcome.of_all(dialled)


def of_extension(environ: Mapping[str, str], key: str) -> tuple[str, Outcome]:
    """What the extension does, and with which store: "" (nothing is shipped), light or boto3."""
    environ = dict(environ)
    settings.drop_blank(environ)
    told = settings.from_environ(environ)
    if not told.bucket:
        return "", Outcome(refused="bucket")
    store = factory.create(told.client, told.bucket, told.region, environ, lambda _: None, told.addressing_style)
    request = PutRequest(key, b"x", "text/plain", "", {})
    try:
        if not isinstance(store, SdkStore):
            return "light", _light(told, environ, request)
        with nowhere(environ) as dialled:
            store = SdkStore(told.bucket, told.region, environ, told.addressing_style)
            store.put(request)
        return "boto3", outcome.of_all(dialled)
    except StoreError as error:
        return "boto3" if isinstance(store, SdkStore) else "light", Outcome(refused=error.code)


def _light(told: settings.Settings, environ: Mapping[str, str], request: PutRequest) -> Outcome:
    target = endpoint.resolve(told.bucket, told.region, environ, told.addressing_style)
    proxy = endpoint.proxy_for(target, environ)
    keys, asked = credentials.static(environ), ""
    if keys is None:
        place, head = credentials.question(environ)
        asked = outcome.question(f"{place.host}:{place.port}", head)
        keys = credentials.Credentials(KEYS["AccessKeyId"], KEYS["SecretAccessKey"], KEYS["Token"])
    head = opening.put(target, proxy, request, (1, "0" * 64), opening.Signer(keys, told.region, 0.0))
    tunnel = opening.tunnel(target, proxy) if proxy and target.secure else b""
    hop = proxy or target
    return outcome.of_put(
        Dialled(
            host=hop.host,
            port=hop.port,
            secure=target.secure,
            proxy_secure=bool(proxy and proxy.secure),
            tunnel=outcome.parsed(tunnel)[0] if tunnel else "",
            tunnel_authorization=outcome.parsed(tunnel)[1].get("proxy-authorization", "") if tunnel else "",
            bundle=tls.sources(target.host, environ)[0],
            sent=head,
        ),
        asked,
    )
