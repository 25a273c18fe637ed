"""Rules of section 3: retry and circuit."""

from __future__ import annotations

from tests.mutants.rules.removal import removal

SUCCEEDED = "self.failures, self.held, self.is_open, self._probe, self.retry_at = 0, 0.0, False, PROBE_FIRST, now"
PROBES = "PROBE_FIRST, PROBE_MOST = 30.0, 300.0"
NEWS = "news = self.failures > 0 or self.is_open"
UNANSWERED = "        elif unknown and event.kind == StoreError.TRANSPORT:\n"
THAWED = "if thawed or event.kind == StoreError.ABANDONED:"
TAKEN = "        if chunk.attempts > 1 or chunk.shared:\n"
SAID = '"somebody else\'s object has this key; another one is used", fields)'
UNKNOWN = "event.kind == StoreError.UNCONDITIONAL and (self.conditional or chunk.careful)"
RELEASED = ("shipper.py", "if hold and (self._circuit.is_open or hold.is_over(", "if hold and (hold.is_over(")

#: To each rule the ways to take it out: a file, the text there, and what stands instead.
WAYS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "three failures in a row of any kind open the circuit": (
        ("circuit.py", "FAILURES = 3  # in a row", "FAILURES = 10**9  # in a row"),
        ("circuit.py", "FAILURES = 3  # in a row", "FAILURES = 2  # in a row"),
        ("circuit.py", SUCCEEDED, SUCCEEDED.replace("= 0,", "= self.failures,")),
        *(
            ("outbox.py", UNANSWERED, f"        elif event.kind == StoreError.{kind}:\n            pass\n{UNANSWERED}")
            for kind in ("CONFIGURATION", "CREDENTIALS", "THROTTLED", "SERVER", "TRANSPORT")
        ),
    ),
    "so does a second of hold without success": (
        ("circuit.py", "SECONDS_IN_VAIN = 1.0  #", "SECONDS_IN_VAIN = 1e9  #"),
        ("circuit.py", "self.held += seconds", "self.held = seconds"),
        ("circuit.py", SUCCEEDED, SUCCEEDED.replace(" 0.0,", " self.held,")),
        (
            "shipper.py",
            "hold.mode == STORE and self._circuit.held_in_vain(",
            "hold.mode != STORE and self._circuit.held_in_vain(",
        ),
    ),
    "then nobody is held": (RELEASED,),
    "and all that comes is kept": (
        (
            "shipper.py",
            "        self._batcher.push(received, now, serial)\n",
            "        if not self._circuit.is_open:\n            self._batcher.push(received, now, serial)\n",
        ),
        (
            "outbox.py",
            "        if self.circuit.failed(why, now):\n",
            "        if self.circuit.failed(why, now):\n            self._waiting.clear()\n",
        ),
    ),
    "one probe after 30 s, doubling to 5 min": (
        ("circuit.py", PROBES, PROBES.replace("30.0,", "3.0,")),
        ("circuit.py", PROBES, PROBES.replace("300.0", "3e9")),
        ("circuit.py", "min(self._probe * 2, PROBE_MOST)", "min(self._probe, PROBE_MOST)"),
        ("circuit.py", "        if self.is_open:\n            return self._probe\n", ""),
    ),
    "beside a running handler only": (
        ("shipper.py", "running = self._request and self._request not in self._done", "running = self._request"),
    ),
    "a success closes it": (
        ("circuit.py", SUCCEEDED, SUCCEEDED.replace("False,", "self.is_open,")),
        ("circuit.py", SUCCEEDED, SUCCEEDED.replace("PROBE_FIRST,", "self._probe,")),
    ),
    "at SHUTDOWN it is ignored: an attempt every 100 ms": (
        ("shipper.py", "        self._circuit.leave(now.mono)\n", ""),
        ("circuit.py", "        self.leaving = True\n        self.retry_at = now\n", "        self.leaving = True\n"),
        ("circuit.py", "        if self.leaving:\n            return LAST_RETRY\n", ""),
        ("circuit.py", "LAST_RETRY = 0.1  #", "LAST_RETRY = 0.5  #"),
        ("circuit.py", "LAST_RETRY = 0.1  #", "LAST_RETRY = 0.01  #"),
    ),
    "one line for each change of state": (
        ("circuit.py", NEWS, "news = True"),
        ("circuit.py", NEWS, "news = False"),
        ("circuit.py", "opened = not self.is_open and self.failures >=", "opened = self.failures >="),
        ("outbox.py", "if self.circuit.failures == 1 and not self.circuit.is_open:", "if not self.circuit.is_open:"),
        ("outbox.py", "            return [self.says_open()]\n", "            return []\n"),
    ),
    "backoff with full jitter": (
        ("circuit.py", " * self._chance()\n", "\n"),
        ("circuit.py", " * self._chance()\n", " * (0.5 + self._chance() / 2)\n"),
        ("circuit.py", "BACKOFF * (1 << max(self.failures - 1, 0))", "BACKOFF"),
        ("circuit.py", "self._chance = chance\n", "drawn = chance()\n        self._chance = lambda: drawn\n"),
        ("environment.py", "            chance=_chance,\n", ""),
    ),
    "inside the one budget of a hold, or of SHUTDOWN": (
        ("shipper.py", "self._hold.attempt = 0  #", "self._hold.attempt, self._hold.until = 0, self._time + 0.5  #"),
        ("hold.py", "return answered or now >= self.until", "return answered"),
        ("shipper.py", "if finished or self._is_late(now):", "if finished:"),
    ),
    "errors are told apart: configuration, throttling and 5xx, transport, credentials": (
        ("stores/answers.py", "kind = StoreError.CONFIGURATION\n", "kind = StoreError.SERVER\n"),
        ("stores/answers.py", "kind = StoreError.CREDENTIALS\n", "kind = StoreError.CONFIGURATION\n"),
        ("stores/answers.py", "kind = StoreError.THROTTLED\n", "kind = StoreError.SERVER\n"),
        ("stores/answers.py", "status >= SERVER_ERROR or ", ""),
        ("stores/answers.py", " or code in PASSING", ""),
        ("stores/answers.py", "if region and status not in (403, 404):", "if False:"),
        ("stores/light.py", "kind: str = StoreError.TRANSPORT)", "kind: str = StoreError.SERVER)"),
        ("stores/sdk.py", "kind = StoreError.TRANSPORT\n", "kind = StoreError.CONFIGURATION\n"),
    ),
    "expired credentials are read again for the next attempt": (
        ("stores/light.py", "if mapped.kind == StoreError.CREDENTIALS:\n", "if False:\n"),
        ("stores/light.py", "if self._keys is None or self._keys.due(now):", "if self._keys is None:"),
        ("stores/sdk.py", "self._client = None  # credentials", "pass  # credentials"),
    ),
    "a freeze says nothing of the store": (
        (
            "circuit.py",
            "        self.retry_at = now + (self._probe if self.is_open and not self.leaving else 0.0)\n",
            '        self.failed("a freeze", now)\n',
        ),
        ("circuit.py", "now + (self._probe if self.is_open and not self.leaving else 0.0)", "now"),
        ("circuit.py", "self._probe if self.is_open and not self.leaving else 0.0", "self._probe"),
        (
            "circuit.py",
            "        if self.is_open:\n            self.failed(why, now)\n",
            "        self.failed(why, now)\n        if self.is_open:\n            pass\n",
        ),
        ("outbox.py", THAWED, "if event.kind == StoreError.ABANDONED:"),
        ("outbox.py", THAWED, "if thawed and event.kind != StoreError.ABANDONED:"),
        ("outbox.py", UNANSWERED, "        elif False:\n"),
    ),
    "the store is asked not to overwrite, unless the setting says no": (
        ("environment.py", "        self.shipper.conditional(wanted=settings.conditional)\n", ""),
        ("shipper.py", "        self._outbox.conditional = wanted\n", "        pass\n"),
        ("outbox.py", "conditional=self.conditional or chunk.careful)", "conditional=chunk.careful)"),
        ("uploader.py", "            only_if_absent=upload.conditional,\n", ""),
        ("stores/request.py", 'headers["if-none-match"] = "*"', "pass"),
    ),
    '"it exists" after an unknown outcome means done': (
        ("outbox.py", TAKEN, "        if chunk.shared:\n"),
        ("outbox.py", "        if event.kind == StoreError.EXISTS:\n", "        if False:\n"),
    ),
    "at a first attempt it is a collision: a new key, said": (
        ("outbox.py", TAKEN, "        if chunk.attempts:\n"),
        ("outbox.py", "        self._rekey(chunk)\n", ""),
        ("outbox.py", "return [rekeyed, events.Say(", "return [events.Say("),  # the journal has to learn of it
        ("outbox.py", f'[rekeyed, events.Say("warning", {SAID}]', "[rekeyed]"),
        ("outbox.py", "if self._collisions > 1:", "if self._collisions > 10**9:"),
        ("batcher.py", "        chunk.sealed = False\n", ""),
        ("batcher.py", "            chunk.seal.key = chunk.key\n", "            pass\n"),
    ),
    "a store that does not know conditional writes": (
        ("stores/answers.py", 'elif status == NOT_IMPLEMENTED or code == "NotImplemented":', "elif False:"),
        ("outbox.py", "            self.conditional = False\n", ""),
        ("outbox.py", '            actions.append(events.Say("warning", text, {"why": why}))\n', ""),
        ("outbox.py", UNKNOWN, "event.kind == StoreError.UNCONDITIONAL"),
    ),
}

REMOVALS = (
    *(removal(rule, *way) for rule, ways in WAYS.items() for way in ways),
    removal(
        "then nobody is held",
        *RELEASED,
        (
            "shipper.py",
            "seconds = 0.0 if self._circuit.is_open else self._settings.hold",
            "seconds = self._settings.hold",
        ),
    ),
    removal(
        "then nobody is held",
        *RELEASED,
        ("shipper.py", "self._subscribed and not self._circuit.is_open and (", "self._subscribed and ("),
    ),
)
