"""Closed chunks on their way to the store: the queue, what is known of each, and what the store's answers mean."""

from __future__ import annotations

from extension.core.outbox.delivery import Delivery
from extension.core.outbox.outbox import Outbox

__all__ = ["Delivery", "Outbox"]
