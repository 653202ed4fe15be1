"""The demo's days: seeded, complete, in the columns of the import, and consistent with what each customer is."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from bot.authoring.workspace import load_workspace, read_files
from bot.demo.company import build_company
from bot.demo.facts import COLUMNS, DayFacts, Row, row_of, write_csvs
from bot.demo.life import Life
from bot.demo.personas import Persona
from bot.demo.run import AFTERNOON

START = date(2027, 4, 1)
DAYS = 120


@pytest.fixture(scope="module")
def life() -> Life:
    return Life(build_company(2027, 200, START), 2027, days=DAYS)


@pytest.fixture(scope="module")
def days(life: Life) -> list[DayFacts]:
    return [life.day(START + timedelta(days=offset)) for offset in range(DAYS)]


def rows(days: list[DayFacts], kind: str) -> Iterator[Row]:
    for facts in days:
        yield from facts.rows.get(kind, ())


def test_the_same_seed_writes_the_same_bytes(life: Life, tmp_path: Path) -> None:
    again = Life(build_company(2027, 200, START), 2027, days=DAYS)
    for name, one in (("first", life), ("second", again)):
        write_csvs(tmp_path / name / "history", one.history())
        write_csvs(tmp_path / name / "day", one.day(date(2027, 5, 11)))
    first = {path.relative_to(tmp_path / "first"): path.read_bytes() for path in (tmp_path / "first").rglob("*.csv")}
    second = {path.relative_to(tmp_path / "second"): path.read_bytes() for path in (tmp_path / "second").rglob("*.csv")}
    assert first == second
    assert len(first) > 12


def test_a_day_does_not_depend_on_the_days_asked_before(life: Life) -> None:
    fresh = Life(build_company(2027, 200, START), 2027, days=DAYS)
    assert fresh.day(date(2027, 6, 30)) == life.day(date(2027, 6, 30))


def test_every_row_has_exactly_the_columns_of_its_kind(life: Life, days: list[DayFacts]) -> None:
    for facts in (life.history(), *days):
        for kind, found in facts.rows.items():
            assert all(tuple(row) == COLUMNS[kind] for row in found)


def test_a_column_that_does_not_exist_is_refused() -> None:
    with pytest.raises(KeyError, match="tickets"):
        row_of("tickets", colour="red")


def test_history_holds_every_kind_and_every_customer(life: Life) -> None:
    history = life.history()
    assert set(history.rows) == set(COLUMNS)
    assert [row["customer"] for row in history.rows["customers"]] == [c.key for c in life.company.customers]


def test_nothing_arrives_before_it_happened(life: Life, days: list[DayFacts]) -> None:
    """Also not from America: the files of a morning are complete at 09:05 in Tokyo."""
    for facts in days:
        morning = datetime.fromisoformat(f"{facts.day}T09:05:00+09:00")
        moments = [row["at"] for kind in ("events", "surveys", "notes") for row in facts.rows.get(kind, ())]
        moments += [row["opened_at"] for row in facts.rows.get("tickets", ())]
        moments += [row["closed_at"] for row in facts.rows.get("tickets", ()) if row["closed_at"]]
        assert all(datetime.fromisoformat(at) <= morning for at in moments)
        assert all(date.fromisoformat(row["day"]) < facts.day for row in facts.rows.get("usage", ()))


def test_fresh_answers_arrive_within_a_day(days: list[DayFacts]) -> None:
    """S4: an answer or an event that is read more than 24 h late would start nothing."""
    for facts in days:
        read_at = datetime.fromisoformat(f"{facts.day}T{AFTERNOON}+09:00")
        for row in (*facts.rows.get("surveys", ()), *facts.rows.get("events", ())):
            assert read_at - datetime.fromisoformat(row["at"]) < timedelta(hours=24)


def test_about_one_customer_signs_up_every_three_days(life: Life) -> None:
    newcomers = len(life.customers) - len(life.company.customers)
    assert 30 <= newcomers <= 50


def test_every_newcomer_arrives_once_with_contacts_and_in_onboarding(life: Life, days: list[DayFacts]) -> None:
    first_heard: dict[str, Row] = {}
    for row in rows(days, "customers"):
        first_heard.setdefault(row["customer"], row)
    known = {customer.key for customer in life.company.customers}
    newcomers = {key: row for key, row in first_heard.items() if key not in known}
    with_contacts = {row["customer"] for row in rows(days, "contacts")}
    assert set(newcomers) == with_contacts
    assert {row["stage"] for row in newcomers.values()} == {"onboarding"}


def test_a_ticket_is_closed_after_it_was_opened(life: Life, days: list[DayFacts]) -> None:
    opened = {
        row["ticket"]: row
        for row in (*life.history().rows["tickets"], *rows(days, "tickets"))
        if row["status"] == "open"
    }
    closed = [row for row in rows(days, "tickets") if row["status"] == "closed"]
    assert closed
    for row in closed:
        assert opened[row["ticket"]]["opened_at"] == row["opened_at"] < row["closed_at"]


def test_answers_range_from_angry_to_happy_in_both_languages(days: list[DayFacts]) -> None:
    answers = list(rows(days, "surveys"))
    scores = {int(row["score"]) for row in answers}
    assert min(scores) <= 3
    assert {7, 8} & scores
    assert max(scores) == 10
    assert {row["comment"].isascii() for row in answers} == {True, False}


def test_renewals_move_the_date_a_year_and_some_customers_leave(life: Life, days: list[DayFacts]) -> None:
    before = {row["customer"]: row for row in life.history().rows["customers"]}
    renewed, left = set(), set()
    for row in rows(days, "customers"):
        was = before.get(row["customer"])
        if was and row["renewal_date"] != was["renewal_date"]:
            moved = date.fromisoformat(row["renewal_date"]) - date.fromisoformat(was["renewal_date"])
            assert moved.days in (365, 366)
            renewed.add(row["customer"])
        if row["stage"] == "churned":
            left.add(row["customer"])
    assert len(renewed) > 20
    assert 3 <= len(left) <= 20
    assert not renewed & left


def test_nobody_uses_the_product_after_leaving(life: Life, days: list[DayFacts]) -> None:
    left = {
        row["customer"]: facts.day
        for facts in days
        for row in facts.rows.get("customers", ())
        if row["stage"] == "churned"
    }
    late = [
        row
        for row in rows(days, "usage")
        if row["customer"] in left and date.fromisoformat(row["day"]) >= left[row["customer"]]
    ]
    assert left
    assert not late


def test_who_goes_quiet_was_active_before(life: Life, days: list[DayFacts]) -> None:
    quiet = {c.key for c in life.company.customers if c.persona is Persona.GOING_QUIET and c.stage == "adoption"}
    used: dict[str, set[str]] = defaultdict(set)
    for row in (*life.history().rows["usage"], *rows(days, "usage")):
        if row["event"] == "login":
            used[row["customer"]].add(row["day"])
    silent_at_last = [key for key in quiet if max(used[key]) < "2027-07-15"]
    assert all(len(used[key]) >= 15 for key in quiet)
    assert silent_at_last
    assert len(silent_at_last) < len(quiet)


def test_people_view_what_the_catalogue_has_and_the_careful_learn_more(life: Life, days: list[DayFacts]) -> None:
    files, _ = read_files(Path(__file__).parents[2])
    catalogue = load_workspace(files).company.catalogue
    views = [row for row in rows(days, "events") if row["event"] == "content_viewed"]
    assert len(views) > 200
    assert {row["content"] for row in views} <= set(catalogue.items)
    assert {lesson.item for lesson in catalogue.curricula["basics"]} <= {row["content"] for row in views}
    personas = {customer.key: customer.persona for customer in life.customers}
    read = Counter(personas[row["customer"]] for row in views)
    many = Counter(personas.values())
    assert read[Persona.HEALTHY] / many[Persona.HEALTHY] > 2 * read[Persona.AT_RISK] / many[Persona.AT_RISK]


def test_one_csm_hands_customers_over_once(life: Life, days: list[DayFacts]) -> None:
    before = {row["customer"]: row["csm"] for row in life.history().rows["customers"]}
    changed: dict[str, date] = {}
    for facts in days:
        for row in facts.rows.get("customers", ()):
            if row["customer"] in before and row["csm"] != before[row["customer"]]:
                changed.setdefault(row["customer"], facts.day)
    assert len(changed) == 9
    assert set(changed.values()) == {START + timedelta(days=40)}


def test_some_fill_their_licences_and_a_few_stop_paying(days: list[DayFacts]) -> None:
    latest = {row["customer"]: row for row in rows(days, "customers")}
    full = [row for row in latest.values() if int(row["licenses_active"]) >= 0.9 * int(row["licenses_purchased"])]
    free = [row for row in latest.values() if row["tier"] == "free"]
    assert len(full) >= 5
    assert 1 <= len(free) <= 5
    assert all(row["arr"] == "0" and row["was_paid"] == "true" for row in free)


def test_some_own_more_than_the_core_until_they_leave(life: Life, days: list[DayFacts]) -> None:
    latest = {row["subscription"]: row for row in (*life.history().rows["subscriptions"], *rows(days, "subscriptions"))}
    add_ons = [row for row in latest.values() if row["product"] != "core"]
    assert {row["product"] for row in add_ons} == {"analytics", "headquarters", "till"}
    owners = {row["customer"] for row in add_ons}
    assert 20 < len(owners) < len(life.company.customers) / 2
    left = {row["customer"] for row in latest.values() if row["reason"]}
    assert left & owners
    assert {row["customer"] for row in add_ons if row["ended_on"]} == left & owners


def test_the_best_come_to_the_user_group_and_the_biggest_of_them_advise_us(life: Life, days: list[DayFacts]) -> None:
    personas = {customer.key: customer.persona for customer in life.customers}
    came = {row["customer"] for row in rows(days, "events") if row["event"] == "user_group_attended"}
    assert len(came) > 10
    assert {personas[key] for key in came} <= {Persona.CHAMPION, Persona.HEALTHY, Persona.ORDINARY}
    advisers = [customer for customer in life.customers if "advisory_board" in customer.tags.split(";")]
    assert 2 <= len(advisers) <= 10
    assert {(adviser.touch, adviser.persona) for adviser in advisers} == {("high", Persona.CHAMPION)}


def test_the_opted_out_customer_gives_every_reason_to_write(life: Life) -> None:
    opted_out = life.company.opted_out
    assert opted_out.persona is Persona.GOING_QUIET
    assert START < opted_out.renewal_date - timedelta(days=90) < START + timedelta(days=DAYS)


def test_written_files_read_back_as_they_were(life: Life, tmp_path: Path) -> None:
    facts = life.day(date(2027, 5, 11))
    paths = write_csvs(tmp_path, facts)
    assert [path.stem for path in paths] == [kind for kind in COLUMNS if facts.rows.get(kind)]
    for path in paths:
        with path.open(encoding="utf-8", newline="") as file:
            assert list(csv.DictReader(file)) == [dict(row) for row in facts.rows[path.stem]]
