"""Random conditions over random customers: SQLite, PostgreSQL and the interpreter in Python agree, unknown included."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from bot.rules.condition_columns import verdict_column
from bot.rules.conditions import compile_condition, compile_value, leaves, parse_condition, parse_value
from storage.database import Database
from tests.rules.condition_reference import Reference
from tests.rules.facts import CUSTOMER, NOW, TODAY, add_customer, add_feed, add_usage, scope

ODD_VALUES = [
    *(
        None,
        True,
        False,
        0,
        1,
        5,
        -3,
        2.5,
        "",
        "x",
        "yes",
        "No",
        "TRUE",
        "0",
        "1",
        "7",
        " 8 ",
        "+4",
        "-3",
        "--4",
        ".5",
        "5.",
    ),
    *("1e5", "1.2.3", "12345678901234567890", "2027-05-03", "2027-02-28", "2027-02-29", "2028-02-29", "2027-13-01"),
    *("0000-01-01", "2027-05-01T10:00", [1], {"a": 1}, "日本", "' OR 1=1 --"),
]
FRESH = frozenset({"login"})


def _random_customer(chance: random.Random) -> dict[str, Any]:
    def some(*values: Any) -> Any:
        return chance.choice([None, *values])

    days = [TODAY - timedelta(days=back) for back in (-2, 0, 1, 5, 29, 30, 200)]
    return {
        "stage": some("onboarding", "adoption", "churned"),
        "tier": some("free", "pro"),
        "arr": some(0.0, 100.5, 12000.0, -5.0),
        "licenses_purchased": some(0, 10, 100),
        "licenses_active": some(0, 3, 100),
        "started_on": some(*days),
        "renewal_date": some(*days),
        "attributes": {key: chance.choice(ODD_VALUES) for key in ("a", "b", "d") if chance.random() < 0.8},
        "usage": [
            (event, day, chance.randint(1, 9))
            for event in ("login", "export", "never")
            for day in days
            if chance.random() < 0.2
        ],
    }


def _load(database: Database, customers: list[dict[str, Any]]) -> dict[int, dict[str, Any]]:
    loaded = {}
    with database.write() as connection:
        add_feed(connection, "login", NOW)
        add_feed(connection, "export", NOW - timedelta(days=9))
        for customer in customers:
            found = add_customer(connection, **{name: value for name, value in customer.items() if name != "usage"})
            for event, day, count in customer["usage"]:
                add_usage(connection, found, event, day, count)
            loaded[found] = customer
    return loaded


numbers = st.recursive(
    st.sampled_from(
        [
            *("arr", "licenses_active", "licenses_purchased", "days_since(started_on)", "days_since(attributes.d)"),
            *(
                'count("login", days=30)',
                'count("export", days=30)',
                'count("never", days=6)',
                "0",
                "1",
                "3",
                "100.5",
                "-5",
            ),
            *("(today - started_on)", "(attributes.a + 0)", "((renewal_date > today) * 3)"),
            '((count("login", days=6) > 0) + (count("export", days=6) > 0))',
        ]
    ),
    lambda inner: st.builds(
        lambda left, sign, right: f"({left} {sign} {right})", inner, st.sampled_from("+-*/"), inner
    ),
    max_leaves=4,
)
signs = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
dates = st.sampled_from(["started_on", "renewal_date", "today", "(renewal_date - 30)", '"2027-05-01"', "attributes.d"])
typed_dates = st.sampled_from(["started_on", "renewal_date", "today", "(started_on + 29)"])
fields = st.sampled_from(["attributes.a", "attributes.b", "attributes.d", "attributes.absent"])
leaf_texts = st.one_of(
    st.builds(lambda left, sign, right: f"{left} {sign} {right}", numbers, signs, numbers),
    st.builds(lambda left, sign, right: f"{left} {sign} {right}", typed_dates, signs, dates),
    st.builds(
        lambda field, sign, value: f"{field} {sign} {value}",
        fields,
        signs,
        st.sampled_from(["5", "-3", "2.5", "today"]),
    ),
    st.builds(
        lambda field, sign, value: f"{field} {sign} {value}",
        fields,
        st.sampled_from(["==", "!="]),
        st.sampled_from(["true", "false", '"x"', '"5"', '"日本"', "none", "attributes.b", '"2027-05-03"', "stage"]),
    ),
    st.builds(
        lambda value, word, items: f"{value} {word} [{', '.join(items)}]",
        st.sampled_from(["stage", "tier", "attributes.a"]),
        st.sampled_from(["in", "not in"]),
        st.lists(
            st.sampled_from(['"onboarding"', '"free"', '"x"', "none", "stage", "attributes.b"]), min_size=1, max_size=3
        ),
    ),
    st.builds(
        lambda value, word: f"{value} is {word}",
        st.one_of(numbers, fields, dates, st.just("stage")),
        st.sampled_from(["none", "not none"]),
    ),
    st.builds(
        lambda sign, value: f"stage {sign} {value}",
        st.sampled_from(["==", "!="]),
        st.sampled_from(['"onboarding"', "tier"]),
    ),
    fields,
    st.sampled_from(["true", "false"]),
)
conditions = st.recursive(
    leaf_texts,
    lambda inner: st.one_of(
        st.builds(lambda one: f"not ({one})", inner),
        st.builds(lambda one, word, two: f"({one}) {word} ({two})", inner, st.sampled_from(["and", "or"]), inner),
    ),
    max_leaves=6,
)

_quiet = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


def _answer(value: Any) -> bool | None:
    return None if value is None else bool(value)


def test_s1_s2_conditions_mean_the_same_in_sql_as_in_the_reference(database: Database) -> None:
    loaded = _load(database, [_random_customer(random.Random(seed)) for seed in range(60)])
    reference = Reference(TODAY, FRESH)

    @_quiet
    @given(conditions)
    def agree(text: str) -> None:
        condition = parse_condition(text)
        query = select(CUSTOMER.c.id, compile_condition(condition, scope()), verdict_column(condition, scope()))
        with database.read() as connection:
            found = {key: tuple(map(_answer, both)) for key, *both in connection.execute(query)}
        expected = {key: reference.verdict(condition.tree, customer) for key, customer in loaded.items()}
        assert found == {key: (verdict, verdict) for key, verdict in expected.items()}

    agree()


def test_numbers_are_the_same_in_sql_as_in_the_reference(database: Database) -> None:
    loaded = _load(database, [_random_customer(random.Random(seed)) for seed in range(40)])
    reference = Reference(TODAY, FRESH)

    @_quiet
    @given(numbers.filter(lambda text: not text.startswith(("(count", "(renewal"))))
    def agree(text: str) -> None:
        value = parse_value(text)
        with database.read() as connection:
            rows = connection.execute(select(CUSTOMER.c.id, compile_value(value, scope()))).all()
        for key, found in rows:
            expected = reference.value(value.tree, loaded[key])
            assert (found is None) == (expected is None)
            assert found is None or abs(float(found) - float(expected)) <= 1e-9 * max(1, abs(expected))

    agree()


@given(conditions)
@settings(max_examples=100, deadline=None)
def test_a_condition_written_back_as_text_is_the_same_condition(text: str) -> None:
    condition = parse_condition(text)
    for leaf in leaves(condition, scope()):
        again = parse_value(leaf.text)
        assert parse_value(again.text).tree == again.tree
