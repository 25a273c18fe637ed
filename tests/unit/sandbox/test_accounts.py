from __future__ import annotations

from dataclasses import replace

import pytest

from adaptive_batching.sandbox.cli.landscape.accounts import Left, Logged, accounts, missing

#: Two sessions are saved and told, one fails; a line of a fourth trace belongs to none of them.
LEFT = Left(sent=["t1", "t2", "t3"], dead=["t3"], items=["s2", "s1"], notifications=2)
LOGGED = [
    Logged("t1", "s1", created=True, saved=True, notified=True),
    Logged("t2", "s2", created=True, saved=True, notified=True),
    Logged("t3", "s3", created=True, saved=False, notified=False),
    Logged("t4", None, created=False, saved=False, notified=False),
]


def test_a_run_of_which_all_is_known_twice() -> None:
    assert [one.sentence for one in accounts(LEFT, LOGGED)] == [
        "3 sessions sent = 3 traces",
        "1 dead letter = 1 trace without SAVED_IN_DATABASE",
        "2 items in the table = 2 milestones SAVED_IN_DATABASE",
        "2 requests to the webhook = 2 milestones SLACK_NOTIFICATION_NEW_SESSION_SENT",
    ]
    assert missing(LEFT) == "0 sessions not saved, 0 sessions not told"


@pytest.mark.parametrize(
    ("left", "account"),
    [
        (replace(LEFT, sent=["t1", "t2"]), 0),
        (replace(LEFT, sent=["t1", "t2", "t9"]), 0),  # as many, and another one
        (replace(LEFT, sent=["t1", "t2", "t3", "t3"]), 0),  # answered twice with one id
        (replace(LEFT, dead=[]), 1),
        (replace(LEFT, dead=["t1"]), 1),
        (replace(LEFT, items=["s1", "s3"]), 2),
        (replace(LEFT, notifications=3), 3),
    ],
)
def test_one_account_that_does_not_agree_is_told_and_the_others_are_not(left: Left, account: int) -> None:
    found = accounts(left, LOGGED)
    assert [number for number, one in enumerate(found) if not one.agree] == [account]
    assert "≠" in found[account].sentence


def test_what_is_still_on_its_way() -> None:
    left = replace(LEFT, dead=[], notifications=1)
    assert missing(left) == "1 session not saved, 1 session not told"
