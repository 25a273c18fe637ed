"""boto3's clients of the services that moto's server stands for on this machine."""

from __future__ import annotations

from typing import Any

import boto3
from botocore.config import Config

from adaptive_batching.sandbox.s3.embedded import KEYS

#: What boto3's parsers, and a look into what they return, raise for the answers of a server of another kind.
FOREIGN = (AttributeError, LookupError, TypeError, ValueError)


def foreign(error: Exception) -> str:
    """Return a sentence about one of FOREIGN. Pure."""
    return f"the server does not answer as AWS does ({type(error).__name__}: {error}); --endpoint-url names another"


class Clients:
    """Makes a client of each service and region once. The user's AWS settings are ignored. For one thread."""

    def __init__(self, endpoint: str, region: str) -> None:
        self._endpoint, self._region = endpoint, region
        self._made: dict[tuple[str, str], Any] = {}

    def __call__(self, service: str, region: str = "") -> Any:  # noqa: ANN401 - boto3 makes its classes at run time
        """Return the client of a service, in the region of the function unless another one is named."""
        region = region or self._region
        if (service, region) not in self._made:
            self._made[service, region] = boto3.client(
                service,
                endpoint_url=self._endpoint,
                region_name=region,
                aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
                aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
                config=Config(retries={"max_attempts": 0}, s3={"addressing_style": "path"}, proxies={}),
            )
        return self._made[service, region]
