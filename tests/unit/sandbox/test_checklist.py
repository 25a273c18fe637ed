"""The conformance checklist of the protocol reference, section 11: every clause, and the test that holds it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[2]

#: Line -> clause -> the test that fails when the clause does not hold.
CHECKLIST = {
    1: {
        "base names": "test_extensions_in_shell_and_node_that_were_not_written_for_us_run_unmodified",
        "at most ten": "test_01_the_eleventh_file_fails_the_init",
        "LaunchError/PermissionDenied": "test_01_a_file_that_cannot_be_executed_is_a_launch_error",
        "a missing interpreter": "test_01_a_missing_interpreter_is_a_launch_error",
    },
    2: {"the ten variables, and the initialization type": "test_02_the_ten_variables_are_not_for_extensions"},
    3: {
        "before the runtime starts": "test_03_the_runtime_starts_when_every_extension_has_registered",
        "closes at the first next": "test_03_internal_registration_closes_at_the_runtimes_first_next",
        "subscription closes with Init": "test_03_subscription_closes_at_the_end_of_init_for_a_real_extension",
    },
    4: {
        "bodies of registration": "test_04_a_registration_that_is_refused",
        "a name missing or twice": "test_04_a_registration_without_a_name_or_twice_is_refused",
        "errors end the conversation": "test_04_errors_need_their_header_and_end_the_conversation",
        "states": "test_an_entry_is_followed_and_a_missing_entry_is_refused_without_a_trace",
        "order of identifier checks": "test_04_identifiers_are_checked_first_and_in_order",
    },
    5: {
        "blocks, fresh Event-Identifier": "test_05_next_blocks_and_each_invoke_has_a_fresh_event_identifier",
        "INVOKE to subscribers": "test_05_invoke_goes_only_to_those_who_registered_for_it",
        "members": "test_05_extensions_get_invoke_and_shutdown_with_the_documented_members",
        "either casing": "test_05_the_reason_can_be_upper_case",
    },
    6: {
        "ranges, host, types": "test_refused_with_400_and_the_name_of_the_field",
        "versions": "test_06_schema_versions_that_do_not_exist_are_refused",
        "versions in the path": "test_06_another_version_in_the_path_is_404",
        "200": "test_06_a_subscription_is_accepted_and_the_same_again_too",
        "TCP": "test_06_a_tcp_destination_that_refuses_is_said_at_once",
        "202 mode": "test_06_an_api_that_does_not_exist_answers_202_and_the_function_lives",
        "closed mode": "test_06_subscriptions_close_with_init",
        "second API": "test_06_one_extension_uses_one_api",
    },
    7: {
        "items": "test_the_item_limit_sends_before_the_timeout",
        "bytes": "test_bytes_reached_are_enough",
        "timeout since the first event": "test_the_timer_starts_with_the_first_event",
        "pause while frozen": "test_07_nothing_is_delivered_while_frozen",
        "redelivery": "test_07_what_is_not_answered_with_2xx_comes_again_with_the_same_bytes_and_order",
        "drop mode": "test_07_drop_mode_gives_up_and_says_so",
        "split mode": "test_07_split_mode_cuts_a_large_record_over_two_bodies_and_counts_it_once",
        "duplicate mode": "test_07_duplicate_mode_delivers_the_same_batch_twice",
        "out-of-order mode": "test_07_out_of_order_mode_changes_the_order_and_keeps_the_events_and_replays",
    },
    8: {
        "events": "test_every_event_of_the_telemetry_api_looks_like_a_sample",
        "events of the Logs API": "test_every_event_of_the_logs_api_looks_like_a_sample",
        "today": "test_08_without_switches_events_have_todays_shape",
        "schemaVersion": "test_08_the_schema_version_decides_whether_a_line_is_an_object",
        "LogFormat": "test_08_the_log_format_is_a_switch_of_the_command_line",
        "functionArn, spans, billing": "test_08_old_shapes_are_switches_of_the_command_line",
        "tracing": "test_08_active_tracing_shows_in_events_and_in_the_log",
    },
    9: {"held back, delivered later": "test_09_the_report_is_held_back_until_every_extension_asked_for_next"},
    10: {
        "timeout, /tmp, suppressed init": "test_10_a_timeout_resets_and_the_next_invocation_runs_a_suppressed_init",
        "runtime exit": "test_10_a_runtime_that_exits_fails_the_invocation_and_resets",
        "extension exit": "test_10_an_extension_that_exits_fails_the_invocation",
        "re-subscription": "test_10_a_reset_keeps_subscriptions_or_forgets_them",
    },
    11: {
        "0 ms": "test_11_without_extensions_there_is_no_budget",
        "500 ms": "test_11_internal_extensions_alone_have_half_a_second_of_which_the_runtime_has_its_share",
        "2000 ms": "test_11_an_extension_that_ignores_shutdown_is_killed_after_two_seconds",
        "whole groups": "test_11_children_of_the_function_die_with_its_group",
        "without SHUTDOWN": "test_11_an_extension_without_shutdown_is_killed_at_once",
    },
    12: {
        "INVOKE refused": "test_12_managed_instances_refuse_to_register_for_invoke",
        "overlap, no runtimeDone": "test_12_managed_instances_run_requests_at_once_without_runtime_done",
        "SnapStart": "test_12_snapstart_stops_after_init_and_restores_before_the_first_invocation",
    },
}
CLAUSES = [(line, clause, test) for line, clauses in CHECKLIST.items() for clause, test in clauses.items()]


@pytest.mark.parametrize(("line", "clause", "test"), CLAUSES)
def test_a_clause_of_the_checklist_has_its_test(line: int, clause: str, test: str) -> None:
    files = [*(TESTS / "edge/sandbox").rglob("test_*.py"), *(TESTS / "unit/sandbox").rglob("test_*.py")]
    found = [file for file in files if re.search(rf"^def {test}\(", file.read_text(), re.MULTILINE)]
    assert len(found) == 1, f"line {line}, {clause}"


def test_every_line_is_there() -> None:
    assert sorted(CHECKLIST) == list(range(1, 13))
