"""The settings of a function that Lambda's API changes while it is served."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from adaptive_batching.sandbox.asynchronous.configuration import Configuration, configuration

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from adaptive_batching.sandbox.function import Function


@dataclass(frozen=True)
class Settings:
    """What holds now. `event_config` is None without one, and was changed at `modified`, in seconds since the epoch."""

    event_config: Mapping[str, Any] | None
    reserved: int | None
    dead_letter: str
    modified: float = field(default_factory=time.time)

    @property
    def configuration(self) -> Configuration:
        """What the event queue follows."""
        return configuration(self.event_config, self.reserved, self.dead_letter)


class Changeable:
    """The settings of one function. Thread-safe. `changed` is called with what holds after each change.

    Hold `lock` from reading to changing where a change depends on what holds.
    """

    def __init__(self, function: Function, changed: Callable[[Configuration], None]) -> None:
        self.lock = threading.RLock()
        self._changed = changed
        self.current = Settings(function.event_config, function.reserved, function.dead_letter)

    def change(self, **members: object) -> Settings:
        """Change members of the settings, and return what holds."""
        with self.lock:
            self.current = replace(self.current, **members)  # type: ignore[arg-type]
            self._changed(self.current.configuration)
            return self.current
