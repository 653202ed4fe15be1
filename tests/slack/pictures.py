"""Draws the pictures of docs/slack.md from real payloads: `python -m tests.slack.pictures` renders a card, a morning's message, App
Home and a modal as HTML and lets Debian's chromium take a small PNG of each. A sketch of Slack's look, not Slack's own rendering."""

from __future__ import annotations

import html
import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import insert, update

from bot.insight.desk import Pages, read_desk
from bot.rules.zones import local_date
from bot.slack.card_views import CardDrawer
from bot.slack.digest import MorningDrawer
from bot.slack.home_views import HomeView, draw_home
from bot.slack.people import person_of
from bot.slack.shortcut_views import handoff_view
from storage.accounts import Csm
from storage.database import Database
from storage.scores import Score
from tests.cast import cast
from tests.fakes.slack_blocks import faults_of, view_faults
from tests.slack.desk_world import JOURNEY
from tests.storage.handoff_rows import handoff
from tests.world import World

DOCS = Path(__file__).parents[2] / "docs"
CHROMIUM = "chromium"
#: Fonts without colours draw these as boxes.
FACES = {"🟢": "#2eb67d", "🟡": "#ecb22e", "🔴": "#e01e5a", "⚪": "#bbb"}
EMOJI = {"tada": "🎉", "pause_button": "⏸", "eyes": "👀", "warning": "⚠️"}
STYLE = """
.a{display:flex;justify-content:space-between}
body{font:15px/1.46 "Noto Sans","Noto Sans CJK JP","Helvetica",sans-serif;color:#1d1c1d;margin:0;padding:16px}
body{width:608px;background:#fff}h3{margin:14px 0 4px;font-size:18px}p{margin:6px 0;white-space:pre-wrap}
.c{color:#616061;font-size:12.5px}.f{display:grid;grid-template-columns:1fr 1fr;gap:6px 16px}
.b{display:inline-block;border:1px solid #bbb;border-radius:6px;padding:3px 11px;margin:3px 6px 3px 0}
.b{font-weight:700;font-size:13.5px}.primary{background:#007a5a;color:#fff;border-color:#007a5a}
.danger{color:#e01e5a;border-color:#e01e5a}.t{font-size:20px;font-weight:800;margin-bottom:12px}
.i{border:1px solid #999;border-radius:5px;padding:7px 10px;margin:3px 0 12px;color:#444;white-space:pre-wrap}
"""


def drawn(blocks: list[dict[str, Any]]) -> str:
    return "".join(_block(block) for block in blocks)


def _block(block: Mapping[str, Any]) -> str:
    match block["type"]:
        case "header":
            return f"<h3>{_text(block['text'])}</h3>"
        case "section":
            text = f"<p>{_text(block['text'])}</p>" if "text" in block else ""
            fields = "".join(f"<p>{_text(one)}</p>" for one in block.get("fields", []))
            beside = f"<div>{_element(block['accessory'])}</div>" if "accessory" in block else ""
            return (f'<div class="a">{text}{beside}</div>' if beside else text) + (
                f'<div class="f">{fields}</div>' if fields else ""
            )
        case "context":
            return f'<p class="c">{" ".join(_text(one) for one in block["elements"])}</p>'
        case "actions":
            return f"<div>{''.join(_element(one) for one in block['elements'])}</div>"
        case "input":
            return f"<b>{_text(block['label'])}</b>{_element(block['element'])}"
        case _:
            return "<hr>"


def _element(element: Mapping[str, Any]) -> str:
    if element["type"] == "button":
        return f'<span class="b {element.get("style", "")}">{_text(element["text"])}</span>'
    if element["type"] == "overflow":
        return '<span class="b">⋯</span>'
    if element["type"] == "checkboxes":
        ticked = element.get("initial_options", [])
        return "".join(f"<p>{'☑' if box in ticked else '☐'} {_text(box['text'])}</p>" for box in element["options"])
    chosen = element.get("initial_option") or {}
    shown = element.get("initial_value") or (_text(chosen["text"]) if chosen else "")
    hint = element.get("placeholder")
    if (
        element["type"].endswith("select")
        and not element["type"].startswith("external")
        and "options" in element
        and hint
    ):
        return f'<span class="b">{_text(hint)} ▾</span>'
    return f'<div class="i">{shown or (_text(hint) if hint else "&nbsp;")}</div>'


