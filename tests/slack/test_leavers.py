"""Who has left without a word in csms.csv: Slack switched the account off, or a file that names everybody does not name them. Their
open hand-offs go to others with notice. Both databases."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from sqlalchemy import select, update

from bot.intake.importer import import_paths
from bot.intake.report import ImportReport
from bot.slack.app import build_poster
from bot.slack.leavers import look_for_leavers
from storage.accounts import Csm, has_left
from tests.cast import csm
from tests.slack.desk_world import DeskWorld
from tests.storage.handoff_rows import handoff

CSM = Csm.__table__  # type: ignore[attr-defined]


def look(desk: DeskWorld, **passes: int) -> int:
    """Once a day, from a process of its own."""
    desk.world.clock.move_to(desk.world.now + timedelta(**passes))
    return look_for_leavers(
        build_poster(database=desk.world.database, clock=desk.world.clock, settings=desk.app.settings)
    )


def left(desk: DeskWorld) -> list[str]:
    with desk.world.database.read() as connection:
        return list(connection.scalars(select(CSM.c.key).where(has_left(CSM)).order_by(CSM.c.key)))


def test_whom_slack_switched_off_has_left_and_their_hand_offs_go_to_others_until_they_are_back(desk: DeskWorld) -> None:
    desk.people()
    desk.deploy()
    it = handoff(desk.world.database, customer_id=1, contact_id=1, owner="suzuki")
    desk.slack.disabled = {"U2"}
    desk.slack.users = {"U1"}
    assert look(desk) == 1
    assert look(desk, hours=1) == 0, "asked once a day"
    assert left(desk) == ["suzuki"]
    desk.world.app.escalate(desk.world.app.require_published())
    with desk.world.database.read() as connection:
        moved = connection.exec_driver_sql(f"SELECT owner FROM handoff WHERE id = {it}").scalar_one()
        act = connection.exec_driver_sql(f"SELECT act FROM handoff_act WHERE handoff_id = {it}").scalar_one()
    assert (moved, act) == ("sato", "left")
    desk.slack.disabled, desk.slack.users = set(), {"U1", "U2"}
    assert look(desk, days=1) == 1
    assert left(desk) == []


def test_active_in_csms_csv_counts_more_and_an_id_that_never_worked_is_a_slip_of_the_pen(desk: DeskWorld) -> None:
    desk.people()
    csm(desk.world.database, "mori", slack_user_id="U77")
    desk.slack.disabled, desk.slack.users = {"U2"}, {"U1"}
    with desk.world.database.write() as connection:
        connection.execute(update(CSM).where(CSM.c.key == "suzuki").values(active=True))
    assert look(desk) == 0
    assert left(desk) == []
    handoff(desk.world.database, customer_id=1, contact_id=1, owner="mori", posted_channel="D77", posted_ts="1.1")
    assert look(desk, days=1) == 1
    assert left(desk) == ["mori"], "Slack knew them before"


def test_half_a_team_that_leaves_at_once_is_not_believed_and_slack_down_is_asked_again(desk: DeskWorld) -> None:
    desk.people()
    for number in range(6):
        csm(desk.world.database, f"p{number}", slack_user_id=f"U5{number}")
    desk.slack.disabled = {f"U5{number}" for number in range(6)}
    assert look(desk) == 0
    assert left(desk) == []
    desk.slack.disabled = {"U50"}
    desk.slack.users |= {f"U5{number}" for number in range(1, 6)}
    desk.slack.scopes.add("users:read")
    assert look(desk, days=1) == 1, "users.info tells, where the app may ask"
    assert left(desk) == ["p0"]


def imported(desk: DeskWorld, folder: Path, people: str, *, is_complete: bool) -> ImportReport:
    file = folder / "csms.csv"
    file.write_text(people, encoding="utf-8")
    return import_paths(desk.world.database, [file], now=desk.world.now, is_complete=is_complete)


def test_a_file_that_names_everybody_tells_who_has_left(desk: DeskWorld, tmp_path: Path) -> None:
    everybody = "csm,name\n" + "".join(f"p{number},P{number}\n" for number in range(8))
    imported(desk, tmp_path, everybody, is_complete=True)
    csm(desk.world.database, "other", slack_user_id=None)
    some = "csm,name\n" + "".join(f"p{number},P{number}\n" for number in range(7))
    told = imported(desk, tmp_path, some, is_complete=False).files[0].warnings
    assert "1 of our people are not in it (p7); who has left is told by `active: no`, or by --complete" in told[0]
    assert left(desk) == []
    imported(desk, tmp_path, some, is_complete=True)
    assert left(desk) == ["p7"], "whom another source named is no concern of this file"
    told = imported(desk, tmp_path, "csm,name\np0,P0\n", is_complete=True).files[0].warnings
    assert "so many at once are not believed" in told[0]
    assert left(desk) == ["p7"]
    imported(desk, tmp_path, everybody, is_complete=False)
    assert left(desk) == [], "back in the file"
