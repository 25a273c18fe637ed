"""Rules of section 6: broken input."""

from __future__ import annotations

from tests.mutants.rules.removal import removal

CUT = "every cut rejoins, in one body and across two"
TIMES = "each piece has a time stamp of its own; the record has that of the first"
SECOND = "the rest is waited for a second, a freeze not counted"
END = "at the end too it is shipped as it is"
NEIGHBOURS = "neighbours are kept, the broken is shipped as text and counted"
UNKNOWN = "unknown types and odd times pass through"
SHAPES = "null, array and number records pass through, of platform types too"
ROUND_TRIP = "any record survives the round trip"
NOTHING_RAISES = "nothing raises, whatever the bytes are"
TOO_LARGE = "a body of 16 MiB and more is refused with 413 before it is read, and counted"

REMOVALS = (
    removal(
        CUT,
        "envelopes.py",
        "    return _joined(text[: whole[2]] if whole else text, position) or whole\n",
        "    return whole\n",
    ),
    removal(
        CUT,
        "envelopes.py",
        "    if whole and _SEAM.search(text, position, whole[2]) is None:\n",
        "    if whole:\n",
    ),
    removal(CUT, "envelopes.py", "        joined = _continued(text, tail)\n", '        joined = ""\n'),
    removal(CUT, "envelopes.py", 'str(body, "utf-8", "surrogateescape"), True', 'str(body, "utf-8", "replace"), True'),
    removal(
        CUT,
        "envelopes.py",
        '    return joined if not stands_alone and _unfinished(joined, 1) else ""\n',
        '    return ""\n',
    ),
    removal(
        CUT,
        "envelopes.py",
        "        before += text[at : seam.start()]\n",
        "        before = text[position : seam.start()]\n",
    ),
    removal(
        TIMES,
        "envelopes.py",
        "        if number == PIECES:\n            break\n        before",
        "        if number == PIECES or text[position : position + 34] not in seam[0]:\n"
        "            break\n        before",
    ),
    removal(
        TIMES,
        "envelopes.py",
        "    if not opening:\n",
        "    if not opening or tail[:34] not in opening[0]:\n",
    ),
    removal(
        TIMES,
        "envelopes.py",
        '    joined = "[" + tail + text[opening.end() :]\n',
        "    head = _CUT.match(tail)\n"
        '    joined = opening[0] + (tail[head.end() :] if head else "") + text[opening.end() :]\n',
    ),
    removal(SECOND, "telemetry.py", "TAIL_SECONDS = 1.0", "TAIL_SECONDS = 0.0"),
    removal(SECOND, "telemetry.py", "TAIL_SECONDS = 1.0", "TAIL_SECONDS = 2.0"),
    removal(SECOND, "telemetry.py", "TAIL_SECONDS = 1.0", "TAIL_SECONDS = 1e9"),
    removal(
        SECOND,
        "shipper.py",
        '        return "" if self._reader.unfinished else self._batcher.due(now)\n',
        "        return self._batcher.due(now)\n",
    ),
    removal(
        SECOND,
        "shipper.py",
        'return "" if self._reader.unfinished else self._batcher.due(now, count_invokes=False)',
        "return self._batcher.due(now, count_invokes=False)",
    ),
    removal(
        SECOND,
        "shipper.py",
        "            self._tail_until = max(self._tail_until, self._time + passed + telemetry.TAIL_SECONDS)\n",
        "",
    ),
    removal(END, "shipper.py", "(self._drained or now.mono >= self._tail_until)", "now.mono >= self._tail_until"),
    removal(
        NEIGHBOURS,
        "envelopes.py",
        "            found.append(unparsed(text[position:stop], now_text))\n            position = position_after\n",
        '            return [unparsed(text, now_text)], ""\n',
    ),
    removal(
        NEIGHBOURS,
        "envelopes.py",
        "                return found + ([] if left else [unparsed(text[position:], now_text)]), left\n",
        "                return [] if left else [unparsed(text, now_text)], left\n",
    ),
    removal(
        NEIGHBOURS,
        "envelopes.py",
        "            found.append(unparsed(text[position:stop], now_text))\n",
        "",
    ),
    removal(
        NEIGHBOURS,
        "envelopes.py",
        " if text[(mark := _skip(text, end)) : mark + 1] in _MARKS else None",
        "",
    ),
    removal(
        NEIGHBOURS,
        "envelopes.py",
        "        found += [] if joined else [unparsed(tail, now_text)]\n",
        "",
    ),
    removal(
        NEIGHBOURS,
        "envelopes.py",
        "        place = _resume(text, end)  # cut short",
        "        place = None  # cut short",
    ),
    removal(NEIGHBOURS, "telemetry.py", "                received.unparsed += 1\n", "                pass\n"),
    removal(
        NEIGHBOURS,
        "telemetry.py",
        "[envelopes.unparsed(tail, objects.iso_time(self._tail_wall))] if tail else []",
        "[]",
    ),
    removal(
        NEIGHBOURS,
        "shipper.py",
        "        received = self._reader.give_up()\n        self.accounts.received += received.records\n"
        "        self.accounts.unparsed += received.unparsed\n",
        "        received = self._reader.give_up()\n        self.accounts.received += received.records\n",
    ),
    removal(
        UNKNOWN,
        "telemetry.py",
        ' or kind == UNPARSED or family not in ("platform", "function", "extension")',
        " or kind == UNPARSED",
    ),
    removal(UNKNOWN, "envelopes.py", 'time = plain_text(value.get("time")) or ""', 'time = value["time"].strip()'),
    removal(
        UNKNOWN,
        "envelopes.py",
        '    return Entry(raw, kind, time if plain else "", value.get("record"))\n',
        '    return Entry(raw, kind, time, value.get("record"))\n',
    ),
    removal(
        UNKNOWN,
        "envelopes.py",
        '    return Entry(raw, kind, time if plain else "", value.get("record"))\n',
        '    return Entry(raw, kind, time, value.get("record")) if plain and time else unparsed(raw, now_text)\n',
    ),
    removal(
        SHAPES,
        "telemetry.py",
        "            if self._shipped(entry.type):\n",
        "            if self._shipped(entry.type) and (plain_text(entry.record) or isinstance(entry.record, dict)):\n",
    ),
    removal(
        SHAPES,
        "telemetry.py",
        "record = entry.record if isinstance(entry.record, dict) else {}",
        "record = entry.record",
    ),
    removal(
        SHAPES,
        "telemetry.py",
        'request_id = plain_text(record.get("requestId"))',
        'request_id = record.get("requestId")',
    ),
    removal(
        ROUND_TRIP,
        "objects.py",
        '        envelope = envelope.replace("\\n", " ").replace("\\r", " ")\n',
        "        pass\n",
    ),
    removal(
        ROUND_TRIP,
        "telemetry.py",
        '"".join(lines).encode("utf-8", "replace")',
        '"".join(lines).encode("ascii", "replace")',
    ),
    removal(
        NOTHING_RAISES,
        "envelopes.py",
        "    except (ValueError, StopIteration, RecursionError):\n        return None",
        "    except (ValueError, StopIteration):\n        return None",
    ),
    removal(
        NOTHING_RAISES,
        "envelopes.py",
        "    except (ValueError, StopIteration, RecursionError):\n        return None",
        "    except (StopIteration, RecursionError):\n        return None",
    ),
    removal(
        NOTHING_RAISES,
        "envelopes.py",
        "    except (ValueError, StopIteration, RecursionError):\n        return None",
        "    except (ValueError, RecursionError):\n        return None",
    ),
    removal(NOTHING_RAISES, "envelopes.py", 'str(body, "utf-8", "surrogateescape"), True', 'str(body, "utf-8"), True'),
    removal(
        NOTHING_RAISES,
        "telemetry.py",
        "            received.dropped += int(told) if told.isdigit() else 1\n",
        "            received.dropped += int(str(dropped))\n",
    ),
    removal(
        NOTHING_RAISES,
        "telemetry.py",
        "isinstance(dropped, Numeral) and len(dropped) <= COUNT_LENGTH",
        "isinstance(dropped, Numeral)",
    ),
    removal(TOO_LARGE, "listener.py", "    if length > LONGEST_BODY:\n", "    if length > 2 * LONGEST_BODY:\n"),
    removal(TOO_LARGE, "listener.py", "    if length > LONGEST_BODY:\n", "    if length > LONGEST_BODY // 2:\n"),
    removal(
        TOO_LARGE,
        "listener.py",
        '        raise _Refusal("413 Content Too Large")\n    if len(received)',
        '        raise OSError("413")\n    if len(received)',
    ),
    removal(
        TOO_LARGE, "listener.py", "        if len(body) + size > LONGEST_BODY:\n", "        if size > LONGEST_BODY:\n"
    ),
    removal(TOO_LARGE, "listener.py", "            self.refused += 1\n", ""),
    removal(
        TOO_LARGE, "consumer.py", "        accounts.refused = self._listener.refused if self._listener else 0\n", ""
    ),
)