def _text(text: Mapping[str, Any]) -> str:
    if text["type"] == "plain_text":
        return html.escape(str(text["text"]))
    marked = re.sub(r":([a-z_]+):", lambda found: EMOJI.get(found[1], found[0]), str(text["text"]))
    for face, colour in FACES.items():
        marked = marked.replace(face, f'<span style="color:{colour}">●</span>')
    marked = re.sub(r"`([^`]+)`", r"<code>\1</code>", marked)
    return re.sub(r"(?<!\w)\*([^*\n]+)\*(?!\w)", r"<b>\1</b>", marked)


def payloads(folder: Path) -> Iterator[tuple[str, str, int]]:
    """Name, HTML and height of each picture."""
    database = Database(f"sqlite:///{folder / 'pictures.db'}")
    world = World(database, folder / "workspace")
    world.mail("welcome")
    world.playbook("welcome", JOURNEY)
    world.deploy()
    cast(database, world.now, stage="new", arr=1_200_000, currency="JPY")
    world.tick()
    due = world.now + timedelta(hours=8)
    it = handoff(
        database, customer_id=1, contact_id=1, playbook="renewal", title={"en": "Talk about the renewal"}, due_at=due,
        brief=["renewal", "usage", "contacts"], tasks=[{"en": "Ask what they want to reach next year"}],
        outcomes=["agreed", "wants to think"], prepare="welcome",
    )  # fmt: skip
    low = {"customer_id": 2, "contact_id": 2, "urgency": "low", "due_at": due + timedelta(days=3)}
    titles = ("Ask who signs next year", "Tidy up their list of contacts", "Show them the new report")
    listed = [handoff(database, **low, title={"en": title}) for title in titles]
    with database.write() as connection:
        connection.execute(update(Csm).values(slack_user_id="U1"))
        scores = ((1, 30, "green", 84.0), (1, 5, "yellow", 62.0), (2, 30, "green", 82.0), (2, 2, "red", 38.0))
        for customer, days, band, value in scores:
            day = world.now.date() - timedelta(days=days)
            row = {
                "customer_id": customer,
                "name": "health",
                "card": "health",
                "day": day,
                "value": value,
                "band": band,
            }
            connection.execute(insert(Score).values(**row, band_since=day, noted_at=world.now))
    published = world.app.require_published()
    with database.read() as connection:
        card = CardDrawer(clock=world.clock, timezone="Asia/Tokyo").draw(connection, it)
        person = person_of(connection, "U1", locale="en", timezone="Asia/Tokyo")
        morning = MorningDrawer(clock=world.clock, locale="en", timezone="Asia/Tokyo")
        drawer = CardDrawer(clock=world.clock, timezone="Asia/Tokyo", morning=morning)
        several = drawer.draw_list(connection, listed, None, ("sato", local_date(world.now, "Asia/Tokyo")))
        desk = read_desk(connection, published, "sato", world.now, "Asia/Tokyo", Pages())
    home = draw_home(HomeView(person=person, desk=desk, now=world.now))
    modal = handoff_view("{}", "Could somebody call Hinode Foods? They asked about seats.", "en")
    assert card is not None
    blocks = [dict(block) for block in card.blocks]
    lines = [dict(block) for block in several.blocks]
    assert faults_of(blocks) == faults_of(lines) == []
    assert view_faults(home) == view_faults(modal) == []
    yield "slack-card", drawn(blocks), 670
    yield "slack-list", drawn(lines), 430
    yield "slack-home", drawn(home["blocks"]), 900
    head = f'<div class="t">{_text(modal["title"])}</div>'
    foot = f'<span class="b">{_text(modal["close"])}</span><span class="b primary">{_text(modal["submit"])}</span>'
    yield "slack-modal", head + drawn(modal["blocks"]) + foot, 555
    database.dispose()


def take(page: Path, picture: Path, height: int) -> None:
    """Raises: CalledProcessError when chromium fails."""
    options = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--disable-background-networking")
    size = (f"--window-size=640,{height}", f"--screenshot={picture}")
    subprocess.run([CHROMIUM, *options, *size, page.as_uri()], check=True, capture_output=True, timeout=60)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for picture, body, height in payloads(folder):
            page = folder / f"{picture}.html"
            page.write_text(f"<!doctype html><meta charset=utf-8><style>{STYLE}</style>{body}", encoding="utf-8")
            take(page, DOCS / f"{picture}.png", height)
            print(f"drew {picture}.png")


if __name__ == "__main__":
    main()
