"""Rules of sections 1, 2 and 4: the journal here, memory and what comes twice in a file of its own."""

from __future__ import annotations

from tests.mutants.rules import memory
from tests.mutants.rules.removal import removal

BEFORE_200 = "what was received is journalled and queued before the 200; the answer waits 5 s for the journal"
SLOW = "an append of over 50 ms switches to memory for 10 s, said once"
SEAL = "a seal (key, range, request id, sequence, state) is written before the first attempt"
REKEYED = "a key that replaces a taken one is in the journal at once"
SAME = "the next process ships the same key and bytes"
ORDER = "what was left over goes first, after it what was in no chunk"
WHEN = "it is taken up after the first `event/next` and shipped with the first invocation"
EXISTS = '"it exists" of a left-over chunk means done'
CAREFUL = "what is made again with records missing never overwrites; they are lost if it was not stored whole before"
TORN = "a torn tail is cut at the last whole batch and counted"
CHECKED = "length and checksum for each entry"
BOUNDED = "replay is bounded: the limit in force or that of the files, 64 MiB; what is over is the oldest"
POISON = "poison is set aside after two failed replays, and counted as lost"
NO_POISON = "what could be made again is no poison, whatever becomes of its upload"
NEIGHBOUR = "a living neighbour's journal is never adopted, a dead one's is"
GOES_ON = "environment and sequence go on in a new process"
PRIVATE = "in /tmp/adaptive-batching-extension: 0700, 0600, no links, owner checked"
SIZE = "size: as set, else 64 MiB or an eighth of what is free"
FREED = "bodies leave the journal when their chunk is stored or given up, not before"
THIRD = "a threshold over a third of it is lowered, and said"
AGAIN = "what somebody removes from /tmp is written again, the next time something is journalled, and at the end"
NO_ROOM = "full, read-only or cleared: memory serves, said once"

CHECKS = 'len(payload) < length or zlib.crc32(payload, zlib.crc32(prefix[:5])) != int.from_bytes(prefix[5:], "big"):'
HEADER_TELLS = "told.forgotten, told.replays, told.state = self._serial, list(self._gone), self._replays, self._state"
PUTS = """            files.put(head, body)
        except OSError as error:
            self._broken(error)
            return False
"""
KEEPER_PUT = """                serial = self._journal.append(body, wall) if self._journal else 0
                self._inbox.put(LogsReceived(body, serial, wall), len(body))
"""

