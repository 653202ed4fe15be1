"""Content at work: curricula are assigned, mails name what fits in the reader's language, and what readers open and click counts
as known and viewed (S20, S30, S33, S40)."""

from __future__ import annotations

from sqlalchemy import Table, select

from storage.curricula import CurriculumAssignment
from storage.outbox_moves import CONTENT as CONTENT_OF_MAIL
from tests.cast import happened, person
from tests.pipeline.provider import EVENT, heard, rows, said
from tests.pipeline.scenes import company, enroll, journey, mails, outcomes, took
from tests.world import World

ASSIGNMENT: Table = CurriculumAssignment.__table__  # type: ignore[attr-defined]
CONTENT = """
items:
  setup: {title: {en: Set up, ja: 設定}, kind: guide, minutes: 6, url: {en: "https://help.example/en/setup", ja: "https://help.example/setup"}}
  setup_more: {title: More, kind: guide, url: "https://help.example/en/setup/more"}
  shops: {title: Shops, kind: case_study, url: "https://help.example/shops?a=1&b=2", for: industry == "retail"}
curricula:
  basics: [{item: setup, within: 3 days}, {item: shops, within: 5 days}]
"""


def deployed(world: World, steps: str, **more: str) -> None:
    world.write("playbooks/content.yml", CONTENT)
    journey(world, "p", steps, **more)
    world.deploy()


def mail(world: World, body: str, *locales: str) -> None:
    for locale in locales or ("en",):
        head = "---\nsubject: Hello\npreheader: Hello\ncategory: lifecycle\n---\n"
        world.write(f"templates/emails/hello.{locale}.md", f"{head}{body}\n")


def told(world: World, name: str) -> list[str]:
    found = select(EVENT.c.properties).where(EVENT.c.name == name).order_by(EVENT.c.id)
    return [row.properties["content"] for row in rows(world, found)]


def test_s20_a_curriculum_is_assigned_once_and_its_days_count_from_then(world: World) -> None:
    steps = '- assign: basics\n  to: all(user)\n- wait: {until: overdue("basics") >= 1, at_most: 30 days}\n- end: late'
    deployed(world, steps, enter="manual: true")
    member = company(world, roles=("user",))
    person(world.database, member.key, "mori", world.now, roles=("user",))
    company(world, "empty", roles=("champion",))
    for key in ("sakura", "empty"):
        enroll(world, "p", customer=key)
    world.tick()
    assert len(rows(world, select(ASSIGNMENT))) == 2
    assert [each.details["contacts"] for each in took(world, "assigned")] == [2]
    assert len(took(world, "nobody_to_learn", "empty")) == 1
    world.jump(days=3)
    world.tick()
    assert outcomes(world) == [None]
    world.jump(days=1)
    world.tick()
    assert outcomes(world) == ["late"]
    enroll(world, "p", customer="sakura")
    world.tick()
    assert len(rows(world, select(ASSIGNMENT))) == 2
    assert len(took(world, "assigned_already")) == 1


def test_s33_nobody_learns_in_the_holdout(world: World) -> None:
    deployed(world, "- assign: basics\n  to: contact", walks="contact", more="holdout: 99%")
    company(world)
    world.tick()
    assert rows(world, select(ASSIGNMENT)) == []
    assert len(took(world, "holdout")) == 1


def test_a_mail_names_what_fits_in_the_language_of_its_reader(world: World) -> None:
    body = '[{{ content(kind="guide").title }}]({{ content(kind="guide").url }}) ({{ content("setup").minutes }})'
    mail(world, body, "en", "ja")
    deployed(world, "- email: hello\n  to: contact", walks="contact")
    company(world)
    person(world.database, "sakura", "mori", world.now, locale="ja")
    world.tick()
    found = select(CONTENT_OF_MAIL.c.to_name, CONTENT_OF_MAIL.c.text)
    texts = {row.to_name: row.text for row in rows(world, found)}
    assert "Set up: https://help.example/en/setup (6)" in texts["Tanaka"]
    assert "設定" in texts["Mori"]
    assert "https://help.example/setup" in texts["Mori"]


def test_a_mail_with_nothing_that_fits_is_held(world: World) -> None:
    mail(world, '{{ content(kind="case_study").title }}')
    deployed(world, "- email: hello")
    company(world, industry="office")
    world.tick()
    assert mails(world) == []
    (found,) = took(world, "missing_field")
    assert 'content(kind="case_study").title' in str(found.details)


def test_s40_opening_makes_known_and_clicking_is_a_view(world: World) -> None:
    mail(world, '[Go]({{ content("setup").url }}) and [Shops](https://help.example/shops?a=1&b=2).')
    deployed(world, '- email: hello\n- wait: {until: viewed("setup"), at_most: 9 days}\n- end: seen')
    company(world)
    world.tick()
    heard(world, said(world, "open"))
    assert told(world, "content.noticed") == ["setup", "shops"], "not setup_more, whose address only begins alike"
    elsewhere = said(world, "click", url="https://elsewhere.example/", sg_event_id="1")
    click = said(world, "click", url="https://help.example/en/setup", sg_event_id="2")
    again = said(
        world, "click", url="https://help.example/en/setup", sg_event_id="3", timestamp=click["timestamp"] + 60
    )
    heard(world, elsewhere, click, again)
    assert told(world, "content_viewed") == ["setup"]
    world.tick()
    assert outcomes(world) == ["seen"]


def test_s40_a_scanners_click_is_no_view_and_one_that_turns_out_to_be_is_taken_back(world: World) -> None:
    world.mail("hello")
    deployed(world, "- email: hello")
    company(world)
    world.tick()
    at = int(world.now.timestamp())
    heard(world, said(world, "delivered", timestamp=at))
    heard(world, said(world, "click", url="https://help.example/en/setup", timestamp=at + 2, sg_event_id="1"))
    assert told(world, "content_viewed") == ["setup"]
    heard(world, said(world, "click", url="https://help.example/shops?a=1&b=2", timestamp=at + 3, sg_event_id="2"))
    assert told(world, "content_viewed") == []


def test_a_tracked_view_ends_a_journey_whose_goal_it_is(world: World) -> None:
    deployed(world, "- wait: 9 days", walks="contact", more='goal: viewed("setup")')
    member = company(world)
    world.tick()
    happened(
        world.database, "sakura", "content_viewed", world.now, contact_id=member.contact_id, content="setup", minutes=4
    )
    world.jump(hours=1)
    world.tick()
    assert outcomes(world) == ["goal"]
