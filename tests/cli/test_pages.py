"""The generated pages of docs/: as committed, complete, and true."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import get_args

import pytest

from bot.authoring.playbook_files import load_playbook
from bot.cli.command_table import COMMANDS
from bot.cli.pages import generated_pages
from bot.cli.pages.entering import OCCURRENCES
from bot.cli.pages.playbook_reference import BRIEF
from bot.cli.pages.step_examples import STEP_EXAMPLES, TRIGGER_EXAMPLES
from bot.insight import handoff_brief
from bot.rules.built_in_events import BUILT_IN_EVENTS
from bot.rules.playbook import TRIGGERS
from bot.rules.steps_model import STEP_MODELS, BriefItem
from bot.rules.vocabulary import describe
from bot.settings import describe_settings

ROOT = Path(__file__).parents[2]
EVENT_NAME = re.compile(
    r'"((?:contact|content|customer|stage|ticket|survey|subscription|meeting|plan|handoff|message|playbook)\.[a-z_]+)"'
)
#: Where events are told; elsewhere such texts are keys of something else.
TELLERS = (
    "bot/intake/writers", "bot/pipeline", "bot/rules/catalogue.py",
    "storage/consent.py", "storage/handoff_answers.py", "storage/handoff_moves.py",
)  # fmt: skip
PLAYBOOK = "title: Example\nwalks: customer\n{enter}\nsteps:\n{steps}\n  - end: done\n"


@pytest.mark.parametrize("name", sorted(generated_pages()))
def test_the_committed_page_is_what_the_code_says(name: str) -> None:
    committed = (ROOT / "docs" / name).read_text(encoding="utf-8")
    assert committed == generated_pages()[name], "run `just docs` and commit the page"


@pytest.mark.parametrize("kind", STEP_MODELS)
def test_the_example_of_every_step_loads(kind: str) -> None:
    text = PLAYBOOK.format(enter="enter: {manual: true}", steps=textwrap.indent(STEP_EXAMPLES[kind], "  "))
    found, findings = load_playbook(text, "playbooks/journeys/example.yml")
    assert found is not None, findings
    assert kind in {step.step.kind for step in found.steps()}


@pytest.mark.parametrize("trigger", TRIGGERS)
def test_the_example_of_every_trigger_loads_and_is_that_trigger(trigger: str) -> None:
    text = PLAYBOOK.format(enter=TRIGGER_EXAMPLES[trigger], steps="  - log: Hello")
    found, findings = load_playbook(text, "playbooks/journeys/example.yml")
    assert found is not None, findings
    assert found.playbook.enter.trigger == trigger


def test_s5_has_a_row_for_every_trigger() -> None:
    assert set(OCCURRENCES) == set(TRIGGERS)


def test_s44_has_every_brief_item_and_says_which_have_facts() -> None:
    assert set(BRIEF) == set(get_args(BriefItem))
    assert {name for name, (_, known) in BRIEF.items() if known} == set(handoff_brief._READINGS)


def test_every_built_in_event_that_is_told_is_listed_and_none_else() -> None:
    told: set[str] = set()
    for place in TELLERS:
        path = ROOT / place
        for file in [path] if path.is_file() else path.rglob("*.py"):
            told |= set(EVENT_NAME.findall(file.read_text(encoding="utf-8")))
    assert told == {event.name for event in BUILT_IN_EVENTS}


def test_nothing_of_the_language_is_undocumented() -> None:
    page = generated_pages()["playbook-reference.md"]
    assert [kind for kind in STEP_MODELS if f"\n### {kind}" not in page] == []
    assert [entry.name for entry in describe() if f"`{entry.signature}`" not in page] == []


def test_no_command_and_no_setting_is_undocumented() -> None:
    page = generated_pages()["cli.md"]
    assert [place.name for place in COMMANDS if not place.is_hidden and f"\n## {place.name}" not in page] == []
    assert [found.variable for found in describe_settings() if f"`{found.variable}`" not in page] == []
