"""`journeybot sync` from Salesforce and HubSpot by their own packages, against servers that speak their APIs: paged, resumed, and
written back to."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, update

from storage.accounts import Contact, Customer
from storage.database import Database
from storage.facts import Subscription, Ticket
from storage.scores import Score
from tests.fakes.certificates import CERTIFICATE, server_context, write_certificate
from tests.fakes.crm_servers import TOKEN, FakeHubSpot, FakeSalesforce
from tests.intake.house import NOW, stored
from tests.intake.pulls.scene import Scene

CUSTOMER, CONTACT = Customer.__table__, Contact.__table__  # type: ignore[attr-defined]
SUBSCRIPTION, TICKET = Subscription.__table__, Ticket.__table__  # type: ignore[attr-defined]

SALESFORCE = """
crm:
  type: salesforce
  pulls:
    - into: customers
      object: Account
      where: Type = 'Customer'
      columns: {customer: Id, name: Name, arr: AnnualRevenue, csm: Owner.Username}
      rest: ignore
    - {into: contacts, object: Contact, columns: {customer: AccountId, contact: Id, email: Email}, rest: ignore}
  write_back: {stage: Stage__c, health: Health__c, last_touch: Last_Touch__c}
"""
ACCOUNTS: list[dict[str, Any]] = [
    {"Id": f"001{n}", "Type": "Customer" if n else "Prospect", "Name": f"Company {n}", "AnnualRevenue": 100.0 * n,
     "Owner": {"Username": "sato"} if n % 2 else None, "SystemModstamp": f"2027-02-0{n + 1}T00:00:00.000+0000"}
    for n in range(6)
]  # fmt: skip
PEOPLE = [
    {"Id": f"003{n}", "AccountId": f"001{n}", "Email": f"p{n}@company{n}.example",
     "SystemModstamp": f"2027-02-1{n}T00:00:00.000+0000"}
    for n in range(1, 5)
]  # fmt: skip
HUBSPOT = """
hub:
  type: hubspot
  pulls:
    - into: customers
      object: companies
      where: type = CUSTOMER
      columns: {customer: id, name: name, arr: annualrevenue}
      rest: ignore
    - into: contacts
      object: contacts
      columns: {customer: associatedcompanyid, contact: id, email: email}
      rest: ignore
    - into: tickets
      object: tickets
      columns: {customer: company_id, ticket: id, title: subject, opened_at: createdate}
      rest: ignore
  write_back: {stage: journey_stage}