JOURNAL = (
    removal(
        BEFORE_200,
        "listener.py",
        "                self._keep(body)\n                connection.sendall(OK)\n",
        "                connection.sendall(OK)\n                self._keep(body)\n",
    ),
    removal(BEFORE_200, "keeper.py", "serial = self._journal.append(body, wall) if self._journal else 0", "serial = 0"),
    removal(BEFORE_200, "keeper.py", KEEPER_PUT, KEEPER_PUT.replace("put(", "interrupt(").replace(", len(body))", ")")),
    removal(BEFORE_200, "keeper.py", "        self._waits = True\n", "        self._waits = False\n"),
    removal(BEFORE_200, "keeper.py", "OPEN_SECONDS = 5.0", "OPEN_SECONDS = 20.0"),
    removal(
        BEFORE_200, "environment.py", "started.keeper.open(self._journal, Echoes", "started.keeper.open(None, Echoes"
    ),
    removal(SLOW, "journal/log.py", "SLOW_SECONDS = 0.05 ", "SLOW_SECONDS = 0.06 "),
    removal(SLOW, "journal/log.py", "                self._rest_until = ended + REST_SECONDS\n", ""),
    removal(SLOW, "journal/log.py", "REST_SECONDS = 10.0 ", "REST_SECONDS = 5.0 "),
    removal(SLOW, "journal/log.py", "REST_SECONDS = 10.0 ", "REST_SECONDS = 600.0 "),
    removal(SLOW, "journal/log.py", "        if what not in self._told:\n", "        if what:\n"),
    removal(
        SEAL,
        "environment.py",
        "            self._seal(action.chunk)\n            self._uploader.submit(action)\n",
        "            self._uploader.submit(action)\n            self._seal(action.chunk)\n",
    ),
    removal(
        SEAL,
        "environment.py",
        "            chunk.sealed = self._journal.seal(chunk.seal, chunk.after)\n",
        "            chunk.sealed = True\n",
    ),
    removal(SEAL, "journal/frames.py", "range_and_key = [one.key, ", 'range_and_key = ["", '),
    removal(SEAL, "journal/frames.py", "one.first, one.last, one.reason", "one.first, one.first, one.reason"),
    removal(SEAL, "journal/frames.py", "else [state.request_id, state.sequence,", "else [None, state.sequence,"),
    removal(SEAL, "journal/frames.py", "else [state.request_id, state.sequence,", "else [state.request_id, 0,"),
    removal(
        REKEYED, "environment.py", "            self._seal(action.chunk)  # the next", "            pass  # the next"
    ),
    removal(
        REKEYED,
        "batcher.py",
        "            chunk.seal.key = chunk.key\n        chunk.sealed = False\n",
        "            chunk.seal.key = chunk.key\n",
    ),
    removal(REKEYED, "batcher.py", "            chunk.seal.key = chunk.key\n", "            pass\n"),
    removal(SAME, "recovery.py", "batches.close(seal.key,", "batches.close(seal.key + '.again',"),
    removal(SAME, "recovery.py", "    reader.restore(seal.state)\n", ""),
    removal(SAME, "recovery.py", "        if serial in seal.cuts:\n", "        if serial in ():\n"),
    removal(SAME, "recovery.py", "seal.reason, seal.tail)", 'seal.reason, "")'),
    removal(SAME, "recovery.py", "sealed.environment or origin.environment", "origin.environment"),
    removal(SAME, "recovery.py", "reader.read(body, wall), Moment", "reader.read(body, 0.0), Moment"),
    removal(
        ORDER,
        "outbox.py",
        "        chunk = self._waiting[0]\n        chunk.attempts",
        "        chunk = self._waiting[-1]\n        chunk.attempts",
        ("outbox.py", "chunk = self._waiting.pop(0)\n", "chunk = self._waiting.pop()\n"),
    ),
    removal(ORDER, "environment.py", "            yield from self.bodies(first, last)\n", ""),
    removal(
        ORDER,
        "consumer.py",
        "            self.taken.append(left)\n            self._consume_taken()\n",
        "            self._inbox.put(left)\n",
    ),
    removal(
        WHEN,
        "startup.py",
        "    calls.finished_calls()\n",
        '    from extension.journal import Journal\n\n    Journal.open("/tmp", "", say).close()\n'
        "    calls.finished_calls()\n",
    ),
    removal(
        WHEN,
        "shipper.py",
        "return bool(self._hold or running or",
        "return bool(self._hold or len(self._outbox) or running or",
    ),
    removal(EXISTS, "shipper.py", "        chunk.attempts = 1  # at least one may have succeeded\n", ""),
    removal(EXISTS, "outbox.py", "if chunk.attempts > 1 or chunk.shared:", "if chunk.shared:"),
    removal(CAREFUL, "shipper.py", "chunk.careful = missing, missing > 0", "chunk.careful = missing, False"),
    removal(CAREFUL, "outbox.py", "conditional=self.conditional or chunk.careful)", "conditional=self.conditional)"),
    removal(CAREFUL, "outbox.py", "        if chunk.careful:  # it could", "        if False:  # it could"),
    removal(CAREFUL, "environment.py", "max(records - chunk.records, 0))", "0)"),
    removal(CAREFUL, "outbox.py", "        self._accounts.lost += lost\n", ""),
    removal(CAREFUL, "outbox.py", "chunk.records + chunk.missing * whole, now)", "chunk.records, now)"),
    removal(
        TORN,
        "journal/frames.py",
        "length > LONGEST or end > size:\n",
        "length > LONGEST:\n",
        ("journal/frames.py", CHECKS, "not prefix:"),
    ),
    removal(TORN, "journal/left.py", "            segment.whole = end\n", "            segment.whole = segment.size\n"),
    removal(TORN, "journal/left.py", "        left.torn_bytes += segment.size - segment.whole\n", ""),
    removal(TORN, "environment.py", "        self.shipper.accounts.torn = left.torn_bytes + left.over_bytes\n", ""),
    removal(CHECKED, "journal/frames.py", "or length > LONGEST or end > size:", "or False:"),
    removal(
        CHECKED,
        "journal/frames.py",
        ' or zlib.crc32(payload, zlib.crc32(prefix[:5])) != int.from_bytes(prefix[5:], "big"):',
        ":",
    ),
    removal(
        CHECKED,
        "journal/frames.py",
        "zlib.crc32(payload, zlib.crc32(prefix[:5]))",
        "zlib.crc32(payload)",
        ("journal/frames.py", "zlib.crc32(body, zlib.crc32(start + payload))", "zlib.crc32(body, zlib.crc32(payload))"),
    ),
    removal(
        CHECKED,
        "journal/frames.py",
        "zlib.crc32(payload, zlib.crc32(prefix[:5]))",
        "zlib.crc32(payload[:16], zlib.crc32(prefix[:5]))",
        (
            "journal/frames.py",
            "zlib.crc32(body, zlib.crc32(start + payload))",
            "zlib.crc32((payload + body)[:16], zlib.crc32(start))",
        ),
    ),
    removal(BOUNDED, "journal/left.py", "        if total > most:\n", "        if total > 10 * most:\n"),
    removal(
        BOUNDED,
        "journal/left.py",
        "    for number in reversed(list(sizes)):\n        total",
        "    for number in list(sizes):\n        total",
    ),
    removal(
        BOUNDED,
        "journal/left.py",
        "return min(frames.read_header(payload).limit, largest)",
        "return frames.read_header(payload).limit",
    ),
    removal(BOUNDED, "journal/left.py", "return min(frames.read_header(payload).limit, largest)", "return 0"),
    removal(BOUNDED, "journal/left.py", "            left.over_bytes += sizes[number]\n", ""),
    removal(POISON, "recovery.py", "REPLAYS = 2 ", "REPLAYS = 10**9 "),
    removal(POISON, "recovery.py", "REPLAYS = 2 ", "REPLAYS = 1 "),
    removal(POISON, "environment.py", "        self._journal.replaying(seal.first)\n", ""),
    removal(POISON, "environment.py", "            self._journal.replaying(first)\n", ""),
    removal(
        POISON,
        "environment.py",
        "            self._journal.set_aside(seal.first, seal.last)\n",
        "            self.forget(seal.first, seal.last)\n",
    ),
    removal(POISON, "environment.py", "        self.shipper.accounts.lost += records\n", ""),
    removal(
        POISON, "environment.py", "        self._journal.set_aside(first, last)\n", "        self.forget(first, last)\n"
    ),
    removal(
        POISON,
        "journal/log.py",
        HEADER_TELLS,
        "told.forgotten, told.state = self._serial, list(self._gone), self._state",
    ),
    removal(NO_POISON, "environment.py", "        self._journal.replayed(seal.first)\n", ""),
    removal(NO_POISON, "environment.py", "            self._journal.replayed(first)\n", ""),
    removal(
        NO_POISON,
        "journal/left.py",
        "        left.replays.pop(frames.read_serials(payload, 1)[0], None)\n",
        "        return\n",
    ),
    removal(NEIGHBOUR, "journal/folder.py", "        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)\n", ""),
    removal(
        NEIGHBOUR,
        "journal/log.py",
        "            folder = take(parent)\n",
        "            folder = take(parent, empty=True)\n",
    ),
    removal(
        GOES_ON,
        "journal/log.py",
        "self.environment = found.environment or self.environment",
        "self.environment = self.environment",
    ),
    removal(GOES_ON, "environment.py", "        self.shipper.resume(left.state)\n", ""),
    removal(GOES_ON, "journal/left.py", "        left.state = sealed.after\n", ""),
    removal(
        GOES_ON,
        "journal/log.py",
        HEADER_TELLS,
        "told.forgotten, told.replays = self._serial, list(self._gone), self._replays",
    ),
    removal(PRIVATE, "journal/folder.py", 'NAME = "adaptive-batching-extension"', 'NAME = "journal"'),
    removal(PRIVATE, "journal/folder.py", "            os.fchmod(descriptor, 0o700)\n", "            pass\n"),
    removal(PRIVATE, "journal/folder.py", "os.open(name, flags, 0o600,", "os.open(name, flags, 0o644,"),
    removal(PRIVATE, "journal/folder.py", "_FLAGS = os.O_NOFOLLOW | os.O_CLOEXEC", "_FLAGS = os.O_CLOEXEC"),
    removal(
        PRIVATE,
        "journal/folder.py",
        "_FLAGS = os.O_NOFOLLOW | os.O_CLOEXEC",
        "_FLAGS = os.O_CLOEXEC",
        ("journal/folder.py", "follow_symlinks=False)", "follow_symlinks=True)"),
    ),
    removal(
        PRIVATE, "journal/folder.py", "        if os.fstat(descriptor).st_uid != os.geteuid():\n", "        if False:\n"
    ),
    removal(PRIVATE, "journal/folder.py", " or status.st_uid != os.geteuid():", ":"),
    removal(SIZE, "journal/log.py", "LARGEST = 64 * 1024 * 1024", "LARGEST = 512 * 1024 * 1024"),
    removal(SIZE, "journal/log.py", "SHARE = 8 ", "SHARE = 4 "),
    removal(
        SIZE, "journal/log.py", "self.limit = self._asked or min(LARGEST, free)", "self.limit = min(LARGEST, free)"
    ),
    removal(SIZE, "environment.py", "say, settings.journal_bytes)", "say)"),
    removal(
        FREED,
        "environment.py",
        "            self._uploader.submit(action)\n",
        "            self._uploader.submit(action)\n            self.forget(chunk.seal.first, chunk.seal.last)\n",
    ),
    removal(
        FREED, "environment.py", "isinstance(action, events.Forget | events.Drop)", "isinstance(action, events.Drop)"
    ),
    removal(
        FREED, "environment.py", "isinstance(action, events.Forget | events.Drop)", "isinstance(action, events.Forget)"
    ),
    removal(
        FREED,
        "journal/log.py",
        "                self._files.purge(self._gone, self._homes.values())\n",
        "                pass\n",
    ),
    removal(THIRD, "environment.py", "            batches.lower(room)\n", ""),
    removal(
        THIRD,
        "environment.py",
        '            say("warning", f"{text} {self._journal.limit} bytes; {room} is used")\n',
        "",
    ),
    removal(THIRD, "environment.py", "SHARE = 3 ", "SHARE = 2 "),
    removal(THIRD, "environment.py", "SHARE = 3 ", "SHARE = 4 "),
    removal(
        NO_ROOM,
        "journal/log.py",
        PUTS,
        PUTS.replace("return False", "raise"),
    ),
    removal(
        NO_ROOM,
        "journal/log.py",
        "            journal._broken(error)\n            return journal\n",
        "            raise\n",
    ),
    removal(NO_ROOM, "journal/log.py", "        if files.used + size <= self.limit:\n", "        if files:\n"),
    removal(
        AGAIN,
        "journal/files.py",
        "            if missing[0].descriptor >= 0:\n                self._copy(missing[0])\n",
        "            pass\n",
    ),
    removal(
        AGAIN,
        "journal/files.py",
        "                segment.descriptor = folder.read(numbered(SEGMENT, segment.number))\n",
        "                pass\n",
    ),
    removal(
        AGAIN, "journal/log.py", "            self._rest_until = 0.0\n            self._alive()\n", "            pass\n"
    ),
    removal(
        NO_ROOM,
        "journal/log.py",
        "        if files and not self._adrift and not files.is_wiped:\n",
        "        if files:\n",
    ),
    removal(NO_ROOM, "journal/log.py", "        if what not in self._told:\n", "        if what:\n"),
    removal(
        NO_ROOM,
        "journal/log.py",
        "        self._rest_until = self._now() + REST_SECONDS\n        where",
        "        where",
    ),
    removal(
        NO_ROOM,
        "keeper.py",
        KEEPER_PUT,
        KEEPER_PUT.replace("                self._inbox", "                serial and self._inbox"),
    ),
)

REMOVALS = (*JOURNAL, *memory.REMOVALS)
