"""What others get wrong, as changes of our own code, each with the tests that are named for the rule it breaks.

One row for each row of the field notes' first section that concerns the extension; a change is file, old text, new
text. What is not here is no code of the extension: that a bucket is never created, and that the layer brings its own
interpreter, are held by the layer's and the production tests.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.mutants.rules.removal import Changes

UNIT, EDGE = "tests/unit/extension/test_", "tests/edge/extension/test_"
KILL, HOLE = "tests/e2e/test_kill.py", "tests/e2e/test_black_hole.py"


@dataclass(frozen=True)
class Defect:
    """One known defect. All of `tests` must fail with it."""

    name: str
    changes: Changes
    tests: tuple[str, ...]


def _defect(name: str, file: str, old: str, new: str, *tests: str) -> Defect:
    return Defect(name, ((file, old, new),), tests)


DEFECTS = (
    _defect(
        "thresholds are looked at only when the next invocation begins",
        "shipper.py",
        "        self._ship(now, actions)\n        if hold and (",
        "        if hold or self._leave_at is not None:\n            self._ship(now, actions)\n        if hold and (",
        UNIT + "variants.py::test_an_invocation_of_15_min_is_shipped_all_along_and_is_not_held",
        UNIT + "shipper.py::test_on_managed_instances_age_alone_ships_though_no_invoke_ever_comes",
    ),
    _defect(
        "the buffer is cleared before the upload succeeded",
        "outbox.py",
        "        chunk = self._waiting[0]\n        chunk.attempts += 1",
        "        chunk = self._waiting.pop(0)\n        chunk.attempts += 1",
        UNIT + "shipper.py::test_an_upload_that_fails_stays_whole_and_is_tried_again_with_the_same_key_and_bytes",
    ),
    _defect(
        "the journal forgets a chunk when its upload begins",
        "environment.py",
        "            self._uploader.submit(action)\n",
        "            self._uploader.submit(action)\n            self.forget(chunk.seal.first, chunk.seal.last)\n",
        KILL + "::test_killed_before_the_store_had_the_object_it_is_put_under_the_same_key",
    ),
    _defect(
        "200 is answered before the body is kept anywhere but in memory",
        "keeper.py",
        "serial = self._journal.append(body, wall) if self._journal else 0",
        "serial = 0",
        EDGE + "keeper.py::test_when_keep_returns_the_body_is_in_the_journal_and_in_the_inbox",
        KILL + "::test_killed_between_receipt_and_shipping_the_next_process_ships_it",
    ),
    _defect(
        "a retry after a kill has a key of its own: what was stored is stored twice",
        "environment.py",
        "            chunk.sealed = self._journal.seal(chunk.seal, chunk.after)\n",
        "            pass\n",
        KILL + "::test_killed_between_a_put_and_its_answer_the_same_key_is_put_again_and_412_means_done",
    ),
    _defect(
        '"it exists" after a kill is taken for a collision',
        "shipper.py",
        "        chunk.attempts = 1  # at least one may have succeeded\n",
        "",
        UNIT + "outcomes.py::test_exists_at_a_chunk_that_an_earlier_process_left_means_done",
        KILL + "::test_killed_between_a_put_and_its_answer_the_same_key_is_put_again_and_412_means_done",
    ),
    _defect(
        "an unreachable store holds every invocation",
        "circuit.py",
        "FAILURES = 3  # in a row\nSECONDS_IN_VAIN = 1.0",
        "FAILURES = 10**9  # in a row\nSECONDS_IN_VAIN = 1e9",
        UNIT + "circuit.py::test_three_failures_in_a_row_of_any_kind_open_the_circuit",
        HOLE + "::test_nobody_is_held_after_the_circuit_has_opened",
    ),
    _defect(
        "at SHUTDOWN the upload runs first, what comes late is lost",
        "policy.py",
        "QUIET_SECONDS = max(0.150, 4 * BUFFERING_MS / 1000)",
        "QUIET_SECONDS = 0.0",
        UNIT + "shipper.py::test_shutdown_drains_until_quiet_then_ships_the_last_object_and_exits",
    ),
    _defect(
        "output that nothing can parse: str(list)",
        "telemetry.py",
        '"".join(lines).encode("utf-8", "replace")',
        'str(lines).encode("utf-8", "replace")',
        UNIT + "telemetry.py::test_any_record_survives_the_round_trip",
    ),
    _defect(
        "the byte counter drifts by -2 for each batch",
        "objects.py",
        "        self.raw_bytes += len(lines)\n",
        "        self.raw_bytes += len(lines) - 2\n",
        UNIT + "batcher.py::test_reached_is_crossed_in_bytes",
    ),
    _defect(
        "a missing or odd setting is fatal",
        "settings.py",
        "        except Problem as problem:\n            if problem.instead is not None:\n",
        "        except KeyError as problem:\n            if problem.instead is not None:\n",
        UNIT + "settings.py::test_no_value_whatever_stops_the_function",
    ),
    _defect(
        "an unknown record type is not shipped",
        "telemetry.py",
        ' or kind == UNPARSED or family not in ("platform", "function", "extension")',
        " or kind == UNPARSED",
        UNIT + "telemetry.py::test_unknown_members_and_unknown_types_pass_through",
    ),
    _defect(
        "an odd `time` loses the whole batch",
        "envelopes.py",
        'time = plain_text(value.get("time")) or ""',
        'time = value["time"].strip()',
        UNIT + "telemetry.py::test_an_odd_time_is_shipped_as_it_is_and_kept_out_of_the_metadata",
    ),
    _defect(
        "a bad entry loses the whole batch",
        "envelopes.py",
        "            found.append(unparsed(text[position:stop], now_text))\n            position = position_after\n",
        '            return [unparsed(text, now_text)], ""\n',
        UNIT + "splits.py::test_a_piece_whose_other_half_never_comes_is_kept_as_text_and_its_neighbours_stay",
    ),
    _defect(
        "a body that does not parse is not answered with 200, and the platform sends it for ever",
        "listener.py",
        "                self._keep(body)\n",
        "                if body[:1] != b'[':\n                    return\n                self._keep(body)\n",
        EDGE + "listener.py::test_a_body_that_is_no_telemetry_is_kept_and_answered_200_all_the_same",
    ),
    _defect(
        "a body that does not parse raises",
        "envelopes.py",
        "    except (ValueError, StopIteration, RecursionError):\n        return None",
        "    except StopIteration:\n        return None",
        UNIT + "telemetry.py::test_a_body_that_does_not_parse_becomes_a_line_with_its_text",
        UNIT + "telemetry.py::test_nesting_without_end_is_one_unparsed_line",
    ),
    _defect(
        "platform.runtimeDone is waited for without bound",
        "shipper.py",
        "until = min(now.mono + policy.DONE_PATIENCE, self._limit)",
        "until = now.mono + 1e9",
        UNIT + "release.py::test_behind_a_slow_handler_the_end_is_waited_for_ten_seconds_and_no_longer",
    ),
    _defect(
        "it hangs when SHUTDOWN is the first event",
        "shipper.py",
        "        self._quiet_at = now.mono + (policy.QUIET_SECONDS if self._subscribed else 0.0)\n",
        "        self._leave_at = self._leave_at if self._request else None\n",
        UNIT + "shipper.py::test_shutdown_may_be_the_first_event_of_all",
        UNIT + "shipper.py::test_shutdown_before_any_invoke_ships_what_the_platform_said",
    ),
    _defect(
        "an epoch deadline is used as a duration",
        "policy.py",
        "now.mono + (invoke.deadline - now.wall) - DEADLINE_MARGIN",
        "now.mono + invoke.deadline - DEADLINE_MARGIN",
        UNIT + "release.py::test_never_past_250_ms_before_the_deadline_while_the_end_is_waited_for",
    ),
    _defect(
        "a deadline is cut to whole seconds",
        "policy.py",
        "min(max(deadline - now.wall, 0.0), SHUTDOWN_BUDGET)",
        "min(max(int(deadline) - int(now.wall), 0.0), SHUTDOWN_BUDGET)",
        UNIT + "shipper.py::test_the_deadline_less_a_margin_bounds_everything_and_an_odd_one_is_clamped",
    ),
    _defect(
        "the request id is forgotten between two POSTs",
        "telemetry.py",
        "        entries, self._tail = envelopes.cut(",
        "        self._current = None\n        entries, self._tail = envelopes.cut(",
        UNIT + "telemetry.py::test_a_bare_line_belongs_to_the_last_start_also_across_posts",
    ),
    _defect(
        "a connection that died in a freeze costs a duplicate: the retry has a key of its own",
        "outbox.py",
        "        chunk = self._waiting[0]\n        chunk.attempts += 1",
        "        chunk = self._waiting[0]\n        self._rekey(chunk)\n        chunk.attempts += 1",
        UNIT + "shipper.py::test_an_upload_that_fails_stays_whole_and_is_tried_again_with_the_same_key_and_bytes",
    ),
    _defect(
        "a connection that died in a freeze is waited for",
        "shipper.py",
        "            actions += self._outbox.thaw()\n",
        "",
        UNIT + "shipper.py::test_a_thaw_at_shutdown_abandons_the_old_connection_and_ships_on_a_new_one",
    ),
    _defect(
        "pieces of a record over maxBytes are shipped as they come",
        "envelopes.py",
        "    return _joined(text[: whole[2]] if whole else text, position) or whole\n",
        "    return whole\n",
        UNIT + "splits.py::test_every_cut_rejoins_within_one_body_and_across_two",
        UNIT + "splits.py::test_many_pieces_over_many_bodies_rejoin",
    ),
    _defect(
        "drops that nobody sees: the platform's",
        "shipper.py",
        "        self.accounts.dropped += received.dropped\n",
        "",
        UNIT + "accounts.py::test_what_the_platform_dropped_puts_retries_and_held_milliseconds_are_told",
    ),
    _defect(
        "drops that nobody sees: our own",
        "shipper.py",
        "            self.accounts.lost += event.count\n",
        "",
        UNIT + "accounts.py::test_a_batch_that_the_full_queue_gave_up_is_counted_as_received_and_lost",
    ),
    _defect(
        "a UUID made at INIT is shared by every restore of a snapshot",
        "shipper.py",
        "            self._restored()\n",
        "",
        UNIT + "variants.py::test_the_environment_is_drawn_anew_at_the_first_invoke_after_a_restore_and_only_then",
    ),
    _defect(
        "INVOKE is registered on Managed Instances",
        "startup.py",
        'calls.register(("SHUTDOWN",) if started.managed else ("INVOKE", "SHUTDOWN"))',
        'calls.register(("INVOKE", "SHUTDOWN"))',
        EDGE + "startup.py::test_on_managed_instances_shutdown_alone_is_registered",
    ),
)
