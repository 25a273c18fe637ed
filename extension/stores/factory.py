"""Which store: `light` unless a setting needs boto3. There is never no store."""

from __future__ import annotations

from extension.errors import described
from extension.stores import endpoint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from extension.stores import Store

_SET = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE")
_PARTITIONS = ("us-iso", "eu-iso", "eusc-")
RELATIVE = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
_TRUE = ("AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT")


def create(
    choice: str,
    bucket: str,
    region: str,
    environ: Mapping[str, str],
    say: Callable[[str], None],
    style: str = "auto",
) -> Store:
    """Return the store for `choice` (`auto`, `light`, `boto3`); `say` hears in one sentence why it is not the usual.

    `style`: where the bucket is named, `auto`, `path` or `virtual` (in the host).
    """
    region = region or environ.get("AWS_REGION", "") or environ.get("AWS_DEFAULT_REGION", "")
    reason = why_boto3(bucket, region, environ) if choice == "auto" else ""
    if choice == "boto3" or reason:
        from extension.stores import sdk

        if sdk.available():
            if reason:
                say(f"{reason}: objects are put with boto3, not with the light store")
            return sdk.SdkStore(bucket, region, environ, style)
        say(f"{reason or 'boto3 is asked for'}, but boto3 is not in the layer: the light store tries without it")
    try:
        from extension.stores.light import LightStore

        return LightStore(bucket, region, environ, say, style)
    except Exception as error:  # whatever broke it, the other store is left
        from extension.stores import sdk

        if not sdk.available():
            raise
        say(f"the light store cannot be loaded ({described(error)}): objects are put with boto3")
        return sdk.SdkStore(bucket, region, environ, style)


def why_boto3(bucket: str, region: str, environ: Mapping[str, str]) -> str:
    """Return which setting `light` does not fulfil, as the beginning of a sentence; empty: none."""
    keys = environ.get("AWS_ACCESS_KEY_ID") and environ.get("AWS_SECRET_ACCESS_KEY")
    container = environ.get("AWS_CONTAINER_CREDENTIALS_FULL_URI", "")
    proxy = environ.get("https_proxy") or environ.get("HTTPS_PROXY") or ""
    reasons = [
        *[(bool(environ.get(name)), f"{name} is set") for name in _SET],
        *[(environ.get(name, "").lower() == "true", f"{name} is true") for name in _TRUE],
        (bucket.startswith("arn:"), "the bucket is named by an ARN"),
        (bucket.endswith("--x-s3"), "a directory bucket wants sessions"),
        (bucket.endswith("--op-s3"), "a bucket on Outposts is signed for otherwise"),
        (region.startswith(_PARTITIONS), f"the region {region} has a domain of its own"),
        (_stands_for_another(region), f"the region {region} stands for another one"),
        ("//s3-accelerate." in endpoint.configured(environ).lower(), "the endpoint accelerates transfers"),
        (not keys and not container, "there are neither keys nor a container endpoint for them in the environment"),
        (not keys and bool(environ.get("AWS_WEB_IDENTITY_TOKEN_FILE")), "AWS_WEB_IDENTITY_TOKEN_FILE is set"),
        (not keys and bool(environ.get(RELATIVE)), f"{RELATIVE} is set"),
        (not keys and container.lower().startswith("https:"), "the container endpoint for credentials wants TLS"),
        (proxy.lower().startswith("https:"), "HTTPS_PROXY wants TLS to the proxy"),
    ]
    return next((reason for applies, reason in reasons if applies), "")


def _stands_for_another(region: str) -> bool:
    return region == "aws-global" or region.startswith("fips-") or region.endswith("-fips")
