"""Cards: what they say, in English and Japanese, and that Slack takes them at every length of every field."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.channels.slack import Card
from bot.insight.handoff_brief import BriefLine
from bot.slack.cards import ActLine, CardView, draw_card, draw_moved_card, shown_tasks
from bot.slack.wording import WORDS
from storage.handoffs import HandoffState
from tests.fakes.slack_blocks import faults_of
from tests.storage.handoff_rows import NOW

VIEW = CardView(
    reference="i1.7",
    locale="en",
    timezone="Asia/Tokyo",
    drawn_at=NOW,
    state=HandoffState.OPEN,
    title="Renewal at risk",
    urgency="high",
    customer_name="Acme",
    arr=1_200_000,
    currency="JPY",
    stage="adoption",
    owner="Sato",
    contact="Tanaka · CTO",
    due_at=NOW + timedelta(days=1),
    reason="From the journey “Renewal”",
    brief=(BriefLine(label="Usage", text="login: 3 (10, -70%)"),),
    tasks=("Read the timeline", "Call"),
    outcomes=(),
    outcome=None,
    acts=(),
)
HOSTILE = [
    "<!channel>", "<@U999>", "<http://evil|Click>", "http://evil.example", "&lt;", "x" * 10_000, "&" * 10_000, "🔥" * 5_000,
    "\u202egnp.exe", "*_~`bold`~_*", "", " ", "\n\n", "{by}", "a\x00b",
]  # fmt: skip


def shown(card: Card) -> str:
    return json.dumps(card.blocks, ensure_ascii=False)


def act(name: str, by: str = "Sato", **details: Any) -> ActLine:
    return ActLine(act=name, by=by, at=NOW, details=details)


def test_an_open_card_says_who_why_what_and_by_when() -> None:
    card = draw_card(VIEW)
    assert faults_of(card.blocks) == []
    for part in ("Urgent: Renewal at risk", "Acme", "¥1,200,000", "adoption", "Sato", "Tanaka · CTO", "login: 3"):
        assert part in shown(card)
    assert "Thu, 4 Mar 2027, 18:00" in shown(card), "due in the reader's zone"
    assert [box["text"]["text"] for box in card.blocks[-2]["elements"][0]["options"]] == ["Read the timeline", "Call"]
    assert [element["action_id"] for element in card.blocks[-1]["elements"]] == [
        "handoff_acknowledge",
        "handoff_snooze",
        "handoff_reassign",
        "handoff_done",
        "handoff_dismiss",
        "handoff_flag",
    ]
    assert {element["value"].partition("#")[0] for element in card.blocks[-1]["elements"]} == {"i1.7"}
    assert "Renewal at risk · Acme" in card.text


def test_the_same_card_in_japanese() -> None:
    card = draw_card(replace(VIEW, locale="ja", acts=(act("acknowledged", "佐藤"),), state=HandoffState.ACKNOWLEDGED))
    for part in (
        "至急",
        "1,200,000円",
        "2027年3月4日(木) 18:00",
        "佐藤さんが対応中（2027年3月3日(水) 18:00）",
        "完了",
        "後で",
    ):
        assert part in shown(card)
    assert "Acknowledge" not in shown(card)


def test_an_acknowledged_card_says_who_and_when_and_cannot_be_acknowledged_again() -> None:
    card = draw_card(replace(VIEW, state=HandoffState.ACKNOWLEDGED, acts=(act("acknowledged"),)))
    assert "Sato acknowledged this, Wed, 3 Mar 2027, 18:00" in shown(card)
    assert "handoff_acknowledge" not in shown(card)


def test_a_prepared_mail_is_edited_and_sent_from_the_card() -> None:
    assert "handoff_edit_send" not in shown(draw_card(VIEW))
    assert "Edit & send" in shown(draw_card(replace(VIEW, has_mail=True)))


def test_the_card_says_health_evidence_and_what_was_sent() -> None:
    view = replace(
        VIEW,
        health="32 🔴 red (-20 in 30 days)",
        evidence=("`logins` did not come true", '• count("login") → 0'),
        sent=("1 Mar Your renewal → Tanaka (opened)",),
    )
    card = draw_card(view)
    assert faults_of(card.blocks) == []
    for part in ("32 🔴 red (-20 in 30 days)", "did not come true", "→ 0", "Your renewal → Tanaka (opened)"):
        assert part in shown(card)


def test_a_long_task_goes_on_below_its_first_line_and_the_twenty_first_is_counted() -> None:
    card = draw_card(replace(VIEW, tasks=("word " * 40, *(f"task {number}" for number in range(24)))))
    assert faults_of(card.blocks) == []
    (first, *_) = (block for block in card.blocks if str(block.get("block_id")).startswith("handoff_tasks"))
    assert first["elements"][0]["options"][0]["description"]["text"].startswith("…")
    assert "and 5 more" in shown(card)


def test_the_ids_of_boxes_say_which_ticks_were_shown() -> None:
    card = draw_card(replace(VIEW, ticked=frozenset({1})))
    (boxes,) = (block for block in card.blocks if str(block.get("block_id")).startswith("handoff_tasks"))
    assert shown_tasks(boxes["block_id"]) == ("i1.7", frozenset({1}))
    assert [box["value"] for box in boxes["elements"][0]["initial_options"]] == ["1"]
    assert shown_tasks("handoff_buttons") is None


@pytest.mark.parametrize("state", [HandoffState.DONE, HandoffState.DISMISSED, HandoffState.WITHDRAWN])
def test_a_finished_card_is_one_line_without_buttons(state: HandoffState) -> None:
    acts = (act("acknowledged"), act(state.value, outcome="won", reason="renewed"), act("noted"))
    card = draw_card(replace(VIEW, state=state, acts=acts))
    assert len(card.blocks) == 1
    assert "\n" not in card.blocks[0]["text"]["text"]
    assert "3 Mar 2027" in shown(card)
    assert "handoff_" not in shown(card)


def test_an_overdue_card_and_one_without_owner_or_due_say_so() -> None:
    assert "overdue" in shown(draw_card(replace(VIEW, due_at=NOW - timedelta(hours=1))))
    assert "nobody yet" in shown(draw_card(replace(VIEW, owner=None)))
    assert "no due date" in shown(draw_card(replace(VIEW, due_at=None)))


def test_a_moved_card_points_to_the_newer_one() -> None:
    card = draw_moved_card(VIEW)
    assert "This hand-off is now with Sato." in shown(card)
    assert faults_of(card.blocks) == []


def test_a_slack_user_whom_we_do_not_know_is_mentioned_by_id_and_a_forged_one_is_text() -> None:
    known = draw_card(replace(VIEW, acts=(act("acknowledged", "slack:U0ABC"),)))
    forged = draw_card(replace(VIEW, acts=(act("acknowledged", "slack:U1> <!channel"),)))
    assert "<@U0ABC>" in shown(known)
    assert "<!channel" not in shown(forged)
    assert faults_of(forged.blocks) == []


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("locale", ["en", "ja", "xx-bad"])
@pytest.mark.parametrize("state", list(HandoffState))
def test_no_text_of_a_person_breaks_a_card_or_calls_anybody(text: str, locale: str, state: HandoffState) -> None:
    view = replace(
        VIEW,
        locale=locale,
        state=state,
        title=text,
        customer_name=text,
        stage=text,
        owner=text,
        contact=text,
        reason=text,
        health=text,
        evidence=(text,) * 20,
        sent=(text,) * 20,
        ticked=frozenset(range(60)),
        has_mail=True,
        brief=(BriefLine(label=text, text=text),) * 60,
        tasks=(text,) * 60,
        outcomes=(text,) * 150,
        acts=(
            act("acknowledged", text),
            act("done", text, outcome=text),
            act(text or "x", text, owner=text, reason=text),
        ),
    )
    for card in (draw_card(view), draw_moved_card(view)):
        assert faults_of(card.blocks) == []
        assert card.text.strip()
        assert "<!" not in card.text
        assert len(card.text) <= 3000


@settings(max_examples=60)
@given(st.text(max_size=4000), st.lists(st.text(max_size=3000), max_size=12), st.floats() | st.none())
def test_any_card_is_one_that_slack_takes(text: str, texts: list[str], arr: float | None) -> None:
    view = replace(
        VIEW, title=text, tasks=tuple(texts), arr=arr, brief=tuple(BriefLine(label=t, text=t) for t in texts)
    )
    assert faults_of(draw_card(view).blocks) == []


def test_every_sentence_has_the_same_parts_in_both_languages() -> None:
    for word, (english, japanese) in WORDS.items():
        assert english, word
        assert japanese, word
        wanted = {part.split("}")[0] for part in english.split("{")[1:]}
        assert wanted == {part.split("}")[0] for part in japanese.split("{")[1:]}, word


def test_a_card_that_concerns_no_single_customer_names_none() -> None:
    card = draw_card(replace(VIEW, customer_name=""))
    assert "· ·" not in card.text
    assert "Customer" not in shown(card)
    assert faults_of(card.blocks) == []
