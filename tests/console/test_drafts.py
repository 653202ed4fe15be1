"""The page on which a draft is edited and sent: only with a token that holds, nothing on GET, the same guards as everywhere."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from urllib.parse import urlencode

import httpx
import pytest

from bot.console.web import create_web_app
from bot.pipeline.published import Publications
from bot.webhooks.draft_links import DraftPass, draft_url, make_draft_token, read_draft_token
from bot.webhooks.unsubscribe import MailLinks
from tests.asking import ask
from tests.cast import csm, healthy, person
from tests.pipeline.assist_scenes import at_risk_world
from tests.world import BEGINNING, World

KEY = b"k" * 40


@pytest.fixture
def path(world: World) -> str:
    """Of the draft of hand-off 1, for Sato."""
    links = MailLinks(public_url="https://m.acme.example", keys=(KEY,), installation=world.app.installation)
    world.app.links, world.app._publications = links, Publications(links)
    at_risk_world(world)
    csm(world.database, "sato", locale="en")
    healthy(world.database, world.now)
    person(world.database, "healthy", "abe", world.now, email="abe@healthy.example")
    world.tick()
    return (draft_url(links, 1, "sato", world.now) or "").removeprefix("https://m.acme.example")


def visit(world: World, path: str, **fields: str) -> httpx.Response:
    app = create_web_app(world.app)
    if not fields:
        return ask(app, path)
    form = {"form": "draft", **fields}
    headers = {"content-type": "application/x-www-form-urlencoded"}
    return ask(app, path, method="POST", content=urlencode(form), headers=headers)


def fields_of(page: str) -> dict[str, str]:
    """What a browser would send back."""
    hidden = dict(re.findall(r'<input type="(?:hidden|text)" name="(\w+)" value="([^"]*)"', page))
    body = re.search(r"<textarea[^>]*>\n(.*?)</textarea>", page, re.DOTALL)
    chosen = re.findall(r'<select name="(\w+)".*?<option value="([^"]*)" selected', page, re.DOTALL)
    assert body is not None
    found = {**hidden, **dict(chosen), "body": body[1]}
    return {name: unescape(value) for name, value in found.items()}


def test_looking_shows_the_draft_with_its_preview_and_changes_nothing(world: World, path: str) -> None:
    page = visit(world, path)
    assert page.status_code == 200
    assert "no-store" in page.headers["cache-control"]
    assert "default-src 'none'" in page.headers["content-security-policy"]
    fields = fields_of(page.text)
    assert (fields["to"], fields["template"]) == ("tanaka", "at_risk")
    assert fields["body"].startswith("Hi Tanaka,")
    assert "sandbox srcdoc=" in page.text
    assert "<script" not in page.text
    assert world.outbox == []
    assert "メールを編集・送信" in visit(world, f"{path}?lang=ja").text


def test_what_is_written_is_sent_once_and_escaped(world: World, path: str) -> None:
    fields = fields_of(visit(world, path).text)
    written = {
        **fields,
        "do": "send",
        "subject": "Hi\r\nBcc: x@y.example",
        "body": "<script>1</script> {{ csm.name }}\r\n\r\n**Bye**",
    }
    assert "It is on its way" in visit(world, path, **written).text
    assert "It is on its way" in visit(world, path, **written).text, "the same form twice is one mail"
    world.tick()
    (mail,) = world.channel.accepted
    assert (mail.subject, "<script>" in mail.html, "{{ csm.name }}" in mail.text) == (
        "Hi Bcc: x@y.example",
        False,
        True,
    )
    assert world.handoffs[0].acknowledged_by == "sato"
    again = visit(world, path, **{**written, "body": "Another"})
    assert (again.status_code, "sato sent it already" in again.text) == (422, True)


def test_a_changed_text_is_kept_when_another_template_is_chosen(world: World, path: str) -> None:
    fields = fields_of(visit(world, path).text)
    fresh = visit(world, path, **{**fields, "do": "switch", "template": "event_invitation", "to": "abe"}).text
    assert fields_of(fresh)["body"].startswith("Hi Abe,\n\nwe meet on [[date and place]]")
    mine = {**fields_of(fresh), "body": "My own words", "template": "at_risk"}
    kept = visit(world, path, **{**mine, "do": "switch"}).text
    assert fields_of(kept)["body"] == "My own words"
    assert "You changed the text" in kept
    replaced = visit(world, path, **{**mine, "do": "replace"}).text
    assert "Could we speak this week?" in fields_of(replaced)["body"]


def test_a_gap_is_named_and_the_text_stays(world: World, path: str) -> None:
    fields = fields_of(visit(world, path).text)
    page = visit(world, path, **{**fields, "do": "send", "body": "On [[day]], </textarea><b>x"})
    assert (page.status_code, "Still to fill: [[day]]" in page.text) == (422, True)
    assert "&lt;/textarea&gt;&lt;b&gt;x" in page.text
    assert world.outbox == []


def test_i_wrote_it_myself(world: World, path: str) -> None:
    assert "You wrote this mail yourself" in visit(world, path, do="wrote").text
    world.time_passes(hours=3)
    assert (world.outbox, world.walks[0].status) == ([], "ended")


def test_a_link_ends_after_a_day_and_no_other_works(world: World, path: str) -> None:
    token = path.rpartition("/")[2]
    for wrong in (token[:-1], token[:-2] + "AA", "A" * 80, token + "A"):
        assert visit(world, f"/drafts/{wrong}").status_code == 404
    world.jump(days=1, seconds=1)
    gone = visit(world, path)
    assert (gone.status_code, "does not work any more" in gone.text) == (404, True)
    assert visit(world, path, do="send", body="x", subject="y", to="tanaka", current="at_risk").status_code == 404
    assert world.outbox == []


def test_a_post_that_is_no_form_of_ours_changes_nothing(world: World, path: str) -> None:
    app = create_web_app(world.app)
    assert ask(app, path, method="POST", content="x" * 500_000).status_code == 413
    assert ask(app, path, method="POST", content="do=send").status_code == 400
    assert world.outbox == []


def test_a_token_holds_for_its_installation_key_and_time() -> None:
    given = DraftPass(handoff_id=2**40, by="slack:U1", until=BEGINNING + timedelta(hours=1))
    token = make_draft_token(KEY, "here", given)
    assert read_draft_token([b"old" * 20, KEY], "here", token, BEGINNING) == given
    assert read_draft_token([KEY], "there", token, BEGINNING) is None
    assert read_draft_token([b"x" * 40], "here", token, BEGINNING) is None
    assert read_draft_token([KEY], "here", token, BEGINNING + timedelta(hours=1)) is None