"""
COMPANIES: list[dict[str, Any]] = [
    {"id": f"{n}", "type": "CUSTOMER", "name": f"Company {n}", "annualrevenue": str(100 * n),
     "hs_lastmodifieddate": f"2027-02-0{n}T00:00:00.000Z"}
    for n in range(1, 6)
]  # fmt: skip


@pytest.fixture
def salesforce(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSalesforce]:
    write_certificate(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / CERTIFICATE))
    fake = FakeSalesforce({"Account": ACCOUNTS, "Contact": PEOPLE}).speak_tls(server_context(tmp_path))
    with fake:
        yield fake


@pytest.fixture
def hubspot() -> Iterator[FakeHubSpot]:
    people = [
        {
            "id": "c1",
            "email": "p@company1.example",
            "associatedcompanyid": "1",
            "lastmodifieddate": "2027-02-01T00:00:00Z",
        }
    ]
    tickets = [
        {
            "id": "t1",
            "subject": "It broke",
            "createdate": "2027-02-01T00:00:00Z",
            "hs_lastmodifieddate": "2027-02-02T00:00:00Z",
        }
    ]
    with FakeHubSpot({"companies": COMPANIES, "contacts": people, "tickets": tickets}) as fake:
        fake.companies = {"t1": "2"}
        yield fake


def at_salesforce(folder: Path, database: Database, crm: FakeSalesforce, token: str = TOKEN) -> Scene:
    address = f"https://localhost:{crm.port}"
    environment = {"SALESFORCE_INSTANCE_URL": address, "SALESFORCE_ACCESS_TOKEN": token}
    scene = Scene(folder=folder / "ws", database=database, environment=environment)
    scene.sources(SALESFORCE)
    return scene


def at_hubspot(folder: Path, database: Database, crm: FakeHubSpot, token: str = TOKEN) -> Scene:
    environment = {"HUBSPOT_ACCESS_TOKEN": token, "HUBSPOT_BASE_URL": f"http://127.0.0.1:{crm.port}"}
    scene = Scene(folder=folder / "ws", database=database, environment=environment)
    scene.sources(HUBSPOT)
    return scene


def test_salesforce_is_pulled_page_by_page_and_only_what_changed_the_next_time(
    tmp_path: Path, database: Database, salesforce: FakeSalesforce
) -> None:
    scene = at_salesforce(tmp_path, database, salesforce)
    first = scene.sync()
    assert (first["customers"].changed, first["contacts"].changed, first["customers"].failure) == (5, 4, "")
    rows = {row["key"]: row for row in stored(database, CUSTOMER)}
    assert set(rows) == {"0011", "0012", "0013", "0014", "0015"}, "`where` keeps prospects out"
    assert (rows["0011"]["csm"], rows["0012"]["csm"], rows["0013"]["arr"]) == ("sato", None, 300)

    salesforce.row("Account", "0012").update(Name="Renamed", SystemModstamp="2027-02-20T00:00:00.000+0000")
    second = scene.sync(now=NOW + timedelta(hours=1))
    assert (second["customers"].rows, second["customers"].changed) == (2, 1)
    assert any(
        "FROM Account" in asked and "SystemModstamp >= 2027-02-06T00:00:00.000Z" in asked for asked in salesforce.asked
    )
    assert {row["name"] for row in stored(database, CUSTOMER)} >= {"Renamed"}


def test_salesforce_that_goes_down_half_way_loses_nothing_and_doubles_nothing(
    tmp_path: Path, database: Database, salesforce: FakeSalesforce
) -> None:
    scene = at_salesforce(tmp_path, database, salesforce)
    salesforce.fails_after = 2
    broken = scene.sync()
    assert "down for maintenance" in broken["customers"].failure
    assert [row["key"] for row in stored(database, CUSTOMER)] == ["0011", "0012", "0013", "0014"]
    salesforce.fails_after = None
    healed = scene.sync(now=NOW + timedelta(hours=1))
    assert (healed["customers"].failure, healed["customers"].rows) == ("", 2), "from the last page that was stored"
    assert len(stored(database, CUSTOMER)) == 5


def test_a_contact_deleted_in_salesforce_is_gone_the_next_day(
    tmp_path: Path, database: Database, salesforce: FakeSalesforce
) -> None:
    scene = at_salesforce(tmp_path, database, salesforce)
    scene.sync()
    salesforce.records["Contact"] = [row for row in salesforce.records["Contact"] if row["Id"] != "0032"]
    assert scene.sync(now=NOW + timedelta(hours=1))["contacts"].gone == 0, "the list is asked for once a day"
    assert scene.sync(now=NOW + timedelta(days=1))["contacts"].gone == 1
    assert [row["key"] for row in stored(database, CONTACT) if row["gone_at"]] == ["0032"]


def test_what_changed_is_written_back_once(tmp_path: Path, database: Database, salesforce: FakeSalesforce) -> None:
    scene = at_salesforce(tmp_path, database, salesforce)
    salesforce.refuses = {"0015"}
    first = scene.sync()["write_back"]
    assert (first.written_back, "is locked" in first.failure) == (4, True)
    with database.write() as connection:
        changed = update(CUSTOMER).where(CUSTOMER.c.key == "0011").values(stage="adoption").returning(CUSTOMER.c.id)
        # the customer's own day, where it is tomorrow already
        row = {"customer_id": connection.execute(changed).scalar_one(), "name": "health", "card": "health"}
        connection.execute(
            insert(Score).values(**row, day=NOW.date() + timedelta(days=1), value=20, band="red", noted_at=NOW)
        )
    salesforce.refuses = set()
    second = scene.sync(now=NOW + timedelta(hours=12))["write_back"]
    assert (second.written_back, second.failure) == (2, ""), "the changed one, and the one that was refused"
    told = salesforce.row("Account", "0011")
    assert (told["Stage__c"], told["Health__c"]) == ("adoption", "red")
    asked = len(salesforce.asked)
    assert scene.sync(now=NOW + timedelta(hours=13))["write_back"].written_back == 0
    assert not any("PATCH" in line for line in salesforce.asked[asked:])


def test_hubspot_is_pulled_and_resumed_with_the_companies_of_its_tickets(
    tmp_path: Path, database: Database, hubspot: FakeHubSpot
) -> None:
    scene = at_hubspot(tmp_path, database, hubspot)
    first = scene.sync()
    assert {name: (report.changed, report.failure) for name, report in first.items()} == {
        "customers": (5, ""), "contacts": (1, ""), "tickets": (1, ""), "write_back": (0, ""),
    }  # fmt: skip
    companies = {row["id"]: row["key"] for row in stored(database, CUSTOMER)}
    assert companies[stored(database, TICKET)[0]["customer_id"]] == "2"
    hubspot.row("companies", "3").update(name="Renamed", hs_lastmodifieddate="2027-02-20T00:00:00Z")
    second = scene.sync(now=NOW + timedelta(hours=1))
    assert (second["customers"].rows, second["customers"].changed) == (2, 1)
    assert hubspot.row("companies", "3")["journey_stage"] == ""


def test_hubspot_that_goes_down_resumes(tmp_path: Path, database: Database, hubspot: FakeHubSpot) -> None:
    scene = at_hubspot(tmp_path, database, hubspot)
    hubspot.fails_after = 1
    assert "HubSpot refused (503" in scene.sync()["customers"].failure
    assert len(stored(database, CUSTOMER)) == 2
    hubspot.fails_after = None
    assert scene.sync(now=NOW + timedelta(hours=1))["customers"].failure == ""
    assert len(stored(database, CUSTOMER)) == 5


def test_a_wrong_key_says_which_variable(
    tmp_path: Path, database: Database, salesforce: FakeSalesforce, hubspot: FakeHubSpot
) -> None:
    for scene, hint in (
        (at_salesforce(tmp_path / "a", database, salesforce, "wrong"), "SALESFORCE_ variables"),
        (at_hubspot(tmp_path / "b", database, hubspot, "wrong"), "HUBSPOT_ACCESS_TOKEN"),
    ):
        failures = [report.failure for report in scene.sync().values() if report.pull == "customers"]
        assert [hint in failure for failure in failures] == [True]
        assert "wrong" not in failures[0]


def test_a_misspelt_object_is_named(tmp_path: Path, database: Database, salesforce: FakeSalesforce) -> None:
    scene = at_salesforce(tmp_path, database, salesforce)
    scene.sources(SALESFORCE.replace("object: Account", "object: Acount"))
    report = scene.sync()["customers"]
    assert "sObject type is not supported" in report.failure
    assert "are `object`, `where` and the columns spelled as in Salesforce?" in report.failure
