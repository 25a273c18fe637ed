"""Which store: `light` unless a setting needs boto3. There is never no store."""

from __future__ import annotations

from extension.errors import described

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from extension.stores import Store

_SET = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE")
_PARTITIONS = ("us-iso", "eu-iso", "eusc-")
_TRUE = ("AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT")


def create(choice: str, bucket: str, region: str, environ: Mapping[str, str], say: Callable[[str], None]) -> Store:
    """Return the store for `choice` (`auto`, `light`, `boto3`); `say` hears in one sentence why it is not the usual."""
    region = region or environ.get("AWS_REGION", "") or environ.get("AWS_DEFAULT_REGION", "")
    reason = why_boto3(bucket, region, environ) if choice == "auto" else ""
    if choice == "boto3" or reason:
        from extension.stores import sdk

        if sdk.available():
            if reason:
                say(f"{reason}: objects are put with boto3, not with the light store")
            return sdk.SdkStore(bucket, region, environ)
        say(f"{reason or 'boto3 is asked for'}, but boto3 is not in the layer: the light store tries without it")
    try:
        from extension.stores.light import LightStore

        return LightStore(bucket, region, environ, say)
    except Exception as error:  # whatever broke it, the other store is left
        from extension.stores import sdk

        if not sdk.available():
            raise
        say(f"the light store cannot be loaded ({described(error)}): objects are put with boto3")
        return sdk.SdkStore(bucket, region, environ)


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
        (not keys and not container, "there are neither keys nor a container endpoint for them in the environment"),
        (not keys and container.startswith("https:"), "the container endpoint for credentials wants TLS"),
        (proxy.lower().startswith("https:"), "HTTPS_PROXY wants TLS to the proxy"),
    ]
    return next((reason for applies, reason in reasons if applies), "")
