"""Customers by file: what is applied, what is left alone (S17), what is told."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import update

from bot.intake.events import EVENT
from bot.intake.writers.customers import CUSTOMER, STAGE_CHANGE
from storage.accounts import bucket_of
from storage.database import Database
from storage.marks import CHANGE
from tests.intake.house import CUSTOMERS, NOW, bring, bring_files, names, stored

HEADER = "customer,name,stage,tier,csm,arr,renewal_date,tags,owner.ae,limits.tickets_30_days,zip,Seats Wanted,vip\n"


def customer(database: Database, key: str) -> Any:
    return SimpleNamespace(**stored(database, CUSTOMER, key=key)[0])


def set_customer(database: Database, key: str, **values: Any) -> None:
    """What a playbook's `set` does."""
    with database.write() as connection:
        connection.execute(update(CUSTOMER).where(CUSTOMER.c.key == key).values(**values))


def test_every_column_lands_where_conditions_look_for_it(database: Database, tmp_path: Path) -> None:
    bring_files(
        database,
        tmp_path,
        customers=HEADER + "c-1,Hanabi,adoption,pro,sato,1200000.5,2027-06-30,vip; beta;vip,ito,40,0120,12,TRUE\n",
    )
    found = customer(database, "c-1")
    assert (found.stage, found.tier, found.csm, found.arr) == ("adoption", "pro", "sato", 1200000.5)
    assert str(found.renewal_date) == "2027-06-30"
    assert found.tags == ["vip", "beta"]
    assert found.owners == {"ae": "ito"}
    assert found.limits == {"tickets_30_days": 40}
    assert found.attributes == {"zip": "0120", "Seats_Wanted": 12, "vip": True}
    assert found.bucket == bucket_of("c-1") == 1254433249
    assert found.stage_since == NOW


def test_the_same_file_again_changes_nothing(database: Database, tmp_path: Path) -> None:
    bring_files(database, tmp_path, customers=CUSTOMERS)
    before = stored(database, CUSTOMER), names(database)
    again = bring(database, tmp_path, now=NOW + timedelta(days=1))
    assert (again.files[0].changed, again.files[0].unchanged) == (0, 2)
    assert (stored(database, CUSTOMER), names(database)) == before


def test_s17_a_nightly_file_with_the_old_stage_does_not_undo_what_a_playbook_set(
    database: Database, tmp_path: Path
) -> None:
    bring_files(database, tmp_path, customers=CUSTOMERS)
    set_customer(database, "c-1", stage="adoption")
    bring(database, tmp_path)
    assert customer(database, "c-1").stage == "adoption"
    bring_files(database, tmp_path, customers=CUSTOMERS.replace("onboarding", "expansion"))
    assert customer(database, "c-1").stage == "expansion"


def test_s17_an_empty_cell_clears_only_what_its_source_gave(database: Database, tmp_path: Path) -> None:
    bring_files(database, tmp_path, customers="customer,tier,arr\nc-1,pro,\n")
    set_customer(database, "c-1", arr=500.0)
    bring_files(database, tmp_path, customers="customer,tier,arr\nc-1,,\n")
    assert (customer(database, "c-1").tier, customer(database, "c-1").arr) == (None, 500.0)


def test_s17_columns_that_the_file_does_not_have_stay_and_sources_do_not_undo_each_other(
    database: Database, tmp_path: Path
) -> None:
    bring_files(database, tmp_path, customers="customer,tier,zip\nc-1,pro,0120\n")
    bring_files(database, tmp_path, customers="customer,tier\nc-1,team\n", more={"source": "billing"})
    bring_files(database, tmp_path, customers="customer,tier\nc-1,pro\n")
    found = customer(database, "c-1")
    assert (found.tier, found.attributes) == ("team", {"zip": "0120"})


def test_s4_importing_the_existing_base_does_not_make_old_customers_news(database: Database, tmp_path: Path) -> None:
    bring_files(database, tmp_path, customers=CUSTOMERS)
    assert names(database) == {"customer.created": 2, "stage.changed": 2}
    new, old = (stored(database, EVENT, customer_id=customer(database, key).id) for key in ("c-1", "c-2"))
    assert {event["at"] for event in new} == {NOW}
    assert {event["at"].isoformat() for event in old} == {"2025-06-01T04:00:00+00:00"}


def test_a_changed_stage_csm_and_tier_are_told_once(database: Database, tmp_path: Path) -> None:
    head = "customer,stage,csm,tier\n"
    bring_files(database, tmp_path, customers=head + "c-1,onboarding,sato,basic\n")
    later = NOW + timedelta(days=1)
    bring_files(database, tmp_path, now=later, customers=head + "c-1,adoption,ito,pro\n")
    bring(database, tmp_path, now=later)
    assert names(database) == {
        "customer.created": 1,
        "stage.changed": 2,
        "customer.csm_changed": 1,
        "customer.tier_changed": 1,
    }
    told = [event["properties"] for event in stored(database, EVENT, name="stage.changed")]
    assert told == [{"old": None, "new": "onboarding"}, {"old": "onboarding", "new": "adoption"}]
    moves = [(move["old"], move["new"], move["at"]) for move in stored(database, STAGE_CHANGE)]
    assert moves == [(None, "onboarding", NOW), ("onboarding", "adoption", later)]
    assert customer(database, "c-1").stage_since == later


