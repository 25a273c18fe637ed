"""What others get wrong, as patches of our own code, each with the tests that are named for the rule it breaks.

One row for each known defect of another shipper that concerns the extension. What is not here is no code of the
extension: that a bucket is never created, and that the layer brings its own interpreter, are held by the layer's and
the production tests.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.mutants.patches import (
    after,
    before,
    both,
    calls,
    catches,
    drop,
    gives,
    instead,
    one_alternative_less,
    only_if,
    sets,
    value,
)

if TYPE_CHECKING:
    from tests.mutants.patches import Change

UNIT, EDGE = "tests/unit/extension/test_", "tests/edge/extension/test_"
SETTINGS = "tests/unit/extension/settings/test_"
CORE, RECORDS = "tests/unit/extension/core/test_", "tests/unit/extension/records/test_"
OUTBOX = "tests/unit/extension/core/outbox/test_"
SIMULATION = "tests/unit/extension/simulation/test_simulation.py::test_random_lifecycles_keep_every_invariant"
POLICY = "tests/unit/extension/core/adaptive/test_"
KILL, HOLE = "tests/e2e/test_kill.py", "tests/e2e/test_black_hole.py"


@dataclass(frozen=True)
class Defect:
    """One known defect: what is changed, and where (`module:Class.method`). All of `tests` must fail with it."""

    name: str
    address: str
    change: Change
    tests: tuple[str, ...]


def _defect(name: str, address: str, change: Change, *tests: str) -> Defect:
    return Defect(name, address, change, tests)


DEFECTS = (
    _defect(
        "thresholds are looked at only when the next invocation begins",
        "extension.core.shipper:Shipper._advance",
        only_if(calls("_ship"), "current or self._drain"),
        CORE + "variants.py::test_an_invocation_of_15_min_is_shipped_all_along_and_is_not_held",
        CORE + "shipper.py::test_on_managed_instances_age_alone_ships_though_no_invoke_ever_comes",
    ),
    _defect(
        "the buffer is cleared before the upload succeeded",
        "extension.core.outbox.outbox:Outbox.start",
        after(sets("delivery"), "self._waiting.remove(delivery)"),
        CORE + "shipper.py::test_an_upload_that_fails_stays_whole_and_is_tried_again_with_the_same_key_and_bytes",
    ),
    _defect(
        "the journal forgets a chunk when its upload begins",
        "extension.shell.executor:Executor.carry_out",
        before(calls("submit"), "self._forget(action.chunk.seal)"),
        KILL + "::test_killed_before_the_store_had_the_object_it_is_put_under_the_same_key",
    ),
    _defect(
        "200 is answered before the body is kept anywhere but in memory",
        "extension.intake:Intake.accept",
        value("serial", "None"),
        EDGE + "intake.py::test_when_keep_returns_the_body_is_in_the_journal_and_in_the_inbox",
        KILL + "::test_killed_between_receipt_and_shipping_the_next_process_ships_it",
    ),
    _defect(
        "a retry after a kill has a key of its own: what was stored is stored twice",
        "extension.shell.executor:Executor._seal",
        drop(calls("seal")),
        KILL + "::test_killed_between_a_put_and_its_answer_the_same_key_is_put_again_and_412_means_done",
    ),
    _defect(
        '"it exists" after a kill is taken for a collision',
        "extension.core.outbox.delivery:Delivery.recovered",
        value("delivery", "cls(chunk, maybe_stored=False)"),
        OUTBOX + "outcomes.py::test_exists_at_a_chunk_that_an_earlier_process_left_means_done",
        KILL + "::test_killed_between_a_put_and_its_answer_the_same_key_is_put_again_and_412_means_done",
    ),
    _defect(
        "an unreachable store holds every invocation",
        "extension.core.outbox.circuit",
        both(value("FAILURES", "10**9"), value("SECONDS_IN_VAIN", "1e9")),
        OUTBOX + "circuit.py::test_three_failures_in_a_row_of_any_kind_open_the_circuit",
        HOLE + "::test_nobody_is_held_after_the_circuit_has_opened",
    ),
    _defect(
        "at SHUTDOWN the upload runs first, what comes late is lost",
        "extension.core.drain",
        value("QUIET_SECONDS", "0.0"),
        CORE + "shipper.py::test_shutdown_drains_until_quiet_then_ships_the_last_object_and_exits",
    ),
    _defect(
        "output that nothing can parse: str(list)",
        "extension.records.reader:Reader._received",
        before(sets("received.lines"), "lines = [str(lines)]"),
        RECORDS + "reader.py::test_any_record_survives_the_round_trip",
    ),
    _defect(
        "the byte counter drifts by -2 for each batch",
        "extension.records.body:Body.append",
        after(sets("self.raw_bytes"), "self.raw_bytes -= 2"),
        CORE + "batcher.py::test_reached_is_crossed_in_bytes",
    ),
    _defect(
        "a missing or odd setting is fatal",
        "extension.settings:from_environ",
        catches("KeyError"),
        SETTINGS + "table.py::test_no_value_whatever_stops_the_function",
    ),
    _defect(
        "an unknown record type is not shipped",
        "extension.records.reader:Reader._shipped",
        one_alternative_less(),
        RECORDS + "reader.py::test_unknown_members_and_unknown_types_pass_through",
    ),
    _defect(
        "an odd `time` loses the whole batch",
        "extension.records.envelopes:_entry",
        value("time", "value['time'].strip()"),
        RECORDS + "reader.py::test_an_odd_time_is_shipped_as_it_is_and_kept_out_of_the_metadata",
    ),
    _defect(
        "a bad entry loses the whole batch",
        "extension.records.envelopes:_read_array",
        before(sets("stop"), "return [unparsed(text, now_text)], ''"),
        RECORDS + "splits.py::test_a_piece_whose_other_half_never_comes_is_kept_as_text_and_its_neighbours_stay",
    ),
    _defect(
        "a body that does not parse is not answered with 200, and the platform sends it for ever",
        "extension.listener:Listener._serve",
        before(calls("_accept_body"), "if body[:1] != b'[': return"),
        "tests/edge/extension/listener/test_requests.py::test_a_body_that_is_no_telemetry_is_kept_and_answered_200_all_the_same",
    ),
    _defect(
        "a body that does not parse raises",
        "extension.records.mending:_attempt",
        catches("StopIteration"),
        RECORDS + "reader.py::test_a_body_that_does_not_parse_becomes_a_line_with_its_text",
        RECORDS + "reader.py::test_nesting_without_end_is_one_unparsed_line",
    ),
    _defect(
        "platform.runtimeDone is waited for as long as the function may run",
        "extension.core.hold",
        value("DONE_TIMEOUT", "1e9"),
        CORE + "release.py::test_behind_a_slow_handler_the_end_is_waited_for_ten_seconds_and_no_longer",
    ),
    _defect(
        "an environment is let go whatever waits",
        "extension.core.adaptive",
        value("PER_INVOCATION", "1e9"),
        POLICY + "policy.py::test_where_every_gap_is_over_max_delay_every_invocation_is_held",
        POLICY + "lifecycle.py::test_rare_traffic_is_shipped_before_each_invocation_ends",
    ),
    _defect(
        "each bet is looked at alone: they never add up",
        "extension.core.adaptive:Adaptive.invoked",
        after(sets("self.waiting"), "self._rent = 0.0"),
        POLICY + "policy.py::test_each_decision_is_that_of_the_formula",
    ),
    _defect(
        "gaps of the order of what is left do not count as too long",
        "extension.core.adaptive:Gaps.chance",
        before(sets("lately"), "longer -= self._counts[_bucket(seconds)]"),
        POLICY + "policy.py::test_inside_a_bucket_all_gaps_count_as_longer",
        POLICY + "policy.py::test_nor_with_a_straggler_behind_the_pile",
    ),
    _defect(
        "the end of a handler that cannot be read is waited for as long as the function may run",
        "extension.core.invocations:Invocations.heard",
        before(sets("self._is_deaf"), "received.unparsed = 0"),
        POLICY + "lifecycle.py::test_a_hold_whose_end_may_be_in_what_cannot_be_read_ends",
    ),
    _defect(
        "what is left after a chunk may wait for another MAX_DELAY more",
        "extension.core.adaptive:Adaptive.closed",
        after(sets("self._since"), "self._since = now + self.patience"),
        POLICY + "policy.py::test_a_chunk_closed_while_the_invocation_runs_leaves_that_one_waiting_from_then_on",
    ),
    _defect(
        "a circuit that is open holds invocations in mode adaptive",
        "extension.core.shipper:Shipper._on_invoke",
        before(sets("reachable"), "self._circuit.is_open = False"),
        POLICY + "lifecycle.py::test_while_the_circuit_is_open_nobody_is_held",
    ),
    _defect(
        "where the end of handlers is never reported, each is waited for as long as it may run",
        "extension.core.invocations:Invocations.release",
        after(sets("self._is_impatient"), "self._is_impatient = False"),
        POLICY + "lifecycle.py::test_where_the_end_never_comes_later_waits_end_after_ten_seconds_until_it_comes_again",
    ),
    _defect(
        "it hangs when SHUTDOWN is the first event",
        "extension.core.shipper:Shipper._on_shutdown",
        only_if(sets("self._drain"), "self._invocations.request"),
        CORE + "shipper.py::test_shutdown_may_be_the_first_event_of_all",
        CORE + "shipper.py::test_shutdown_before_any_invoke_ships_what_the_platform_said",
    ),
    _defect(
        "an epoch deadline is used as a duration",
        "extension.core.hold:hold_limit",
        gives("now.mono + invoke.deadline"),
        CORE + "release.py::test_never_past_250_ms_before_the_deadline_while_the_end_is_waited_for",
    ),
    _defect(
        "a deadline is cut to whole seconds",
        "extension.core.drain:shutdown_limit",
        before(calls("min"), "deadline = int(deadline)"),
        CORE + "shipper.py::test_the_deadline_less_a_margin_bounds_everything_and_an_odd_one_is_clamped",
    ),
    _defect(
        "the request id is forgotten between two POSTs",
        "extension.records.reader:Reader.read",
        before(calls("split"), "self._current = None"),
        RECORDS + "reader.py::test_a_bare_line_belongs_to_the_last_start_also_across_posts",
    ),
    _defect(
        "a connection that died in a freeze costs a duplicate: the retry has a key of its own",
        "extension.core.outbox.outcomes:Outcomes.judge",
        before(sets("delivery.maybe_stored"), "delivery.chunk = self._rekey(delivery.chunk)"),
        CORE + "shipper.py::test_an_upload_that_fails_stays_whole_and_is_tried_again_with_the_same_key_and_bytes",
    ),
    _defect(
        "a connection that died in a freeze is waited for",
        "extension.core.shipper:Shipper.handle",
        drop(calls("abandon")),
        CORE + "shipper.py::test_a_thaw_at_shutdown_abandons_the_old_connection_and_ships_on_a_new_one",
    ),
    _defect(
        "pieces of a record over maxBytes are shipped as they come",
        "extension.records.mending:_joined",
        before(calls("match"), "return None"),
        RECORDS + "splits.py::test_every_cut_rejoins_within_one_body_and_across_two",
        RECORDS + "splits.py::test_many_pieces_over_many_bodies_rejoin",
    ),
    _defect(
        "drops that nobody sees: the platform's",
        "extension.core.counters:Counters.receive",
        value("self.dropped", "0"),
        CORE + "counters.py::test_what_the_platform_dropped_puts_retries_and_held_milliseconds_are_told",
    ),
    _defect(
        "drops that nobody sees: our own",
        "extension.core.counters:Counters.lose",
        value("self.lost", "0"),
        CORE + "counters.py::test_a_batch_that_the_full_queue_gave_up_is_counted_as_received_and_lost",
    ),
    _defect(
        "a UUID made at INIT is shared by every restore of a snapshot",
        "extension.core.shipper:Shipper._on_invoke",
        drop(calls("_restored")),
        CORE + "variants.py::test_the_environment_is_drawn_anew_at_the_first_invoke_after_a_restore_and_only_then",
    ),
    _defect(
        "INVOKE is registered on Managed Instances",
        "extension.startup:start",
        instead(calls("register"), "calls.register(('INVOKE', 'SHUTDOWN'))"),
        EDGE + "startup.py::test_on_managed_instances_shutdown_alone_is_registered",
    ),
    _defect(
        "a PUT without an answer at SHUTDOWN costs all that waits",
        "extension.core.shipper:Shipper._advance",
        drop(calls("abandon_late")),
        SIMULATION,
        CORE + "shipper.py::test_a_stalled_attempt_at_shutdown_is_repeated_under_the_same_key_while_there_is_time",
    ),
    _defect(
        "an attempt at SHUTDOWN is given up before a store that is well has answered",
        "extension.core.drain",
        value("ATTEMPT_SHARE", "0.02"),
        SIMULATION,
        CORE + "shipper.py::test_a_stalled_attempt_at_shutdown_is_repeated_under_the_same_key_while_there_is_time",
    ),
    _defect(
        "at SHUTDOWN one object's attempts are abandoned again and again",
        "extension.core.outbox.outbox:Outbox.abandon_late",
        drop(sets("self._current.delivery.was_hurried")),
        SIMULATION,
        CORE + "shipper.py::test_the_second_attempt_has_all_the_time_that_is_left",
    ),
    _defect(
        "a deadline of SHUTDOWN that cannot be is believed",
        "extension.shell.next_event",
        value("SOONEST", "(-1e12, 1e12)"),
        SIMULATION,
        UNIT.replace("test_", "shell/test_")
        + "next_event.py::test_a_shutdown_s_deadline_of_another_kind_is_two_seconds",
    ),
    _defect(
        "an INVOKE without a deadline is held as if it had hours",
        "extension.shell.next_event:read",
        before(sets("request_id"), "deadline = deadline or arrived + 3600.0"),
        SIMULATION,
    ),
    _defect(
        "a refused object holds back its neighbours",
        "extension.core.outbox.outbox:Outbox.pending",
        gives("len(self._waiting)"),
        SIMULATION,
        OUTBOX + "refusals.py::test_a_refused_object_lets_its_neighbours_go_at_once",
    ),
    _defect(
        "what is filtered is not counted",
        "extension.core.counters:Counters.remove",
        drop(sets("self.removed.filtered")),
        SIMULATION,
        CORE + "filters.py::test_filtered_records_are_received_and_neither_shipped_nor_lost",
    ),
    _defect(
        "what is read again after a crash is shipped unredacted",
        "extension.core.recovery:Rebuilding.__init__",
        value("self._reader", "Reader(settings.log_types, self._there)"),
        CORE + "filters.py::test_a_process_with_other_filters_makes_the_same_bytes_again",
    ),
    _defect(
        "redaction breaks the JSON that it finds something in",
        "extension.records.redaction:Redaction.text",
        before(sets("looks_like_json"), "return _replaced(text, spans)"),
        RECORDS + "redaction.py::test_escapes_hide_nothing",
        RECORDS + "redaction.py::test_json_stays_json_of_the_same_structure",
    ),
)
