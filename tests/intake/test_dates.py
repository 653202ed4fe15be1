"""Dates in cells: forms that mean one thing are read, forms that mean two are settled by the file or asked for, never guessed."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import ImportRefused
from bot.intake.dates import DayReader, MomentReader, Order, latest_fact
from bot.intake.events import CUSTOMER
from bot.intake.report import ImportReport
from bot.intake.values import CellError
from storage.database import Database
from tests.intake.house import NOW, bring, stored, write


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-05",
        "20260305",
        "2026/03/05",
        "2026/3/5",
        "2026.3.5",
        "2026年3月5日",
        "２０２６年３月５日",
        "2026-03-05 00:00:00",
        "2026-03-05T10:00:00Z",
        "5 Mar 2026",
        "5-March-2026",
        "March 5, 2026",
        "Mar 5 2026",
    ],
)
def test_forms_that_mean_one_day(text: str) -> None:
    assert DayReader(None, None)(text) == date(2026, 3, 5)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-05T10:00:00Z", "2026-03-05T10:00:00+00:00"),
        ("2026-03-05T10:00:00+09:00", "2026-03-05T01:00:00+00:00"),
        ("2026-03-05 10:00", "2026-03-05T01:00:00+00:00"),
        ("2026/03/05 10:00:30", "2026-03-05T01:00:30+00:00"),
        ("2026年3月5日 10時30分", "2026-03-05T01:30:00+00:00"),
        ("15/03/2026 2:05 PM", "2026-03-15T05:05:00+00:00"),
        ("15.03.2026 14:05 +01:00", "2026-03-15T13:05:00+00:00"),
        ("March 5, 2026 12:00 am", "2026-03-04T15:00:00+00:00"),
        ("1772668800", "2026-03-05T00:00:00+00:00"),
        ("1772668800000", "2026-03-05T00:00:00+00:00"),
        (1772668800, "2026-03-05T00:00:00+00:00"),
    ],
)
def test_instants_without_a_zone_are_local_time_of_the_default_zone(text: object, expected: str) -> None:
    reader = MomentReader(Order.DAY_FIRST, "Asia/Tokyo", None)
    assert reader(text).isoformat() == expected
    assert reader(text).tzinfo is UTC


@pytest.mark.parametrize(
    ("text", "says", "hint"),
    [
        ("2026-02-30", "no day of the calendar", "2026-03-05"),
        ("2026-13-01", "no day of the calendar", "2026-03-05"),
        ("soon", "is no date", "2026-03-05"),
        ("15/03/26", "is no date", "four digits"),
        ("45321", "is no date", "spreadsheet"),
        ("13:00 pm 5 Mar 2026", "is no date", ""),
        ("5 Mar 2026 13:00 pm", "no day of the calendar", ""),
        ("31/04/2026", "no day of the calendar", "--month-first"),
    ],
)
def test_what_is_no_day_says_why_and_what_to_write(text: str, says: str, hint: str) -> None:
    with pytest.raises(CellError) as caught:
        DayReader(Order.DAY_FIRST, None)(text)
    assert says in caught.value.message
    assert hint in caught.value.hint


def test_facts_lie_between_1970_and_ten_years_ahead() -> None:
    latest = latest_fact(NOW)
    for text, says in (("1969-12-31", "before 1970"), ("9999-01-01", "more than ten years ahead")):
        with pytest.raises(CellError, match=says):
            DayReader(None, latest)(text)
        with pytest.raises(CellError, match=says):
            MomentReader(None, "Asia/Tokyo", latest)(text)
    assert DayReader(None, latest)("1970-01-01") == date(1970, 1, 1)


def test_the_edges_of_the_calendar_do_not_break_anything() -> None:
    for text in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"):
        with pytest.raises(CellError, match="outside the calendar"):
            MomentReader(None, "UTC", None)(text)


@given(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2200, 1, 1)), st.sampled_from(Order))  # noqa: DTZ001
def test_a_written_day_is_read_back(moment: datetime, order: Order) -> None:
    parts = (moment.day, moment.month) if order is Order.DAY_FIRST else (moment.month, moment.day)
    assert DayReader(order, None)(f"{parts[0]}/{parts[1]}/{moment.year}") == moment.date()
    assert DayReader(order, None)(moment.isoformat()) == moment.date()


@given(st.text(max_size=30))
def test_any_text_is_a_day_or_a_sentence(text: str) -> None:
    for order in (None, *Order):
        with suppress(CellError):
            assert isinstance(DayReader(order, None)(text), date)
            assert MomentReader(order, "Asia/Tokyo", None)(text).tzinfo is UTC


def with_dates(
    database: Database, folder: Path, *dates: str, day_first: bool | None = None
) -> tuple[ImportReport, list[str]]:
    rows = "".join(f"c-{number},{value}\n" for number, value in enumerate(dates))
    report = bring(database, write(folder, customers="customer,renewal_date,started_on\n" + rows), day_first=day_first)
    return report, [str(row["renewal_date"]) for row in stored(database, CUSTOMER)]


def test_one_day_above_twelve_anywhere_settles_its_column(database: Database, tmp_path: Path) -> None:
    report, found = with_dates(database, tmp_path, "03/04/2027,", "15/04/2027,", "2027-05-06,")
    assert found == ["2027-04-03", "2027-04-15", "2027-05-06"]
    assert report.files[0].warnings == ("dates of column renewal_date are read day first",)


def test_a_month_first_file_is_read_month_first(database: Database, tmp_path: Path) -> None:
    assert with_dates(database, tmp_path, "03/04/2027,", "04/15/2027,")[1] == ["2027-03-04", "2027-04-15"]


def test_a_column_that_proves_nothing_follows_one_that_does(database: Database, tmp_path: Path) -> None:
    assert with_dates(database, tmp_path, "03/04/2027,15/01/2026", "04/05/2027,")[1] == ["2027-04-03", "2027-05-04"]


def test_a_file_that_proves_nothing_is_refused_and_asks(database: Database, tmp_path: Path) -> None:
    with pytest.raises(ImportRefused) as caught:
        with_dates(database, tmp_path, "2027-05-06,", "03/04/2027,")
    assert caught.value.where == "customers.csv:3"
    assert "--day-first or --month-first" in caught.value.hint
    assert stored(database, CUSTOMER) == []


@pytest.mark.parametrize(("day_first", "expected"), [(True, "2027-04-03"), (False, "2027-03-04")])
def test_the_answer_settles_it(database: Database, tmp_path: Path, day_first: bool, expected: str) -> None:
    assert with_dates(database, tmp_path, "03/04/2027,", day_first=day_first)[1] == [expected]


def test_a_day_that_is_both_needs_no_answer(database: Database, tmp_path: Path) -> None:
    assert with_dates(database, tmp_path, "05/05/2027,")[1] == ["2027-05-05"]


def test_a_column_that_writes_both_orders_keeps_only_what_is_certain(database: Database, tmp_path: Path) -> None:
    report, found = with_dates(database, tmp_path, "15/04/2027,", "04/16/2027,", "03/04/2027,")
    assert found == ["2027-04-15", "2027-04-16"]
    assert report.files[0].problems[0].row == 4
    assert "this column writes both orders" in report.files[0].problems[0].message
    assert "writes both day first (line 2) and month first (line 3)" in report.files[0].warnings[0]


def test_a_date_that_contradicts_the_answer_is_a_problem(database: Database, tmp_path: Path) -> None:
    report, found = with_dates(database, tmp_path, "04/16/2027,", "03/04/2027,", day_first=True)
    assert (found, report.rejected) == (["2027-04-03"], 1)
