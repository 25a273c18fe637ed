"""Which versions of a layer there are."""

from __future__ import annotations

from typing import Any

from adaptive_batching.operate.aws import AwsError, answers


def newest(client: Any, name: str) -> dict[str, Any] | None:  # noqa: ANN401 - boto3's
    """Return the newest version of a layer of the client's account, None if there is none. Raises AwsError."""
    try:
        with answers():
            pages = client.get_paginator("list_layer_versions").paginate(LayerName=name)
            found: list[dict[str, Any]] = [one for page in pages for one in page["LayerVersions"]]
    except AwsError as error:
        if error.is_absent:
            return None
        raise
    return max(found, key=lambda one: int(one["Version"]), default=None)
