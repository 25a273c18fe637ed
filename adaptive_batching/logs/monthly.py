"""What logs cost in a month: on S3, asked through Athena, and in CloudWatch. Pure.

CloudWatch bills the bytes of a message and 26 for each, and stores them compressed (taken as well as our objects are).
Storage is what is there once the first logs expire: `keep` days of them.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from adaptive_batching import prices

#: Days of a month, as prices mean it.
MONTH = 30
GB, TB = 1e9, 1e12
#: Bytes that CloudWatch adds to each message.
CLOUDWATCH_EVENT = 26


@dataclass(frozen=True)
class Traffic:
    """What a function ships in a month."""

    objects: float
    stored: float  # bytes, compressed
    billed: float  # bytes that CloudWatch would bill

    def __add__(self, other: Traffic) -> Traffic:
        """Return both together."""
        return Traffic(self.objects + other.objects, self.stored + other.stored, self.billed + other.billed)


@dataclass(frozen=True)
class Bill:
    """Dollars a month."""

    put: float
    storage: float
    get: float
    athena: float
    s3: float
    cloudwatch_ingestion: float
    cloudwatch_storage: float
    cloudwatch: float


MEMBERS = tuple(one.name for one in fields(Bill))


def bill(traffic: Traffic, *, keep: float = MONTH, reads: float = 1) -> Bill:
    """Return what a month costs.

    `keep` is for how many days logs are kept, `reads` how many times all of what a month ships is scanned by Athena,
    which takes a GET for each object.
    """
    months = keep / MONTH
    put, get = traffic.objects * prices.S3_PUT, traffic.objects * reads * prices.S3_GET
    storage = traffic.stored / GB * months * prices.S3_GB_MONTH
    athena = traffic.stored / TB * reads * prices.ATHENA_TB
    ingestion = traffic.billed / GB * prices.CLOUDWATCH_GB
    archived = min(traffic.stored, traffic.billed) / GB * months * prices.CLOUDWATCH_GB_MONTH
    return Bill(put, storage, get, athena, put + storage + get + athena, ingestion, archived, ingestion + archived)
