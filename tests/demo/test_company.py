"""The invented company: believable, complete, seeded, and nobody real."""

from __future__ import annotations

from datetime import date

import pytest

from bot.demo.company import Company, build_company
from bot.demo.personas import HABITS, Persona
from bot.demo.staff import STAFF
from bot.rules.business_days import parse_open_days
from bot.rules.working_hours import parse_working_hours
from bot.rules.zones import is_zone

START = date(2027, 4, 1)


@pytest.fixture(scope="module")
def company() -> Company:
    return build_company(2027, 200, START)


def test_the_same_seed_makes_the_same_company(company: Company) -> None:
    assert build_company(2027, 200, START) == company


def test_another_seed_makes_another_company(company: Company) -> None:
    assert build_company(2028, 200, START).customers != company.customers


def test_there_are_as_many_customers_as_asked_for_and_no_key_twice(company: Company) -> None:
    newcomers = [company.newcomer(number, START) for number in range(60)]
    keys = [customer.key for customer in (*company.customers, *newcomers)]
    assert len(company.customers) == 200
    assert len(set(keys)) == 260


def test_a_company_too_small_to_show_every_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 20"):
        build_company(1, 19, START)


@pytest.mark.parametrize("size", [20, 200])
def test_every_persona_exists(size: int) -> None:
    assert {customer.persona for customer in build_company(2027, size, START).customers} == set(Persona)


def test_the_shares_of_personas_add_up() -> None:
    assert sum(habit.among_existing for habit in HABITS.values()) == pytest.approx(1)
    assert sum(habit.among_newcomers for habit in HABITS.values()) == pytest.approx(1)


def test_every_stage_touch_and_country_exists(company: Company) -> None:
    assert {customer.stage for customer in company.customers} == {"onboarding", "adoption", "churned"}
    assert {customer.touch for customer in company.customers} == {"high", "low", "tech"}
    assert {customer.region for customer in company.customers} == {"JP", "US", "GB", "AU"}
    assert {customer.locale for customer in company.customers} == {"ja", "en"}


def test_all_addresses_are_in_reserved_domains(company: Company) -> None:
    """RFC 2606: nobody can own a name under .example."""
    addresses = [contact.email for customer in company.customers for contact in customer.contacts]
    assert all(address.isascii() and address.endswith(".example") for address in addresses)
    assert all(colleague.email.endswith("@hanabi.example") for colleague in STAFF)
    assert len(set(addresses)) == len(addresses)


def test_the_opted_out_customer_has_contacts_and_refuses_every_mail(company: Company) -> None:
    opted_out = company.opted_out
    assert opted_out.contacts
    assert {contact.consent for contact in opted_out.contacts} == {"none"}
    others = (contact for customer in company.customers if customer is not opted_out for contact in customer.contacts)
    assert "none" not in {contact.consent for contact in others}


def test_the_gaps_of_real_data_are_there(company: Company) -> None:
    assert company.without_contacts.contacts == ()
    assert company.without_a_name.contacts[0].name == ""
    assert company.without_a_name.contacts[0].email
    assert company.without_a_zone.timezone == ""
    assert [customer.key for customer in company.customers if not customer.timezone] == [company.without_a_zone.key]


def test_the_dead_address_belongs_to_exactly_one_contact(company: Company) -> None:
    addresses = [contact.email for customer in company.customers for contact in customer.contacts]
    assert addresses.count(company.dead_address) == 1


def test_everybody_named_as_owner_works_there(company: Company) -> None:
    keys = {colleague.key for colleague in STAFF}
    for customer in company.customers:
        assert set(customer.owners.values()) <= keys
        assert customer.csm in keys if customer.csm else customer.touch == "tech"
    assert {colleague.manager for colleague in STAFF if colleague.manager} <= keys


def test_customers_are_possible(company: Company) -> None:
    for customer in company.customers:
        assert 1 <= customer.licenses_active <= customer.licenses_purchased
        assert customer.started_on < START < customer.renewal_date
        assert parse_open_days(customer.open_days)
        assert is_zone(customer.timezone) or customer is company.without_a_zone
        assert len({contact.key for contact in customer.contacts}) == len(customer.contacts)


def test_every_customer_with_contacts_has_the_three_roles(company: Company) -> None:
    for customer in company.customers:
        for role in ("decision_maker", "champion", "admin"):
            assert not customer.contacts or any(contact.has_role(role) for contact in customer.contacts)


def test_working_hours_can_be_read() -> None:
    assert all(parse_working_hours(colleague.working_hours) for colleague in STAFF)
