"""Contacts, CSMs and suppressions by file: keys, roles, consent, addresses that cannot be mailed."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from bot.intake.writers.contacts import CONTACT, ROLE
from bot.intake.writers.csms import CSM
from bot.intake.writers.suppressions import SUPPRESSION
from storage.database import Database
from tests.intake.house import CONTACTS, CUSTOMERS, NOW, bring, bring_files, stored


def contact(database: Database, key: str) -> dict[str, Any]:
    return stored(database, CONTACT, key=key)[0]


def roles(database: Database, key: str) -> dict[str, bool]:
    return {row["role"]: row["is_primary"] for row in stored(database, ROLE, contact_id=contact(database, key)["id"])}


def test_contacts_get_their_roles_and_the_primary_is_marked(database: Database, tmp_path: Path) -> None:
    bring_files(database, tmp_path, customers=CUSTOMERS, contacts=CONTACTS)
    assert roles(database, "tanaka") == {"decision_maker": True, "champion": False}
    assert roles(database, "mori") == {"admin": False}


def test_s17_roles_of_the_file_replace_its_earlier_ones_and_only_then(database: Database, tmp_path: Path) -> None:
    bring_files(database, tmp_path, customers=CUSTOMERS, contacts=CONTACTS)
    with database.write() as connection:
        connection.execute(update(ROLE).where(ROLE.c.role == "admin").values(role="user"))
    again = bring(database, tmp_path)
    assert again.changed == 0
    assert roles(database, "mori") == {"user": False}
    bring_files(database, tmp_path, contacts=CONTACTS.replace(",admin", ",champion*"))
    assert roles(database, "mori") == {"champion": True}


def test_consent_names_the_categories_and_empty_is_the_workspaces_default(database: Database, tmp_path: Path) -> None:
    people = "customer,contact,consent\nc-1,a,newsletter; product\nc-1,b,none\nc-1,c,\n"
    bring_files(database, tmp_path, customers=CUSTOMERS, contacts=people)
    assert [contact(database, key)["consent"] for key in "abc"] == [["newsletter", "product"], [], None]


@pytest.mark.parametrize(
    "address",
    [
        "not an address",
        "a@b",
        "x@example.com,y@example.com",
        "a@example.com\r\nBcc: b@example.com",
        "Tanaka <t@example.com>",
    ],
)
def test_a_contact_with_an_address_that_cannot_be_mailed_is_kept_without_it(
    database: Database, tmp_path: Path, address: str
) -> None:
    people = f'customer,contact,email,name\nc-1,tanaka,"{address}",Tanaka\n'
    report = bring_files(database, tmp_path, customers=CUSTOMERS, contacts=people)["contacts"]
    assert (report.changed, report.rejected, report.flawed) == (1, 0, 1)
    assert report.problems[0].column == "email"
    assert "\n" not in report.problems[0].message
    assert (contact(database, "tanaka")["email"], contact(database, "tanaka")["name"]) == (None, "Tanaka")
    assert bring(database, tmp_path).exit_code == 1


def test_a_contact_without_a_key_has_its_address_as_key_and_without_both_is_a_problem(
    database: Database, tmp_path: Path
) -> None:
    people = "customer,contact,email\nc-1,,tanaka@hanabi.example\nc-1,,\n"
    report = bring_files(database, tmp_path, customers=CUSTOMERS, contacts=people)["contacts"]
    assert (report.changed, report.rejected) == (1, 1)
    assert "neither a key nor a usable e-mail address" in report.problems[0].message
    assert contact(database, "tanaka@hanabi.example")["email"] == "tanaka@hanabi.example"


def test_the_same_key_at_two_customers_is_two_people(database: Database, tmp_path: Path) -> None:
    people = "customer,contact,name\nc-1,admin,Tanaka\nc-2,admin,Mori\n"
    bring_files(database, tmp_path, customers=CUSTOMERS, contacts=people)
    assert [row["name"] for row in stored(database, CONTACT)] == ["Tanaka", "Mori"]


def test_phone_numbers_stay_text_and_unknown_columns_are_attributes(database: Database, tmp_path: Path) -> None:
    people = "customer,contact,phone,contact.attributes.fax,floor,version\nc-1,tanaka,0312345678,+81312345678,7,1.10\n"
    bring_files(database, tmp_path, customers=CUSTOMERS, contacts=people)
    assert contact(database, "tanaka")["phone"] == "0312345678"
    assert contact(database, "tanaka")["attributes"] == {"fax": "+81312345678", "floor": 7, "version": "1.10"}


def test_contacts_of_unknown_customers_are_named_problems(database: Database, tmp_path: Path) -> None:
    people = "customer,contact\nc-9,x\nc-1,tanaka\n"
    report = bring_files(database, tmp_path, customers=CUSTOMERS, contacts=people)["contacts"]
    assert report.problems[0].message == "unknown customer `c-9`"
    assert report.problem_counts == {"customer: unknown customer": 1}
    assert report.changed == 1


def test_csms_follow_their_file_and_odd_working_hours_are_refused(database: Database, tmp_path: Path) -> None:
    people = (
        "csm,name,email,manager,working_hours\nsato,Sato,sato@us.example,ito,mon-fri 09:00-18:00\nito,Ito,,,whenever\n"
    )
    report = bring_files(database, tmp_path, csms=people)["csms"]
    assert (report.changed, report.rejected) == (1, 1)
    assert report.problems[0].column == "working_hours"
    bring_files(database, tmp_path, csms=people.replace("sato,Sato,", "sato,Sato Hanako,"))
    found = stored(database, CSM)
    assert [(row["key"], row["name"], row["manager"]) for row in found] == [("sato", "Sato Hanako", "ito")]


def test_suppressions_are_added_once_in_lower_case_and_never_lifted(database: Database, tmp_path: Path) -> None:
    list_ = "email,category,reason\nTanaka@Hanabi.example,,asked\ntanaka@hanabi.example,newsletter,\nnobody,,\n"
    report = bring_files(database, tmp_path, suppressions=list_)["suppressions"]
    assert (report.changed, report.rejected) == (2, 1)
    again = bring_files(database, tmp_path, now=NOW + timedelta(days=1), suppressions="email\ntanaka@hanabi.example\n")
    assert again["suppressions"].changed == 0
    assert [(row["address"], row["category"], row["reason"]) for row in stored(database, SUPPRESSION)] == [
        ("tanaka@hanabi.example", "", "asked"),
        ("tanaka@hanabi.example", "newsletter", "import"),
    ]
