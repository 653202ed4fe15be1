"""A card that several journeys share names each of them, as long as its cause stands (S28). On both databases."""

from __future__ import annotations

import pytest

from bot.insight.doctor import examine
from bot.pipeline.escalate import post_handoffs
from bot.settings import Settings
from bot.slack.wording import WORDS
from storage.handoffs import HandoffState
from tests.slack.world import NOW, UNPOSTED, World
from tests.storage.handoff_rows import handoff

JOINED = {"state": HandoffState.MERGED, "posting": "needless", "posted_channel": None, "posted_ts": None}


def test_s28_the_card_names_every_cause(world: World) -> None:
    card = handoff(world.database, playbook="usage", title={"en": "Ask about usage"}, **UNPOSTED)
    handoff(world.database, playbook="nps", title={"en": "Ask about the answer"}, merged_into=card, **JOINED)
    assert post_handoffs(world.poster()).posted == 1, "one card for both"
    blocks = str(world.slack.posts[0].blocks)
    assert "Ask about usage: From the journey “usage”" in blocks
    assert "Ask about the answer: From the journey “nps”" in blocks


def test_s28_a_cause_that_is_over_is_not_named_any_more(world: World) -> None:
    card = handoff(world.database, playbook="usage", cause_over="goal", **UNPOSTED)
    handoff(world.database, playbook="nps", merged_into=card, **JOINED)
    post_handoffs(world.poster())
    blocks = str(world.slack.posts[0].blocks)
    assert "“nps”" in blocks
    assert "“usage”" not in blocks


@pytest.mark.parametrize("act", ["act_merged", "act_raised", "act_cause_ended", "told_merged", "state_merged"])
def test_what_merging_says_exists_in_both_languages(act: str) -> None:
    english, japanese = WORDS[act]
    assert english.isascii()
    assert not japanese.isascii()


def test_doctor_takes_a_joined_cause_for_no_fault(world: World) -> None:
    card = handoff(world.database, **UNPOSTED)
    handoff(world.database, merged_into=card, **JOINED)
    found = examine(world.database, None, NOW, Settings())
    assert "handoff_end_broken" not in {complaint.name for complaint in found}
