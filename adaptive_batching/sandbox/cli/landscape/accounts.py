"""Whether independent accounts of a run agree: what was sent and what is left, against what the logs say. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from adaptive_batching.wording import counted

if TYPE_CHECKING:
    from collections.abc import Collection

#: Of the query that reads the logs' side: trace, session, and whether each milestone is there.
LOGGED = """
    select trace_id, any_value(json_extract_string(fields, '$.sessionId')),
        bool_or(coalesce(milestone = 'CREATE_REQUEST_RECEIVED', false)),
        bool_or(coalesce(milestone = 'SAVED_IN_DATABASE', false)),
        bool_or(coalesce(milestone = 'SLACK_NOTIFICATION_NEW_SESSION_SENT', false))
    from logs where trace_id is not null group by trace_id"""


@dataclass(frozen=True)
class Logged:
    """What the logs say about one trace."""

    trace: str
    session: str | None
    created: bool
    saved: bool
    notified: bool


@dataclass(frozen=True)
class Left:
    """What is known without the logs: ids of traces and of sessions, and how many notifications a webhook got."""

    sent: Collection[str]  # traces that were answered with 202
    dead: Collection[str]  # traces of messages in the dead-letter queue
    items: Collection[str]  # sessions in the table
    notifications: int


@dataclass(frozen=True)
class Account:
    """The same thing, counted twice. Each is named by a noun and what follows it."""

    name: tuple[str, str]
    found: int
    logged_name: tuple[str, str]
    logged: int
    agree: bool

    @property
    def sentence(self) -> str:
        """Return it as people read it."""
        sides = (self.found, *self.name), (self.logged, *self.logged_name)
        found, logged = (f"{counted(number, noun)}{rest}" for number, noun, rest in sides)
        return f"{found} {'=' if self.agree else '≠'} {logged}"


def accounts(left: Left, logged: Collection[Logged]) -> list[Account]:
    """Return the four accounts. Two agree if they have the same ids, or as many where there are none."""
    created = {one.trace for one in logged if one.created}
    failed = {one.trace for one in logged if one.created and not one.saved}
    saved = {one.session for one in logged if one.saved}
    told = sum(one.notified for one in logged)
    hook, sent = ("request", " to the webhook"), ("milestone", " SLACK_NOTIFICATION_NEW_SESSION_SENT")
    return [
        _of(("session", " sent"), left.sent, ("trace", ""), created),
        _of(("dead letter", ""), left.dead, ("trace", " without SAVED_IN_DATABASE"), failed),
        _of(("item", " in the table"), left.items, ("milestone", " SAVED_IN_DATABASE"), saved),
        Account(hook, left.notifications, sent, told, left.notifications == told),
    ]


def _of(
    name: tuple[str, str], found: Collection[str], logged_name: tuple[str, str], logged: Collection[str | None]
) -> Account:
    return Account(name, len(found), logged_name, len(logged), sorted(found) == sorted(map(str, logged)))


def missing(left: Left) -> str:
    """Return what is not done yet: each session that was sent ends as a dead letter or as an item that was told."""
    open_ = len(left.sent) - len(left.dead) - len(left.items)
    told = len(left.items) - left.notifications
    return f"{counted(open_, 'session')} not saved, {counted(told, 'session')} not told"
