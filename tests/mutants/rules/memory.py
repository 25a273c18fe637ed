"""Rules of sections 2 and 4: memory, and what comes twice."""

from __future__ import annotations

from tests.mutants.rules.removal import removal

SMALL = "within 16 MiB of idle whatever the byte threshold"
SPOOLED = "an open chunk is a file without a name in the journal's folder; memory serves where there is none"
SHED = "what waits is bounded in bytes; the oldest goes, whole and counted"

ECHO = "a body equal to one of the last 64, byte for byte, is answered, not queued, counted"
AGES = "whatever the time between"
RESTARTED = "those in the journal after a restart included"
NOT_KEPT = "what could not be kept is no echo"
NOTHING_FINER = "nothing finer is deduplicated: equal lines stay"

KNOWS = """        known = digest in self._digests
        self._digests.pop(digest, None)
        self._digests[digest] = None
"""
KNOWS_FOR_A_WHILE = """        known = time.monotonic() - self._digests.pop(digest, -1e9) < 300
        self._digests[digest] = time.monotonic()
"""

REMOVALS = (
    removal(SMALL, "spool.py", "IN_MEMORY = 1024 * 1024", "IN_MEMORY = 1024 * 1024 * 1024"),
    removal(
        SMALL,
        "environment.py",
        "return spool.Body(gzip=self._settings.gzip, new_file=self._journal.file)",
        "return objects.Body(gzip=self._settings.gzip)",
    ),
    removal(
        SMALL,
        "stores/request.py",
        "        while block := file.read(BLOCK_BYTES):\n",
        "        while block := file.read():\n",
    ),
    removal(SMALL, "stores/request.py", "block = file.read(min(size, BLOCK_BYTES))", "block = file.read(size)"),
    removal(
        SPOOLED,
        "journal/files.py",
        "        self.folder.remove(name)\n        return descriptor\n",
        "        return descriptor\n",
    ),
    removal(SPOOLED, "spool.py", "        os.close(self.descriptor)\n", "        pass\n"),
    removal(SPOOLED, "spool.py", "        del self._pending[:taken]\n", "        self._pending.clear()\n"),
    removal(SPOOLED, "spool.py", "            pass  # memory serves", "            raise  # memory serves"),
    removal(SPOOLED, "spool.py", "if not self._pending and os.path.exists(path):", "if os.path.exists(path):"),
    removal(SPOOLED, "spool.py", "if not self._pending and os.path.exists(path):", "if not self._pending:"),
    removal(SHED, "outbox.py", "WAITING_BYTES = 32 * 1024 * 1024", "WAITING_BYTES = 32 * 1024 * 1024 * 1024"),
    removal(SHED, "outbox.py", "self._waiting.pop(1 if self.attempt else 0)", "self._waiting.pop()"),
    removal(SHED, "outbox.py", "self._waiting.pop(1 if self.attempt else 0)", "self._waiting.pop(0)"),
    removal(SHED, "outbox.py", "            self._accounts.lost += records\n", ""),
    removal(SHED, "outbox.py", "            self._accounts.lost_bytes += shed.raw_bytes\n", ""),
    removal(SHED, "outbox.py", "            actions.append(events.Drop(shed))\n", ""),
    removal(ECHO, "echoes.py", "REMEMBERED = 64 ", "REMEMBERED = 16 "),
    removal(ECHO, "echoes.py", "REMEMBERED = 64 ", "REMEMBERED = 1024 "),
    removal(
        ECHO,
        "keeper.py",
        "                self.echoes += 1\n                return\n",
        "                self.echoes += 1\n",
    ),
    removal(
        ECHO, "keeper.py", "                self.echoes += 1\n                return\n", "                return\n"
    ),
    removal(ECHO, "consumer.py", "        accounts.echoes = self._keeper.echoes\n", ""),
    removal(
        ECHO, "echoes.py", "digest = hashlib.sha256(body).digest()", "digest = hashlib.sha256(body.strip()).digest()"
    ),
    removal(
        AGES,
        "echoes.py",
        KNOWS,
        KNOWS_FOR_A_WHILE,
        ("echoes.py", "import hashlib\n", "import hashlib\nimport time\n"),
    ),
    removal(RESTARTED, "environment.py", "Echoes(self._journal.recent())", "Echoes()"),
    removal(RESTARTED, "journal/left.py", "RECENT = 64 ", "RECENT = 32 "),
    removal(NOT_KEPT, "keeper.py", "                    self._echoes.forget(body)", "                    pass"),
    removal(
        ECHO, "echoes.py", "digest = hashlib.sha256(body).digest()", "digest = hashlib.sha256(body[:1000]).digest()"
    ),
    removal(
        NOTHING_FINER,
        "telemetry.py",
        "        for entry in entries:\n",
        "        for entry in {one.raw: one for one in entries}.values():\n",
    ),
    removal(
        NOTHING_FINER,
        "telemetry.py",
        '            if entry.type.startswith("platform."):\n',
        "            if entry.raw in _KNOWN:\n                continue\n            _KNOWN.add(entry.raw)\n"
        '            if entry.type.startswith("platform."):\n',
        ("telemetry.py", "REMEMBERED = 1024 ", "_KNOWN = set()\nREMEMBERED = 1024 "),
    ),
)
