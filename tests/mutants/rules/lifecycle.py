"""Rules of sections 5 to 7: SHUTDOWN and accounting here, broken input in a file of its own."""

from __future__ import annotations

from tests.mutants.rules import broken
from tests.mutants.rules.removal import removal

QUIET = "late batches are taken until quiet, for half of the budget at most"
DEADLINE = "the last upload has what the deadline leaves, less a reserve"
LAST_LINE = "in the reserve one line says what was not shipped: records, bytes, why"
PERHAPS = "and which of it may be stored all the same, under which key"
RESET = "at a reset what the journal holds is left to the next process, the rest is lost"
REASON = "timeout and failure are recorded with the request they hit"
FIRST = "before any INVOKE"
STARTING = "during start-up"
SIGTERM = "SIGTERM is a SHUTDOWN too, and the one that follows does not lengthen the budget"
BREAK = "in a circuit break all that waits goes up at once"

SHUTDOWN = (
    removal(QUIET, "policy.py", "QUIET_SECONDS = max(0.150, 4 * BUFFERING_MS / 1000)", "QUIET_SECONDS = 0.0"),
    removal(QUIET, "shipper.py", "        self._quiet_at = now.mono + policy.QUIET_SECONDS\n", ""),
    removal(QUIET, "policy.py", "DRAIN_SHARE = 0.5", "DRAIN_SHARE = 1.0"),
    removal(
        QUIET,
        "shipper.py",
        "        self._batcher.push(received, now, serial)\n",
        "        if not self._drained:\n            self._batcher.push(received, now, serial)\n",
    ),
    removal(DEADLINE, "policy.py", "SHUTDOWN_MARGIN = 0.10", "SHUTDOWN_MARGIN = 0.0"),
    removal(DEADLINE, "policy.py", "min(max(deadline - now.wall, 0.0), SHUTDOWN_BUDGET)", "SHUTDOWN_BUDGET"),
    removal(
        DEADLINE, "policy.py", "min(max(deadline - now.wall, 0.0), SHUTDOWN_BUDGET)", "max(deadline - now.wall, 0.0)"
    ),
    removal(
        DEADLINE,
        "shipper.py",
        "if finished or self._is_late(now):",
        "if finished or (self._is_late(now) and not self._outbox.attempt):",
    ),
    removal(
        DEADLINE,
        "shipper.py",
        "self._drained and not self.waiting_records",
        "self._drained and not self._batcher.records",
    ),
    removal(LAST_LINE, "shipper.py", "            self.accounts.lost += lost\n", ""),
    removal(LAST_LINE, "shipper.py", "self._batcher.loose if kept else self._batcher.records", "self._batcher.loose"),
    removal(
        LAST_LINE,
        "shipper.py",
        "self._batcher.loose_bytes if kept else self._batcher.raw_bytes",
        "self._batcher.loose_bytes",
    ),
    removal(
        LAST_LINE,
        "shipper.py",
        "            self.accounts.lost_bytes += size\n",
        "",
    ),
    removal(
        LAST_LINE,
        "consumer.py",
        'say("error" if action.lost_records else "info", "this environment ends", action.figures)\n',
        "pass\n",
    ),
    removal(RESET, "shipper.py", "kept = bool(self.accounts.reason)", "kept = True"),
    removal(RESET, "shipper.py", "kept = bool(self.accounts.reason)", "kept = False"),
    removal(RESET, "batcher.py", "            self.loose += received.records\n", ""),
    removal(RESET, "batcher.py", "            self.loose_bytes += len(received.lines)\n", ""),
    removal(
        RESET,
        "outbox.py",
        "lost, lost_bytes = (0, 0) if sealed else (chunk.loose, chunk.loose_bytes)",
        "lost, lost_bytes = chunk.loose, chunk.loose_bytes",
    ),
    removal(PERHAPS, "outbox.py", "        chunk.doubtful = chunk.doubtful or event.kind in UNHEARD\n", ""),
    removal(PERHAPS, "outbox.py", "chunk.doubtful or event.kind in UNHEARD", "True"),
    removal(
        PERHAPS,
        "outbox.py",
        "(chunk.doubtful or (self.attempt and chunk is self._waiting[0]))",
        "chunk.doubtful",
    ),
    removal(
        LAST_LINE,
        "shipper.py",
        'figures["why"] = "the journal does not hold it" if kept else self._circuit.trouble',
        "pass",
    ),
    removal(PERHAPS, "shipper.py", '                figures["perhapsStored"] = perhaps\n', "                pass\n"),
    removal(REASON, "shipper.py", 'if event.reason in ("timeout", "failure"):', 'if event.reason == "timeout":'),
    removal(REASON, "shipper.py", 'if event.reason in ("timeout", "failure"):', 'if event.reason == "failure":'),
    removal(REASON, "shipper.py", 'if event.reason in ("timeout", "failure"):', "if event.reason:"),
    removal(
        REASON,
        "accounts.py",
        '            counts["shutdownReason"], counts["requestId"] = self.reason, self.request\n',
        '            counts["shutdownReason"] = self.reason\n',
    ),
    removal(REASON, "accounts.py", "objects.line(envelope, self.request or None,", "objects.line(envelope, None,"),
    removal(
        REASON, "consumer.py", 'str(event.get("shutdownReason", "")).lower()', 'str(event.get("shutdownReason", ""))'
    ),
    removal(
        FIRST,
        "shipper.py",
        '    def _leave(self, now: "events.Moment", actions: "list[events.Action]") -> None:\n'
        "        if self._leave_at is None:\n",
        '    def _leave(self, now: "events.Moment", actions: "list[events.Action]") -> None:\n'
        "        if self._leave_at is None or not self._request:\n",
    ),
    removal(
        FIRST,
        "shipper.py",
        "running or self._managed or self._leave_at is not None)",
        "running or self._managed or (self._request and self._leave_at is not None))",
    ),
    removal(
        STARTING,
        "__main__.py",
        "        _signal.pthread_sigmask(_signal.SIG_BLOCK, (_signal.SIGTERM,))"
        "  # in every thread that is started from here\n"
        "        _thread.start_new_thread(_await_sigterm, (inbox,))\n"
        "        told = settings.from_environ(os.environ)\n"
        '        started = startup.start(told, calls, inbox, os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE", ""))\n',
        "        told = settings.from_environ(os.environ)\n"
        '        started = startup.start(told, calls, inbox, os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE", ""))\n'
        "        _signal.pthread_sigmask(_signal.SIG_BLOCK, (_signal.SIGTERM,))\n"
        "        _thread.start_new_thread(_await_sigterm, (inbox,))\n",
    ),
    removal(
        STARTING,
        "consumer.py",
        "        self._shipper = self._environment.shipper\n",
        "        self._shipper = self._environment.shipper\n        self._inbox.take(0)\n",
    ),
    removal(SIGTERM, "__main__.py", "        _thread.start_new_thread(_await_sigterm, (inbox,))\n", ""),
    removal(
        SIGTERM,
        "shipper.py",
        "        if self._hold:  # SIGTERM in the middle of an invocation\n"
        "            self._release(self._hold, actions)\n",
        "",
    ),
    removal(
        SIGTERM,
        "shipper.py",
        "leave_at if self._leave_at is None else min(leave_at, self._leave_at)",
        "leave_at",
    ),
    removal(BREAK, "shipper.py", "        self._circuit.leave(now.mono)\n", ""),
)

