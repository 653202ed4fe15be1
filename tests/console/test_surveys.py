"""A survey from the mail to the fact: a click only opens the page, sending it answers, once per invitation; low scores start their
journey at once, and nobody is asked twice within the pause."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta

import httpx
import pytest

from bot.console.web import create_web_app
from bot.insight.report_nps import report_nps
from bot.intake.directory import CONTACT
from bot.webhooks.unsubscribe import MailLinks
from storage.facts import SurveyAnswer
from tests.cast import cast, change
from tests.intake.house import stored
from tests.pipeline.scenes import name_of_mail
from tests.world import World

LINKS = MailLinks(public_url="https://bot.example", keys=(b"k" * 32,), installation="test")
SURVEYS = """
nps:
  scale: 0-10
  question: {en: Would you recommend us?, ja: おすすめいただけますか。}
  follow_up: {en: Why?, ja: 理由をお聞かせください。}
  thanks: {en: We read it all., ja: すべて拝読します。}
"""
MAIL = """---
subject: One question
category: survey
---
[3]({{ mail.survey_url }}?score=3) [9]({{ mail.survey_url }}?score=9)
"""
ASK = """
title: Ask
state: live
walks: contact
enter: {when: tier == "asked", existing: enter}
again: after 1 days
steps:
  - survey: nps
    to: contact
  - wait: {until: 'answered("nps", since="nps")', at_most: 30 days}
"""
LOW = """
title: Low
state: live
walks: contact
enter: {on: survey.answered, when: 'event.kind == "nps" and event.score <= 6'}
steps:
  - handoff: Answer them
    kind: risk
"""


@pytest.fixture
def asked(world: World) -> World:
    world.app.links = LINKS
    world.app._publications._links = LINKS
    world.write("playbooks/surveys.yml", SURVEYS)
    world.write("templates/emails/survey_nps.en.md", MAIL)
    world.playbook("ask", ASK)
    world.playbook("low", LOW)
    world.deploy()
    cast(world.database, world.now, tier="asked")
    world.time_passes(hours=1)
    return world


def ask(world: World, method: str, path: str, **form: str) -> httpx.Response:
    async def go() -> httpx.Response:
        transport = httpx.ASGITransport(create_web_app(world.app))
        async with httpx.AsyncClient(transport=transport, base_url="http://bot") as client:
            return await client.request(method, path, data=form or None)

    return asyncio.run(go())


def link(world: World, customer: str = "healthy") -> str:
    """The path of the first link in the customer's survey mail."""
    place = next(row.id for row in world.sent if row.customer == customer and row.template == "survey_nps")
    url = LINKS.survey_url(name_of_mail(world, place))
    assert url is not None
    return url.removeprefix("https://bot.example")


def answers(world: World) -> list[tuple[float, str | None]]:
    return [(row["score"], row["comment"]) for row in stored(world.database, SurveyAnswer.__table__)]  # type: ignore[attr-defined]


def test_every_reader_but_who_opted_out_is_asked_with_a_link_of_their_own(asked: World) -> None:
    assert sorted(row.customer for row in asked.sent) == ["going_quiet", "healthy"]
    (mail, other) = asked.app.channel.accepted  # type: ignore[attr-defined]
    links = {re.search(r"https://bot\.example/s/[\w-]+\?score=9", found.text)[0] for found in (mail, other)}  # type: ignore[index]
    assert len(links) == 2


def test_a_click_shows_the_score_and_answers_nothing(asked: World) -> None:
    page = ask(asked, "GET", link(asked) + "?score=3")
    assert page.status_code == 200
    assert 'value="3" required checked' in page.text
    assert "Would you recommend us?" in page.text
    assert page.headers["x-robots-tag"] == "noindex, nofollow"
    assert answers(asked) == []
    assert ask(asked, "HEAD", link(asked)).status_code in (200, 405)
    assert answers(asked) == []


def test_the_first_answer_starts_the_low_journey_at_once_and_a_change_does_not_start_it_again(asked: World) -> None:
    path = link(asked)
    answer = ask(asked, "POST", path, form="answer", score="3", comment=" Too slow\x00 ")
    assert (answer.status_code, "We read it all." in answer.text) == (200, True)
    asked.tick()
    assert [handoff.customer for handoff in asked.handoffs] == ["healthy"]
    asked.time_passes(hours=20)
    assert "Your answer was changed" in ask(asked, "POST", path, form="answer", score="2").text
    assert answers(asked) == [(2.0, "Too slow")]
    asked.time_passes(hours=5)
    assert "Your first answer stands" in ask(asked, "POST", path, form="answer", score="10").text
    assert answers(asked) == [(2.0, "Too slow")]
    assert len(asked.handoffs) == 1


@pytest.mark.parametrize("score", ["11", "9/10", "-1", "", "nine", "9.5"])
def test_a_score_outside_of_the_scale_is_refused_with_the_scale(asked: World, score: str) -> None:
    answer = ask(asked, "POST", link(asked), form="answer", score=score, comment="kept")
    assert (answer.status_code, "0–10" in answer.text, "kept" in answer.text) == (400, True, True)
    assert answers(asked) == []


def test_nobody_is_asked_again_within_the_pause_and_a_decision_says_so(asked: World) -> None:
    for member in ("healthy", "going_quiet"):
        change(asked.database, member, tier="other")
    asked.time_passes(days=31)
    change(asked.database, "healthy", tier="asked")
    asked.time_passes(hours=3)
    assert "asked_lately" in asked.reasons("healthy", "ask")
    assert len([row for row in asked.sent if row.customer == "healthy"]) == 1


def test_links_that_are_cut_off_foreign_or_of_the_erased_answer_nothing(asked: World) -> None:
    path = link(asked)
    assert ask(asked, "GET", path[:-2]).status_code == 404
    unsubscribe = str(LINKS.url(name_of_mail(asked, asked.sent[0].id))).replace("https://bot.example/u/", "/s/")
    assert ask(asked, "POST", unsubscribe, form="answer", score="3").status_code == 404
    asked.app.erase("healthy", "tanaka", by="sato")
    assert ask(asked, "POST", path, form="answer", score="3").status_code == 410
    assert answers(asked) == []


def test_the_page_speaks_the_language_of_the_contact(asked: World) -> None:
    with asked.database.write() as connection:
        connection.execute(CONTACT.update().values(locale="ja"))
    page = ask(asked, "GET", link(asked)).text
    assert 'lang="ja"' in page
    assert "おすすめいただけますか。" in page
    assert "Would you recommend us?" in ask(asked, "GET", link(asked) + "?lang=en").text


def test_the_report_counts_the_latest_answer_of_each_person_by_stage_and_segment(asked: World) -> None:
    ask(asked, "POST", link(asked), form="answer", score="10")
    ask(asked, "POST", link(asked, "going_quiet"), form="answer", score="4")
    with asked.database.read() as connection:
        rows = report_nps(connection, asked.now + timedelta(days=1))
    told = {(row["by"], row["group"]): (row["answers"], row["nps"]) for row in rows}
    assert told["all", ""] == (2, 0.0)
    assert told["stage", "adoption"] == (2, 0.0)
    assert told["tier", "asked"] == (2, 0.0)
