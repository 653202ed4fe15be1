"""Every fault that a release depends on (delivery.md) and the tests that provoke it. A test that is renamed or deleted fails
here; what has no test yet says what it waits for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MATRIX, DATABASE, TIME = (
    "promise/test_crash_matrix.py",
    "promise/test_faults_database.py",
    "promise/test_faults_time.py",
)
OTHERS, PROVIDER = "promise/test_faults_others.py", "promise/test_faults_provider.py"
EVENTS, POSTS = "pipeline/test_events_back.py", "console/test_webhooks.py"

#: Fault → tests as `file::name`, below tests/.
FAULTS: dict[str, tuple[str, ...]] = {
    "kill -9 at each point between due and recorded": (
        f"{MATRIX}::test_kill",
        f"{MATRIX}::test_kill_of_the_process_that_posts",
        f"{MATRIX}::test_kill_while_another_process_posts",
        f"{MATRIX}::test_kill_of_who_records_what_another_process_posts",
        "pipeline/test_suspects.py::test_of_a_batch_that_kills_three_workers_only_the_mail_that_did_is_quarantined",
        "chaos/test_short_run.py::test_short_lives_keep_every_promise",
    ),
    "202 then hang": (f"{MATRIX}::test_kill",),
    "202 then reset": (f"{MATRIX}::test_kill",),
    "5xx accepted and not accepted": (f"{MATRIX}::test_kill",),
    "429 for an hour": (f"{PROVIDER}::test_429_for_an_hour_slows_the_transport_and_loses_nothing",),
    "key revoked": (f"{PROVIDER}::test_key_revoked_for_a_day_loses_nothing_and_alerts_once",),
    "frozen past the lease and resumed": (
        f"{MATRIX}::test_freeze",
        f"{TIME}::test_deadlines_count_the_time_a_machine_was_suspended",
    ),
    "two schedulers": ("pipeline/test_crash_and_resume.py::test_two_schedulers_on_one_database_do_everything_once",),
    "two installs on one database": (f"{OTHERS}::test_two_installs_on_one_database_do_everything_once",),
    "three days down with 5,000 steps due": (f"{TIME}::test_three_days_down_with_five_thousand_steps_due",),
    "duplicate, shuffled events": (
        "pipeline/test_outbox_states.py::test_events_in_any_order_and_any_number_end_the_same",
    ),
    "forged events": (f"{POSTS}::test_forged_events_are_answered_401_and_not_kept",),
    "replayed events": (f"{EVENTS}::test_a_replayed_bounce_does_not_undo_a_persons_decision",),
    "malformed event among 500": (f"{EVENTS}::test_one_bad_event_among_five_hundred_costs_none_of_the_others",),
    "Slack retries": ("slack/test_clicks.py::test_the_same_click_told_three_times_has_one_effect",),
    "two people acknowledge at once": (
        "slack/test_clicks.py::test_two_people_at_once_have_exactly_one_owner_and_the_other_is_told",
    ),
    "acknowledgement races escalation": (f"{OTHERS}::test_acknowledgement_races_escalation_and_one_of_them_wins",),
    "disk full": (f"{DATABASE}::test_disk_full", f"{MATRIX}::test_break"),
    "database locked": (
        f"{DATABASE}::test_database_locked",
        f"{DATABASE}::test_database_locked_while_answers_are_recorded",
    ),
    "clock ±1 day": (
        f"{TIME}::test_clock_plus_and_minus_a_day",
        f"{TIME}::test_clock_set_back_does_not_bind_the_mails_of_a_lost_worker",
    ),
    "DST gap and fold": (f"{TIME}::test_dst_gap_and_fold_move_no_mail_and_double_none",),
    "29 February": (f"{TIME}::test_29_february_comes_to_everybody_every_year",),
    "one bad customer among 10,000": (f"{OTHERS}::test_one_bad_customer_among_ten_thousand_stops_nobody_else",),
    "one bad template": (
        "pipeline/test_bad_input.py::test_a_template_whose_values_break_in_the_database_stops_only_its_own_mails",
    ),
    "playbook edited mid-journey": (
        "pipeline/test_versions.py::test_s34_people_inside_follow_where_their_step_still_exists",
    ),
    "playbook deleted mid-journey": (
        "pipeline/test_versions.py::test_s36_a_deleted_playbook_is_retired_nobody_enters_and_those_inside_finish",
    ),
    "customer unsubscribed between claim and send": (
        "pipeline/test_stopped_mails.py::test_who_unsubscribes_between_claim_and_intent_is_not_mailed",
    ),
    "customer erased between claim and send": (
        "pipeline/test_erasing.py::test_who_is_erased_between_claim_and_intent_is_not_mailed",
    ),
    "hostile templates": (
        "authoring/test_template_guard.py::test_a_hostile_body_is_refused_or_harmless_within_a_second",
    ),
    "hostile YAML": (
        "authoring/test_yaml_source.py::test_every_hostile_file_ends_in_one_clear_error_in_under_a_second",
    ),
    "hostile CSV": ("intake/test_bad_files.py::test_cells_that_look_like_formulas_come_in_as_they_are",),
    "CR/LF in names and subjects": ("pipeline/test_bad_input.py::test_line_breaks_in_names_never_reach_the_subject",),
    "restored backup": (
        "pipeline/test_restore_guard.py::test_a_restored_backup_sends_nothing_twice_until_a_person_says_so",
        "pipeline/test_restore_guard.py::test_what_is_said_of_mails_that_the_backup_lacks_reaches_no_other_mail",
        "pipeline/test_restore_guard.py::test_a_mail_that_waited_in_the_backup_is_settled_by_what_is_said_of_it",
    ),
    "path traversal": (
        f"{OTHERS}::test_path_traversal_by_a_template_name_is_refused",
        "channels/test_folder.py::test_no_reference_leaves_the_folder",
    ),
}

#: What there is nothing to provoke in yet.
NOT_YET = {
    "formula injection in exports": "there is no export that a spreadsheet opens",
    "CSRF, IDOR, login brute force": "the console is not built",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_has_its_test(fault: str) -> None:
    for place in FAULTS[fault]:
        file, _, name = place.partition("::")
        source = (ROOT / file).read_text(encoding="utf-8")
        assert re.search(rf"^def {re.escape(name)}\(", source, re.MULTILINE), f"{place} is gone"


def test_the_page_tells_what_is_not_tested_yet() -> None:
    page = (ROOT.parent / "docs" / "promise.md").read_text(encoding="utf-8")
    assert [fault for fault in (*FAULTS, *NOT_YET) if fault not in page] == []
