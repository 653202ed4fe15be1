"""Sentences: every reason that any module gives has one, in both languages, with the same slots."""

from __future__ import annotations

import ast
import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.sendgrid_answers import _BY_STATUS
from bot.pipeline.entering import DEFERRALS, ENTER
from bot.rules.fates import STAMPS
from bot.rules.reason_sentences import SENTENCES
from bot.rules.reasons import has_sentence, sentence, verdict_word
from storage.journal import Verdict
from storage.journeys import EnrollmentStatus
from storage.outbox import Delivery

ROOT = Path(__file__).parents[2]
SOURCES = [*(ROOT / "bot").rglob("*.py"), *(ROOT / "storage").glob("*.py")]
#: Calls whose `reason=` ends up in the journal or on a mail.
TELLING = {"Entry", "Judgement", "Answer", "to", "_Deed"}
#: Modules whose rules are (expression, "reason") pairs.
PAIRED = {"entering.py", "why_not.py", "why_many_not.py"}
KANA = re.compile("[぀-ヿ一-鿿]")


def _texts(node: ast.AST | None) -> Iterator[str]:
    """The constant texts an expression may be."""
    match node:
        case ast.Constant(value=str() as text):
            yield text
        case ast.IfExp():
            yield from _texts(node.body)
            yield from _texts(node.orelse)


def _called(call: ast.Call) -> str:
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def _told_by_calls(tree: ast.AST) -> Iterator[str]:
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        name = _called(call)
        if name in TELLING:
            yield from (text for word in call.keywords if word.arg == "reason" for text in _texts(word.value))
        if name in ("decide", "_operated") and len(call.args) > 2:
            yield from _texts(call.args[2])
        if name == "cancel_for_walks":
            yield from _texts(call.args[-1])
        if name in ("line", "say") and len(call.args) > 1 and name == "line":
            yield from _texts(call.args[1])
        if name == "values":
            yield from (text for word in call.keywords if word.arg == "verdict" for text in _texts(word.value))


def _told_by_pairs(tree: ast.AST) -> Iterator[str]:
    """`(expression, "reason")` and `"reason", {details}`."""
    for pair in (node for node in ast.walk(tree) if isinstance(node, ast.Tuple) and len(node.elts) == 2):
        first, second = pair.elts
        if isinstance(second, ast.Dict):
            yield from _texts(first)
        elif not isinstance(first, ast.Constant):
            yield from _texts(second)
            if isinstance(second, ast.Call) and _called(second) == "literal":
                yield from _texts(second.args[0])


def _told_of_mails(tree: ast.AST) -> Iterator[str]:
    """`mail_approved` and its like, handed on as plain arguments."""
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        yield from (text for given in call.args for text in _texts(given) if re.fullmatch("mail_[a-z_]+", text))


def _deeds() -> Iterator[str]:
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in (ROOT / "storage").glob("handoff_*.py")]
    for call in (node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)):
        if _called(call) == "Deed":
            yield from (f"handoff_{text}" for word in call.keywords if word.arg == "act" for text in _texts(word.value))


def _reasons() -> dict[str, str]:
    """Reason → a file that gives it."""
    found: dict[str, str] = {}
    for path in SOURCES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for reason in (*_told_by_calls(tree), *_told_of_mails(tree)):
            found[reason] = path.name
        if path.name in PAIRED:
            found |= dict.fromkeys(_told_by_pairs(tree), path.name)
    found |= dict.fromkeys(_deeds(), "handoff_moves.py")
    # Reasons that are put together at run time.
    held = ("review", "missing_field", "nobody_to_write_to", "template_held")
    found |= {f"{reason}_expired": "outbox_moves.py" for reason in held}
    found |= {f"mail_{stamp.removesuffix('_at')}": "absorb.py" for stamp in STAMPS}
    found |= {f"mail_{kind.value}": "journal_lines.py" for kind in Delivery}
    found |= {reason: "sendgrid_answers.py" for _, reason in _BY_STATUS.values()}
    found |= dict.fromkeys((*DEFERRALS, ENTER, "existing", "completed", "ended", "timeout", "reset"), "pipeline")
    return found


def test_the_search_finds_reasons_of_every_kind() -> None:
    """Guards the guard: one well-known reason of each way of giving one."""
    found = _reasons()
    for known in (
        "walk_fault",
        "handed_over",
        "would_leave_at_once",
        "missing_field",
        "not_yet",
        "walk_ended",
        "worker_lost",
    ):
        assert known in found, known


