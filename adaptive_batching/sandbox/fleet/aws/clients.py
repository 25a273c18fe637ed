"""boto3's clients of the services that moto's server stands for on this machine."""

from __future__ import annotations

from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from adaptive_batching.sandbox.s3.embedded import KEYS

#: What a call of boto3 raises, and, for the answers of a server of another kind, its parsers and a look into what they
#: return.
REFUSED = (ClientError, BotoCoreError, ResponseParserError, AttributeError, LookupError, TypeError, ValueError)
#: Characters of a sentence.
_SHOWN = 300


def why(error: Exception) -> str:
    """Return a sentence about one of REFUSED, in one line. Pure."""
    if isinstance(error, ClientError):
        said = str(error.response.get("Error", {}).get("Message") or error)
        if said.lstrip().startswith("<"):  # a page: an error of the server, which is not AWS's
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", "an error")
            said = f"the server answered {status} with a page, not as AWS does; --endpoint-url names another"
    elif isinstance(error, BotoCoreError):
        said = str(error)
    else:
        what = f"{type(error).__name__}: {str(error).partition(', invalid XML')[0]}"
        said = f"the server does not answer as AWS does ({what}); --endpoint-url names another"
    line = " ".join(said.split())
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}…"


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
