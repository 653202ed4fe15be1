"""/journey: CSMs ask and act, once, privately, in their language; names are found or suggested. Both databases."""

from __future__ import annotations

from sqlalchemy import select, update

from storage.accounts import Csm, Pause
from storage.facts import Note
from tests.cast import customer
from tests.fakes.slack_payloads import Sent, command_of
from tests.fakes.slack_server import wait_until
from tests.slack.desk_world import DeskWorld


def notes(desk: DeskWorld) -> list[tuple[str, str]]:
    with desk.world.database.read() as connection:
        table = Note.__table__  # type: ignore[attr-defined]
        return [(row.by, row.text) for row in connection.execute(select(table).order_by(table.c.id))]


def test_a_csm_sees_a_customer_their_hand_offs_and_why(desk: DeskWorld) -> None:
    desk.people(stage="new")
    desk.deploy()
    desk.world.time_passes(days=2, hours=3)
    shown = desk.command("customer hinode foods")
    assert "Hinode Foods (healthy)" in shown
    assert "welcome › " in shown or "Call them" in shown
    assert "Your open hand-offs" in desk.command("handoffs")
    assert "Call them" in desk.command("handoffs")
    told = desk.command("why healthy")
    assert "Why: Hinode Foods" in told
    assert "welcome" in told
    assert "未完了の対応依頼はありません" in desk.command("対応依頼", user="U2")
    assert desk.errors == []


def test_help_wrong_verbs_and_strangers_are_answered(desk: DeskWorld) -> None:
    desk.people()
    assert "What /journey can do" in desk.command("")
    assert "I do not know `delete`" in desk.command("delete all")
    assert "/journey でできること" in desk.command("ヘルプ", user="U2")
    assert "Nothing is deployed yet" in desk.command("why healthy")
    stranger = desk.command("customer healthy", user="U9")
    assert "does not know you" in stranger
    assert "Hinode" not in stranger


def test_a_note_is_stored_once_however_often_slack_repeats_it(desk: DeskWorld) -> None:
    desk.people()
    assert desk.app is not None
    payload = command_of(
        "note Hinode Foods called <!channel> & all well", trigger="t1", response_url=desk.slack.response_url
    )
    for _ in range(2):
        desk.slack.send(Sent(envelope="slash_commands", payload=payload))
    wait_until(lambda: len(desk.slack.responses) == 2)
    assert notes(desk) == [("sato", "called <!channel> & all well")]
    assert "Noted on the timeline of Hinode Foods" in desk.slack.responses[0]["text"]
    assert "メモを残しました" in desk.command("メモ 「Shizuka Salon」 電話しました", user="U2")
    assert notes(desk)[1] == ("suzuki", "電話しました")


def test_names_are_suggested_and_several_are_listed(desk: DeskWorld) -> None:
    desk.people()
    customer(desk.world.database, "hinode_2", desk.world.now, name="Hinode Bakery")
    customer(desk.world.database, "bad", desk.world.now, name="<!channel> *x* `y`\u202e")
    assert "Did you mean Shizuka Salon (going_quiet)?" in desk.command("customer Shizuko Salon")
    several = desk.command("note hinode call them")
    assert "Hinode Bakery (hinode_2)" in several
    assert "Hinode Foods (healthy)" in several
    assert notes(desk) == [], "nothing is stored while it is not clear where"
    assert "&lt;!channel&gt;" in desk.command("customer bad")
    assert "There is no customer “zzzz" in desk.command("customer " + "zzzz" * 800)


def test_a_pause_until_a_day_ends_at_its_midnight_and_wrong_days_pause_nothing(desk: DeskWorld) -> None:
    desk.people(stage="new")
    desk.deploy()
    desk.world.tick()
    table = Pause.__table__  # type: ignore[attr-defined]
    for wrong in ("pause healthy", "pause healthy until soon", "pause healthy until 2027-03-01", "pause until friday"):
        desk.command(wrong)
    with desk.world.database.read() as connection:
        assert connection.execute(select(table)).all() == []
    assert "stands still until Fri, 5 Mar 2027 00:00" in desk.command("pause Hinode Foods until friday")
    with desk.world.database.read() as connection:
        (row,) = connection.execute(select(table)).all()
    assert (row.key, row.until.isoformat()) == ("healthy", "2027-03-04T15:00:00+00:00"), "midnight in Tokyo"
    desk.world.time_passes(days=3)
    assert "tanaka@healthy.example" not in [mail.to_email for mail in desk.world.channel.accepted]
    desk.world.time_passes(days=3)
    assert "tanaka@healthy.example" in [mail.to_email for mail in desk.world.channel.accepted]
    assert "停止されていません" in desk.command("再開 healthy", user="U2")


def test_japanese_names_near_misses_and_who_has_left(desk: DeskWorld) -> None:
    desk.people()
    customer(desk.world.database, "hinode_jp", desk.world.now, name="ひので食品")
    customer(desk.world.database, "hinoki_jp", desk.world.now, name="ひのき食品")
    assert "「ひので」" not in desk.command("お客様 ひので", user="U2")
    assert "ひので食品のタイムラインにメモを残しました" in desk.command("メモ ひので食品様：電話しました", user="U2")
    assert notes(desk) == [("suzuki", "電話しました")]
    missed = desk.command("一時停止 ひのて食品 来週月曜まで", user="U2")
    assert "「ひのて食品」というお客様は見つかりません。 変更はありません。" in missed
    assert "もしかして：" in missed
    assert "ひので食品 (hinode_jp)" in missed
    assert "ひので食品のジャーニーを2027年3月5日(金) 0:00まで停止しました" in desk.command(
        "一時停止 ひので食品 3/5まで", user="U2"
    )
    with desk.world.database.write() as connection:
        connection.execute(update(Csm).where(Csm.key == "suzuki").values(active=False))  # type: ignore[arg-type]
    assert (
        "未登録" in desk.command("再開 ひので食品", user="U2")
        or "does not know you" in desk.slack.responses[-1]["text"]
    )
    with desk.world.database.read() as connection:
        assert len(connection.execute(select(Pause.__table__)).all()) == 1  # type: ignore[attr-defined]
