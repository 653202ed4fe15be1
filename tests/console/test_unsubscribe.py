"""The page behind a mail's link: looking changes nothing, one click and the form act at once, in the reader's language."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

import httpx
import pytest
from sqlalchemy import Table, select

from bot.console.web import create_web_app
from bot.pipeline.published import Publications
from bot.webhooks.unsubscribe import TRIAL, MailLinks
from storage.accounts import Contact, Suppression
from storage.consent import Why, lift, suppress
from storage.facts import Event
from tests.asking import ask
from tests.channels.letters import INJECTIONS
from tests.pipeline.scenes import company, journey, states, took
from tests.world import World

EMAIL = "tanaka@sakura.example"
EVENT: Table = Event.__table__  # type: ignore[attr-defined]
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


def with_links(world: World, *, is_required: bool = False) -> MailLinks:
    links = MailLinks(
        public_url="https://m.acme.example",
        keys=(b"k" * 40,),
        installation=world.app.installation,
        is_required=is_required,
    )
    world.app.links, world.app._publications = links, Publications(links)
    return links


def template(world: World, name: str, category: str) -> None:
    text = f"---\nsubject: {name}\npreheader: p\ncategory: {category}\n---\nHello.\n"
    world.write(f"templates/emails/{name}.en.md", text)
    world.write(
        "templates/emails/_layout.txt",
        "{{ content }}\n{% if mail.unsubscribe_url %}Out: {{ mail.unsubscribe_url }}{% endif %}\n",
    )


@pytest.fixture
def path(world: World) -> str:
    """Of a newsletter that was sent; the workspace also has surveys and lifecycle mails."""
    with_links(world)
    for name, category in (("news", "newsletter"), ("ask", "survey"), ("hello", "lifecycle")):
        template(world, name, category)
    journey(world, "p", "- email: news")
    world.deploy()
    company(world)
    world.tick()
    (mail,) = world.channel.accepted
    return mail.headers["List-Unsubscribe"].strip("<>").removeprefix("https://m.acme.example")


def visit(world: World, path: str, method: str = "GET", **more: object) -> httpx.Response:
    return ask(create_web_app(world.app), path, method=method, **more)


def standing(world: World) -> set[tuple[str, str]]:
    with world.database.read() as connection:
        rows = connection.execute(select(Suppression.category, Suppression.reason).where(Suppression.address == EMAIL))  # type: ignore[call-overload]
        return {(row.category, row.reason) for row in rows}


def ticked(page: str) -> set[str]:
    return set(re.findall(r'value="(\w+)" checked', page))


def test_the_mail_carries_exactly_one_way_out_in_its_head_and_in_its_text(world: World, path: str) -> None:
    (mail,) = world.channel.accepted
    assert set(mail.headers) == {"List-Unsubscribe", "List-Unsubscribe-Post", "List-Id"}
    assert f"Out: https://m.acme.example{path}" in mail.text
    assert mail.headers["List-Id"] == "<newsletter.us.example>"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_looking_changes_nothing_however_often(world: World, path: str, method: str) -> None:
    for _ in range(3):
        answer = visit(world, path, method)
        assert answer.status_code == 200
        assert "set-cookie" not in answer.headers
    assert standing(world) == set()


def test_the_page_shows_the_workspaces_categories_and_a_masked_address(world: World, path: str) -> None:
    page = visit(world, path).text
    assert ticked(page) == {"newsletter", "survey", "lifecycle"}
    assert "t…a@sakura.example" in page
    assert EMAIL not in page
    assert not re.search(r"<script|<link|<img|src=|url\(|http", page)


def test_the_page_may_not_run_load_or_be_framed(world: World, path: str) -> None:
    headers = visit(world, path).headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize(
    "body",
    [
        {"data": ONE_CLICK},
        {"files": {"List-Unsubscribe": (None, "One-Click")}},
        {"content": b"List-Unsubscribe=One-Click", "headers": {"content-type": "application/x-www-form-urlencoded"}},
    ],
)
def test_rfc_8058_one_click_acts_at_once_without_cookies_or_redirect(
    world: World, path: str, body: dict[str, object]
) -> None:
    answer = visit(world, path, "POST", **body)
    assert (answer.status_code, "set-cookie" in answer.headers) == (200, False)
    assert standing(world) == {("newsletter", "unsubscribed")}
    assert ticked(visit(world, path).text) == {"survey", "lifecycle"}
    (decision,) = took(world, "unsubscribed_newsletter")
    assert decision.verdict == "operated"
    with world.database.read() as connection:
        names = connection.execute(select(EVENT.c.name)).scalars().all()
    assert names.count("contact.unsubscribed") == 1
    visit(world, path, "POST", **body)
    assert len(took(world, "unsubscribed_newsletter")) == 1


def test_the_form_stores_what_is_ticked_and_can_take_it_back(world: World, path: str) -> None:
    answer = visit(world, path, "POST", data={"form": "choices", "do": "save", "category": "survey"})
    assert "Saved" in answer.text
    assert ticked(answer.text) == {"survey"}
    assert standing(world) == {("newsletter", "unsubscribed"), ("lifecycle", "unsubscribed")}
    again = visit(world, path, "POST", data={"form": "choices", "do": "save", "category": ["survey", "newsletter"]})
    assert ticked(again.text) == {"survey", "newsletter"}
    assert standing(world) == {("lifecycle", "unsubscribed")}
    assert took(world, "subscribed_newsletter")


def test_all_off_forbids_also_what_is_not_offered_yet_and_one_tick_brings_one_back(world: World, path: str) -> None:
    answer = visit(world, path, "POST", data={"form": "choices", "do": "none", "category": "survey"})
    assert "unsubscribed from all" in answer.text
    assert standing(world) == {("*", "unsubscribed")}
    visit(world, path, "POST", data={"form": "choices", "do": "save", "category": "survey"})
    assert standing(world) == {(each, "unsubscribed") for each in ("newsletter", "lifecycle", "education")}


def test_ticking_what_nobody_had_consented_to_is_consent(world: World, path: str) -> None:
    with world.database.write() as connection:
        connection.execute(Contact.__table__.update().values(consent=["newsletter"]))  # type: ignore[attr-defined]
    assert ticked(visit(world, path).text) == {"newsletter"}
    visit(world, path, "POST", data={"form": "choices", "do": "save", "category": ["newsletter", "survey"]})
    with world.database.read() as connection:
        assert connection.scalar(select(Contact.consent).where(Contact.email == EMAIL)) == ["newsletter", "survey"]  # type: ignore[call-overload]


@pytest.mark.parametrize("why", [Why.BOUNCE, Why.COMPLAINT, Why.HAND])
def test_what_we_stopped_ourselves_cannot_be_turned_on_here(world: World, path: str, why: Why) -> None:
    with world.database.write() as connection:
        suppress(connection, EMAIL, "", why, world.now)
    page = visit(world, path).text
    assert ticked(page) == set()
    assert "<form" not in page
    visit(world, path, "POST", data={"form": "choices", "do": "save", "category": "newsletter"})
    assert ("", why.value) in standing(world)


def test_a_stronger_word_takes_the_place_of_a_weaker_one_and_only_its_own_is_lifted(world: World, path: str) -> None:
    with world.database.write() as connection:
        assert suppress(connection, EMAIL, "", Why.UNSUBSCRIBED, world.now)
        assert not suppress(connection, EMAIL.upper(), "", Why.COMPLAINT, world.now)
        assert not suppress(connection, EMAIL, "", Why.HAND, world.now)
        assert lift(connection, EMAIL, [""], world.now, only=(Why.UNSUBSCRIBED,)) == []
    assert standing(world) == {("", "complaint")}


@pytest.mark.parametrize(
    ("locale", "accepts", "asked", "speaks"),
    [
        ("ja", "", "", "受け取るメールの設定"),
        ("en", "ja", "", "Which mails"),
        ("en", "", "?lang=ja", "受け取るメールの設定"),
        (None, "ja", "", "Which mails"),
    ],
)
def test_the_page_speaks_the_readers_language(
    world: World, path: str, locale: str | None, accepts: str, asked: str, speaks: str
) -> None:
    with world.database.write() as connection:
        connection.execute(Contact.__table__.update().values(locale=locale))  # type: ignore[attr-defined]
    assert speaks in visit(world, path + asked, headers={"accept-language": accepts}).text


@pytest.mark.parametrize("token", ["x", "AAAAAAAAAAAAAAAAAAAAAAA", *(injection[:200] for injection in INJECTIONS)])
def test_an_unknown_token_is_a_polite_404_that_says_nothing(world: World, path: str, token: str) -> None:
    from urllib.parse import quote

    for method in ("GET", "POST"):
        answer = visit(world, f"/u/{quote(token, safe='')}", method)
        assert answer.status_code in (404, 405)
        assert "sakura" not in answer.text


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"List-Unsubscribe=no", 400),
        (b"\xff\xfe", 400),
        (b"&" * 7000, 400),
        (b"a=b&" * 1500, 400),
        (b"x" * 8001, 413),
    ],
)
def test_a_body_that_says_nothing_changes_nothing(world: World, path: str, body: bytes, status: int) -> None:
    answer = visit(world, path, "POST", content=body, headers={"content-type": "application/x-www-form-urlencoded"})
    assert (answer.status_code, standing(world)) == (status, set())


def test_a_test_mails_link_changes_nothing(world: World, path: str) -> None:
    trial = "/u/" + str(world.app.links.url(TRIAL)).rpartition("/")[2]
    assert "test mail" in visit(world, trial).text
    assert visit(world, trial, "POST", data=ONE_CLICK).status_code == 200
    assert standing(world) == set()


def test_the_link_of_an_erased_person_leads_to_nothing_and_never_expires_for_others(world: World, path: str) -> None:
    world.jump(days=4000)
    assert ticked(visit(world, path).text) == {"newsletter", "survey", "lifecycle"}
    world.app.erase("sakura", None, by="sato")
    answer = visit(world, path, "POST", data=ONE_CLICK)
    assert (answer.status_code, standing(world)) == (200, set())
    assert "sakura" not in unescape(visit(world, path).text)


def test_who_unsubscribes_by_one_click_gets_nothing_of_what_waits(world: World) -> None:
    """At its next check a waiting mail of the category is suppressed, and one of another category goes."""
    with_links(world)
    template(world, "news", "newsletter")
    template(world, "news2", "newsletter")
    template(world, "hello", "lifecycle")
    journey(world, "p", '- email: news\n- email: news2\n  window: "20:00-21:00"\n- email: hello')
    world.deploy()
    company(world)
    world.tick()
    out = world.channel.accepted[0].headers["List-Unsubscribe"].strip("<>").removeprefix("https://m.acme.example")
    assert states(world)[-1] == ("news2", "pending")
    visit(world, out, "POST", data=ONE_CLICK)
    world.time_passes(hours=14, every=timedelta(hours=1))
    assert states(world) == [("news", "accepted"), ("news2", "suppressed"), ("hello", "accepted")]


def test_transactional_mails_still_go_to_who_unsubscribed_and_never_to_who_bounced(world: World) -> None:
    with_links(world)
    template(world, "bill", "transactional")
    template(world, "news", "newsletter")
    journey(
        world, "p", '- email: news\n  window: "20:00-21:00"\n- email: bill\n- wait: 1 day\n- email: bill\n  id: bill2'
    )
    world.deploy()
    company(world)
    world.tick()
    with world.database.write() as connection:
        suppress(connection, EMAIL, "*", Why.UNSUBSCRIBED, world.now)
    world.time_passes(hours=14, every=timedelta(hours=1))
    assert states(world) == [("news", "suppressed"), ("bill", "accepted")]
    assert world.channel.accepted[0].headers == {}
    with world.database.write() as connection:
        suppress(connection, EMAIL, "", Why.BOUNCE, world.now)
    world.time_passes(days=2)
    assert states(world)[-1] == ("bill2", "held")


def test_through_a_real_channel_mails_without_a_way_out_wait_for_the_setting(world: World) -> None:
    with_links(world, is_required=True)
    complete = world.app.links
    world.app._publications = Publications(MailLinks(installation=world.app.installation, is_required=True))
    template(world, "news", "newsletter")
    template(world, "bill", "transactional")
    journey(world, "p", "- email: bill\n- email: news")
    world.deploy()
    company(world)
    world.tick()
    assert states(world) == [("bill", "accepted"), ("news", "pending")]
    assert took(world, "no_unsubscribe_link")
    world.app._publications = Publications(complete)
    world.time_passes(hours=2, every=timedelta(minutes=30))
    assert states(world)[-1] == ("news", "accepted")
