"""The vocabulary is whole: every entry explains itself, and its example runs on both databases."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from bot.rules import vocabulary
from bot.rules.condition_scope import Scope
from bot.rules.conditions import Condition, compile_condition, leaves, parse_condition
from bot.rules.vocabulary import VOCABULARY, describe, names
from bot.rules.vocabulary_entry import Entry, Shape, Silence
from storage.database import Database
from tests.rules.facts import CONTACT, CUSTOMER, ENROLLMENT, add_contact, add_customer, add_walk, scope

COMPUTED = [entry for entry in describe() if entry.sql is not None]


@pytest.mark.parametrize("entry", describe(), ids=lambda entry: entry.name)
def test_every_entry_has_a_sentence_and_an_example_that_uses_it(entry: Entry) -> None:
    assert entry.meaning.endswith(".")
    assert entry.name in parse_condition(entry.example).names
    assert entry.signature.startswith(entry.name)
    assert entry.silence is Silence.NONE or entry.feed is not None


def test_every_entry_that_looks_back_over_days_moves_with_time() -> None:
    for entry in COMPUTED:
        if any(parameter.shape is Shape.DAYS for parameter in entry.parameters):
            assert entry.moves_with(frozenset({"days"})), entry.name


def test_every_computed_example_runs_on_both_databases_and_with_every_scope(database: Database) -> None:
    with database.write() as connection:
        customer = add_customer(connection)
        contact = add_contact(connection, customer, "admin")
        add_walk(connection, customer, contact_id=contact, event={"score": 3, "kind": "nps"})
    joined = CUSTOMER.join(ENROLLMENT, ENROLLMENT.c.customer_id == CUSTOMER.c.id).join(
        CONTACT, CONTACT.c.customer_id == CUSTOMER.c.id
    )
    whole = scope(contact=CONTACT, enrollment=ENROLLMENT, event=ENROLLMENT.c.event)
    bare = scope()
    for entry in COMPUTED:
        condition = parse_condition(entry.example)
        with database.read() as connection:
            for each, rows in ((whole, joined), (bare, CUSTOMER)):
                columns = _columns(condition, each)
                assert len(connection.execute(select(*columns).select_from(rows)).all()) == 1, entry.name


def _columns(condition: Condition, given: Scope) -> list[Any]:
    parts = leaves(condition, given)
    return [compile_condition(condition, given), *(leaf.value for leaf in parts), *(leaf.holds for leaf in parts)]


def test_names_and_functions_cover_the_vocabulary() -> None:
    assert {"stage", "contact.locale", "nps", "today"} <= names()
    assert {"count", "contact.has_role", "limit"} <= vocabulary.functions()
    assert names() | vocabulary.functions() | set(vocabulary.DOCUMENTS) == set(VOCABULARY)