def test_stage_since_is_taken_from_the_file_where_it_says_so(database: Database, tmp_path: Path) -> None:
    bring_files(database, tmp_path, customers="customer,stage,stage_since\nc-1,adoption,2027-01-05T09:00:00+09:00\n")
    assert customer(database, "c-1").stage_since.isoformat() == "2027-01-05T00:00:00+00:00"


def test_one_mark_waits_per_customer_and_table_however_often_it_changes(database: Database, tmp_path: Path) -> None:
    bring_files(database, tmp_path, customers=CUSTOMERS)
    bring_files(database, tmp_path, customers=CUSTOMERS.replace("Hanabi Cloud", "Hanabi"))
    about = {(mark["customer_id"], mark["about"]) for mark in stored(database, CHANGE)}
    assert len(stored(database, CHANGE)) == len(about)
    assert {name for _, name in about} >= {"customer", "stage_change"}
    with database.write() as connection:
        connection.execute(update(CHANGE).values(taken_by="a tick"))
    bring_files(database, tmp_path, customers=CUSTOMERS.replace("Hanabi Cloud", "Hanabi KK"))
    assert {mark["about"] for mark in stored(database, CHANGE, taken_by=None)} == {"customer", "stage_change"}


@pytest.mark.parametrize(
    ("cell", "column", "says"),
    [
        ("arr=1,000", "arr", "is no number"),
        ("arr=¥100", "arr", "is no number"),
        ("arr=nan", "arr", "is no number"),
        ("licenses_purchased=-3", "licenses_purchased", "is no count"),
        ("licenses_purchased=99999999999", "licenses_purchased", "is no count"),
        ("timezone=Asia/Tokio", "timezone", "is no time zone"),
        ("renewal_date=2027-02-30", "renewal_date", "is no day of the calendar"),
        ("renewal_date=45321", "renewal_date", "is no date"),
        ("locale=日本", "locale", "is no locale"),
        ("limits.tickets=many", "limits.tickets", "is no number"),
        ("open_days=someday", "open_days", "someday"),
    ],
)
def test_a_bad_cell_rejects_its_row_and_the_next_row_is_imported(
    database: Database, tmp_path: Path, cell: str, column: str, says: str
) -> None:
    name, _, value = cell.partition("=")
    report = bring_files(database, tmp_path, customers=f'customer,{name}\nc-1,"{value}"\nc-2,\n')["customers"]
    assert (report.rejected, report.changed) == (1, 1)
    problem = report.problems[0]
    assert (problem.row, problem.column) == (2, column)
    assert says in problem.message
    assert [row["key"] for row in stored(database, CUSTOMER)] == ["c-2"]


def test_a_zone_that_is_nearly_right_gets_the_right_one_as_hint(database: Database, tmp_path: Path) -> None:
    report = bring_files(database, tmp_path, customers="customer,timezone\nc-1,Asia/Tokio\n")["customers"]
    assert report.problems[0].hint == "did you mean Asia/Tokyo?"


def test_a_start_in_1965_and_a_renewal_in_9999_are_legal(database: Database, tmp_path: Path) -> None:
    bring_files(
        database,
        tmp_path,
        customers="customer,started_on,renewal_date,timezone\nc-1,1965-04-01,9999-12-31,Asia/Tokyo\n",
    )
    assert str(customer(database, "c-1").started_on) == "1965-04-01"
    assert str(customer(database, "c-1").renewal_date) == "9999-12-31"


def test_a_customer_given_twice_with_other_values_keeps_the_first(database: Database, tmp_path: Path) -> None:
    report = bring_files(database, tmp_path, customers="customer,tier\nc-1,pro\nc-2,pro\nc-1,team\nc-1,pro\n")[
        "customers"
    ]
    assert (report.changed, report.unchanged, report.rejected) == (2, 1, 1)
    assert "was given in line 2 already" in report.problems[0].message
    assert customer(database, "c-1").tier == "pro"


def test_a_csm_nobody_knows_is_warned_of(database: Database, tmp_path: Path) -> None:
    report = bring_files(
        database, tmp_path, csms="csm,name\nsato,Sato\n", customers="customer,csm\nc-1,sato\nc-2,saito\n"
    )
    assert report["customers"].warnings == ("csm `saito` is nobody we know; import csms.csv",)
    assert report["csms"].changed == 1
