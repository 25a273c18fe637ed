"""What CompactFunction of template.yaml runs once a day: `logs compact` of a bucket, in Lambda.

The bucket and its layout are those that the extension is told in the same stack. Nothing is deleted: the bucket's
lifecycle rule ends sources and compacted objects alike. If it is ended at its timeout, the next run does the rest.
"""

from __future__ import annotations

import json
import os
from contextlib import closing
from datetime import UTC, datetime, timedelta

from adaptive_batching.logs.compaction.run import compact
from adaptive_batching.logs.reading import EmptySourceError, Reading

_BUCKET, _LAYOUT = "ADAPTIVE_BATCHING_EXTENSION_S3_BUCKET", "ADAPTIVE_BATCHING_EXTENSION_S3_PREFIX"
#: Days (UTC) that ended so long ago: objects of a later one may still come.
_OLDER = timedelta(days=1)


def handler(_event: object, _context: object) -> dict[str, int]:
    """Compact, print what was done as one line of JSON, and return it. Raises SourceError if the bucket refuses."""
    bucket, layout = os.environ[_BUCKET], os.environ[_LAYOUT]
    try:
        with closing(Reading(f"s3://{bucket}", layout=layout, since="all", no_cache=True)) as reading:
            done = compact(reading, _OLDER, datetime.now(UTC), delete=False, progress=lambda _done, _all: None)
    except EmptySourceError:
        counts = {"days": 0, "objects": 0, "made": 0, "unfit": 0}
    else:
        counts = {"days": done.days, "objects": done.objects, "made": done.made, "unfit": done.unfit}
    print(json.dumps({"level": "INFO", "message": "compacted", **counts}))  # noqa: T201 - a function logs by printing
    return counts
