"""The starter workspace as it ships: nothing to repair, both languages, and a good mix of what the language can do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from bot.authoring.workspace import Workspace, load_workspace, read_files
from bot.rules.playbook import Playbook
from bot.rules.steps_model import EmailStep, HandoffStep, LogStep, Step, walk_steps

ROOT = Path(__file__).parents[2]
JOURNEYS = sorted((ROOT / "playbooks" / "journeys").glob("*.yml"))
SCHEMA = "# yaml-language-server: $schema="


@cache
def workspace() -> Workspace:
    files, unreadable = read_files(ROOT)
    return load_workspace(files, extra=unreadable)


def playbooks() -> list[Playbook]:
    return [found.playbook for found in workspace().playbooks.values()]


def steps() -> Iterator[Step]:
    for playbook in playbooks():
        yield from walk_steps(playbook.steps)


def test_check_finds_nothing_at_all() -> None:
    assert [str(finding) for finding in workspace().findings] == []
    assert len(playbooks()) == len(JOURNEYS) > 40


@pytest.mark.parametrize("path", JOURNEYS, ids=lambda path: path.stem)
def test_every_journey_names_its_schema_and_says_what_it_is_for(path: Path) -> None:
    first, second, *_ = path.read_text(encoding="utf-8").splitlines()
    assert first == f"{SCHEMA}../.schema/playbook.schema.json"
    assert second.startswith("# ")
    assert len(second) > 30


def test_every_other_file_names_its_schema_too() -> None:
    folder = ROOT / "playbooks"
    wanted = {path: f".schema/{path.stem}.schema.json" for path in folder.glob("*.yml")}
    wanted |= dict.fromkeys((folder / "tests").glob("*.yml"), "../.schema/test.schema.json")
    assert len(wanted) > 40
    named = {path: path.read_text(encoding="utf-8").splitlines()[0].removeprefix(SCHEMA) for path in wanted}
    assert named == wanted
    assert [path for path, schema in wanted.items() if not (path.parent / schema).is_file()] == []


def test_the_page_about_the_starter_names_every_journey_once_and_no_other() -> None:
    page = (ROOT / "docs" / "starter.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) == sorted(path.stem for path in JOURNEYS)


def test_every_journey_is_live_but_those_whose_mails_need_a_public_address() -> None:
    asking = {
        playbook.name for playbook in playbooks() if any(step.kind == "survey" for step in walk_steps(playbook.steps))
    }
    assert {playbook.name for playbook in playbooks() if playbook.state != "live"} == asking
    assert {playbook.state for playbook in playbooks()} == {"live", "draft"}


def test_every_text_is_there_in_english_and_japanese() -> None:
    texts = [playbook.title for playbook in playbooks()]
    for step in steps():
        if isinstance(step, HandoffStep):
            texts += [step.title, *step.tasks]
        elif isinstance(step, LogStep):
            texts.append(step.text)
    assert len(texts) > 40
    assert [text for text in texts if set(text) != {"en", "ja"}] == []
    assert [text for text in texts if text["ja"].isascii()] == []


def test_the_journeys_show_what_the_language_can_do() -> None:
    assert {playbook.enter.trigger for playbook in playbooks()} >= {
        "when",
        "on",
        "at",
        "every",
        "after",
        "manual",
        "signal",
    }
    assert {step.kind for step in steps()} == {
        "email", "handoff", "wait", "if", "branch", "split", "set", "log", "enroll", "end", "survey", "plan", "assign"
    }  # fmt: skip
    assert {playbook.walks for playbook in playbooks()} == {"customer", "contact"}
    assert any(playbook.holdout for playbook in playbooks())
    assert any(playbook.exclusive for playbook in playbooks())


def test_every_shipped_template_is_used_or_waits_for_a_person_to_pick_it() -> None:
    templates = workspace().templates
    assists = {name for name in templates.names if templates.pick(name, ["en"]).assist}
    used = {step.template for step in steps() if isinstance(step, EmailStep)}
    used |= {step.prepare for step in steps() if isinstance(step, HandoffStep) and step.prepare}
    assert used | assists == set(templates.names)
    assert len(assists) > 5
