"""An import as a whole: order, dry run, progress, interruption, the report, and what is asked of its caller."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bot.errors import UsageError
from bot.intake.events import CUSTOMER, EVENT, USAGE
from bot.intake.importer import BATCH_ROWS
from bot.intake.report import Progress
from bot.intake.writers.contacts import CONTACT
from storage.accounts import ImportedRow
from storage.database import Database
from tests.intake.house import CONTACTS, CUSTOMERS, NOW, bring, bring_files, stored, write

#: An import that is killed as soon as its first batch is stored, and the second one is on its way.
KILLED = """
import os, signal, sys
from datetime import datetime
from pathlib import Path
from bot.intake.importer import import_paths
from storage.database import Database
def die(progress):
    if progress.file == "events.csv":
        os.kill(os.getpid(), signal.SIGKILL)
import_paths(Database(sys.argv[1]), [Path(sys.argv[2])], now=datetime.fromisoformat(sys.argv[3]), progress=die)
"""


def many_events(rows: int) -> str:
    lines = (f"c-{1 + number % 2},login,2027-02-{1 + number % 28:02}T10:00:00Z,{number}" for number in range(rows))
    return "customer,event,at,id\n" + "\n".join(lines) + "\n"


def test_a_folder_is_imported_in_the_order_in_which_its_files_need_each_other(
    database: Database, tmp_path: Path
) -> None:
    report = bring_files(
        database,
        tmp_path,
        contacts=CONTACTS,
        customers=CUSTOMERS,
        events=many_events(3),
        csms="csm\nsato\n",
        notes="customer,at,text\nc-1,2027-02-20,x\n",
    )
    assert list(report) == ["csms", "customers", "contacts", "events", "notes"]
    assert sum(file.rejected for file in report.values()) == 0


def test_a_dry_run_reports_everything_and_stores_nothing(database: Database, tmp_path: Path) -> None:
    folder = write(
        tmp_path / "in", customers=CUSTOMERS, contacts=CONTACTS, events=many_events(3) + "c-9,login,2027-02-01,x\n"
    )
    rehearsal = bring(database, folder, dry_run=True)
    assert rehearsal.is_dry_run
    for table in (CUSTOMER, CONTACT, EVENT, USAGE, ImportedRow.__table__):  # type: ignore[attr-defined]
        assert stored(database, table) == []
    assert bring(database, folder).files == rehearsal.files


def test_progress_is_told_per_batch_and_ends_at_the_end(database: Database, tmp_path: Path) -> None:
    seen: list[Progress] = []
    folder = write(tmp_path / "in", customers=CUSTOMERS, events=many_events(BATCH_ROWS + 10))
    bring(database, folder, progress=seen.append)
    size = (folder / "events.csv").stat().st_size
    of_events = [step for step in seen if step.file == "events.csv"]
    assert [step.rows for step in of_events] == [BATCH_ROWS, BATCH_ROWS + 10]
    assert of_events[-1].bytes_done == of_events[-1].bytes_total == size


def test_an_import_killed_between_batches_is_finished_by_running_it_again(database: Database, tmp_path: Path) -> None:
    folder = write(tmp_path / "in", customers=CUSTOMERS, events=many_events(BATCH_ROWS + 10))
    url = database.url.render_as_string(hide_password=False)
    killed = subprocess.run([sys.executable, "-c", KILLED, url, str(folder), NOW.isoformat()], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert len(stored(database, EVENT, name="login")) == BATCH_ROWS
    report = bring(database, folder)
    assert [(file.kind, file.changed, file.unchanged) for file in report.files] == [
        ("customers", 0, 2),
        ("events", 10, BATCH_ROWS),
    ]
    assert sum(row["count"] for row in stored(database, USAGE)) == BATCH_ROWS + 10


def test_a_batch_is_stored_whole_or_not_at_all(database: Database, tmp_path: Path) -> None:
    """The right to write events is the last thing a batch takes: an error there takes the customers back too."""
    folder = write(tmp_path / "in", customers=CUSTOMERS)
    with database.write() as connection:
        EVENT.drop(connection)
    with pytest.raises(Exception, match="event"):
        bring(database, folder)
    assert stored(database, CUSTOMER) == []
    assert stored(database, ImportedRow.__table__) == []  # type: ignore[attr-defined]
    with database.write() as connection:
        EVENT.create(connection)
    assert bring(database, folder).changed == 2


def test_the_report_is_plain_data_and_says_how_to_exit(database: Database, tmp_path: Path) -> None:
    fine = bring(database, write(tmp_path / "in", customers=CUSTOMERS))
    bad = bring(database, write(tmp_path / "bad", customers="customer,arr\nc-1," + "x" * 500 + "\n"))
    assert (fine.exit_code, bad.exit_code, bad.rejected) == (0, 1, 1)
    told = json.loads(json.dumps(bad.as_dict()))
    assert told["files"][0]["problems"][0]["row"] == 2
    assert len(bad.files[0].problems[0].value) == 60
    assert str(bad.files[0].problems[0]).startswith("customers.csv:2 (arr): `xxx")


@pytest.mark.parametrize("source", ["events", "journeybot"])
def test_the_machines_own_sources_are_not_for_files(database: Database, tmp_path: Path, source: str) -> None:
    with pytest.raises(UsageError, match="machine's own source"):
        bring(database, write(tmp_path / "in", customers=CUSTOMERS), source=source)


def test_a_default_zone_that_is_none_is_refused(database: Database, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no time zone"):
        bring(database, write(tmp_path / "in", customers=CUSTOMERS), default_zone="Japan Time")