SUM = "received = shipped + waiting + lost, at all times"
NEWS = "news goes into the next object, once"
RECORD = "as a record of type `extension.report`, numbered as the next record"
LAST_OBJECT = "and the last object has a report"
COUNTS = "drops, puts, retries, held milliseconds are told there and in the last line"
ONE_LINE = "all of it is one line on stderr at SHUTDOWN"
READ_BACK = "a batch that the full queue gave up is read back from the journal"
SHED = "if it is not there it is lost, said, and counted with its records and bytes"
TWICE = "bodies that came twice and requests that were refused are counted too"

ACCOUNTING = (
    removal(
        SUM,
        "shipper.py",
        "        return self._batcher.records + self._outbox.records\n",
        "        return self._batcher.records\n",
    ),
    removal(SUM, "outbox.py", "        self._accounts.shipped += records\n", ""),
    removal(SUM, "outbox.py", "            self._accounts.lost += records\n", ""),
    removal(SUM, "outbox.py", "        self._accounts.lost += lost\n", ""),
    removal(SUM, "shipper.py", "        self.accounts.received += chunk.records + missing\n", ""),
    removal(SUM, "shipper.py", "            self.accounts.lost += lost\n", ""),
    removal(NEWS, "accounts.py", "        self._told = self._noteworthy()\n        record", "        record"),
    removal(NEWS, "accounts.py", "return self._noteworthy() != self._told", "return True"),
    removal(NEWS, "accounts.py", "return self._noteworthy() != self._told", "return False"),
    removal(NEWS, "accounts.py", "            self.torn,\n            self.retries,\n", "            self.retries,\n"),
    removal(RECORD, "accounts.py", 'REPORT = "extension.report"', 'REPORT = "extension"'),
    removal(RECORD, "telemetry.py", "        self._sequence += 1\n        return make", "        return make"),
    removal(RECORD, "batcher.py", "records + bool(tail), self.raw_bytes", "records, self.raw_bytes"),
    removal(
        RECORD,
        "batcher.py",
        "chunk.records, chunk.raw_bytes = records, raw_bytes",
        "chunk.records, chunk.raw_bytes = records + bool(tail), raw_bytes",
    ),
    removal(
        LAST_OBJECT,
        "shipper.py",
        "        if self.accounts.has_news or reason == batcher.SHUTDOWN:\n",
        "        if self.accounts.has_news:\n",
    ),
    removal(COUNTS, "shipper.py", "        self.accounts.dropped += received.dropped\n", ""),
    removal(COUNTS, "outbox.py", "        self._accounts.puts += 1\n", ""),
    removal(COUNTS, "outbox.py", "        self._accounts.retries += chunk.attempts > 1\n", ""),
    removal(COUNTS, "shipper.py", "        self.accounts.held_seconds += held\n", ""),
    removal(
        ONE_LINE,
        "consumer.py",
        'say("error" if action.lost_records else "info", "this environment ends", action.figures)\n',
        "pass\n",
    ),
    removal(
        ONE_LINE,
        "consumer.py",
        '"this environment ends", action.figures)\n',
        '"this environment ends", {"lost": action.lost_records})\n',
    ),
    removal(
        READ_BACK,
        "consumer.py",
        "        for body in self._environment.bodies(item.serial, item.serial):\n            return body\n",
        "",
    ),
    removal(
        READ_BACK,
        "inbox.py",
        "                    kept.append((self.instead(item), 0))\n",
        "                    pass\n",
    ),
    removal(
        READ_BACK, "keeper.py", "return item.given_up() if isinstance(item, LogsReceived) else item", "return None"
    ),
    removal(READ_BACK, "events.py", "return GivenUp(self.serial, max(", "return GivenUp(0, max("),
    removal(READ_BACK, "events.py", "max(self.body.count(b'\"record\":'), 1), len(self.body)", "1, len(self.body)"),
    removal(SHED, "shipper.py", "            self.accounts.received += event.count\n", ""),
    removal(SHED, "shipper.py", "            self.accounts.lost += event.count\n", ""),
    removal(SHED, "shipper.py", "            self.accounts.lost_bytes += event.size\n", ""),
    removal(
        SHED,
        "consumer.py",
        '        say("error", "the queue was full: a batch is lost", {"records": item.records, "bytes": item.size})\n',
        "",
    ),
    removal(
        SHED,
        "consumer.py",
        "        return events.Shed(item.records, item.size)\n",
        "        return None  # type: ignore[return-value]\n",
    ),
    removal(TWICE, "consumer.py", "        accounts.echoes = self._keeper.echoes\n", ""),
    removal(TWICE, "consumer.py", "        accounts.refused = self._listener.refused if self._listener else 0\n", ""),
)

REMOVALS = (*SHUTDOWN, *broken.REMOVALS, *ACCOUNTING)
