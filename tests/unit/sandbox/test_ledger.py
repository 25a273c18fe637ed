"""The ledger counts what was delivered and not shipped, shipped twice, and shipped out of nowhere."""

from __future__ import annotations

from typing import Any

from adaptive_batching.sandbox.s3.ledger import balance


def record(number: int, kind: str = "function", **more: object) -> dict[str, Any]:
    return {"time": f"2026-11-20T09:15:02.{number:03d}Z", "type": kind, "record": f"line {number}\n", **more}


TYPES = ("platform", "function")


def test_the_same_records_in_another_order_and_with_more_members_balance() -> None:
    shipped = [record(2, requestId="r", sequence=1), record(1, requestId="r", sequence=0)]
    ledger = balance([record(1), record(2)], shipped, TYPES)
    assert (ledger.delivered, ledger.shipped, ledger.lost, ledger.duplicated, ledger.unknown) == (2, 2, 0, 0, 0)
    assert ledger.balanced


def test_a_record_that_is_missing_is_lost() -> None:
    ledger = balance([record(1), record(2)], [record(1)], TYPES)
    assert (ledger.lost, ledger.duplicated, ledger.balanced) == (1, 0, False)


def test_a_record_shipped_again_is_twice() -> None:
    ledger = balance([record(1)], [record(1), record(1), record(1)], TYPES)
    assert (ledger.lost, ledger.duplicated, ledger.balanced) == (0, 2, False)


def test_equal_records_are_counted_not_merged() -> None:
    assert balance([record(1), record(1)], [record(1), record(1)], TYPES).balanced
    assert balance([record(1), record(1)], [record(1)], TYPES).lost == 1


def test_a_record_that_nobody_delivered_is_unknown() -> None:
    ledger = balance([record(1)], [record(1), record(2)], TYPES)
    assert (ledger.lost, ledger.duplicated, ledger.unknown, ledger.balanced) == (0, 0, 1, False)


def test_types_that_are_not_shipped_are_not_missed() -> None:
    assert balance([record(1), record(2, "extension")], [record(1)], TYPES).balanced


def test_what_a_shipper_reports_of_itself_does_not_count() -> None:
    assert balance([record(1)], [record(1), record(2, "extension.report")], TYPES).balanced


def test_the_members_of_an_object_record_have_no_order() -> None:
    one = {**record(1), "record": {"a": 1, "b": 2}}
    other = {**record(1), "record": {"b": 2, "a": 1}}
    assert balance([one], [other], TYPES).balanced