def test_every_reason_that_is_ever_given_has_a_sentence() -> None:
    missing = {reason: place for reason, place in _reasons().items() if not has_sentence(reason)}
    assert missing == {}, "add them to bot/rules/reason_sentences.py"


@pytest.mark.parametrize("key", sorted(SENTENCES))
def test_both_languages_say_something_and_ask_for_the_same_details(key: str) -> None:
    english, japanese = SENTENCES[key]
    slots = [{name for _, name, _, _ in string.Formatter().parse(text) if name} for text in (english, japanese)]
    assert slots[0] == slots[1]
    assert english.strip()
    assert KANA.search(japanese)
    assert not KANA.search(english)


@pytest.mark.parametrize("verdict", [verdict.value for verdict in Verdict])
def test_every_verdict_has_a_word_in_both_languages(verdict: str) -> None:
    assert verdict_word(verdict, "en") != verdict_word(verdict, "ja")
    assert KANA.search(verdict_word(verdict, "ja"))


def test_an_unknown_reason_is_written_out_readably() -> None:
    assert not has_sentence("struck_by_lightning")
    assert sentence("fault", "struck_by_lightning") == "Broke: struck by lightning"
    assert sentence("fault", "struck_by_lightning", locale="ja") == "エラー：struck by lightning"
    assert sentence("", "") == ": –"


def test_details_fill_the_slots_and_a_missing_one_is_a_dash() -> None:
    assert sentence("chose", "arm", {"arm": "b"}) == "Fell to the arm `b`"
    assert sentence("chose", "arm") == "Fell to the arm `–`"
    assert sentence("did", "logged", {"text": {"en": "Hello", "ja": "こんにちは"}}, "ja") == "記録：こんにちは"
    assert sentence("did", "set", {"values": {"stage": "adoption", "attributes.vip": True}}) == (
        "Wrote stage = adoption, attributes.vip = true"
    )


def test_an_instant_is_shown_in_the_readers_zone() -> None:
    details = {"until": "2027-03-01T00:00:00+00:00"}
    assert "2027-03-01 09:00 JST" in sentence("deferred", "outside_window", details, zone="Asia/Tokyo")
    assert "2027-03-01 00:00 UTC" in sentence("deferred", "outside_window", details)


def test_one_reason_means_what_its_verdict_says() -> None:
    assert "tried again" in sentence("deferred", "worker_lost")
    assert "unknown" in sentence("fault", "worker_lost")


def test_the_locale_may_carry_a_region() -> None:
    assert sentence("left", "goal", locale="ja-JP") == sentence("left", "goal", locale="ja")
    assert sentence("left", "goal", locale="en-GB") == sentence("left", "goal", locale="fr")


@given(
    st.sampled_from(sorted(SENTENCES)).map(lambda key: key.rpartition(":")[2]),
    st.sampled_from([*Verdict, "inside", "outside"]),
    st.dictionaries(st.text(), st.none() | st.text() | st.integers() | st.booleans() | st.lists(st.text())),
    st.sampled_from(["en", "ja"]),
)
def test_no_details_make_a_sentence_fail(reason: str, verdict: str, details: dict[str, object], locale: str) -> None:
    assert sentence(verdict, reason, details, locale)


def test_statuses_of_walks_are_not_reasons() -> None:
    assert not has_sentence(EnrollmentStatus.ACTIVE)


@pytest.mark.parametrize(
    ("reason", "details", "english", "japanese"),
    [
        ("mail_rejected", {"by": "sato"}, "sato decided not to send it", "satoさんが送信しないことにしました"),
        (
            "nobody_to_write_to",
            {"to": ""},
            "Nobody at the customer can be written to; a person is asked",
            "送り先となるご担当者がいません。担当者に確認を依頼しました",
        ),
        ("handed_over", {"kind": "risk"}, "Handed over to – (risk)", "–さんに対応を依頼しました（risk）"),
    ],
)
def test_an_aside_without_a_value_is_left_out(
    reason: str, details: dict[str, str], english: str, japanese: str
) -> None:
    assert sentence("x", reason, details) == english
    assert sentence("x", reason, details, "ja") == japanese
