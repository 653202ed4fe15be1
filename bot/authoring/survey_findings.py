"""Checks that playbooks ask only surveys that surveys.yml defines. After playbook_structure, before deploy."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from bot.authoring.nearest import suggestion
from bot.authoring.placed import ParsedPlaybook
from bot.errors import Finding
from bot.rules.steps_model import SurveyStep


def check_surveys(parsed: Collection[ParsedPlaybook], surveys: Collection[str]) -> Iterator[Finding]:
    for playbook in parsed:
        for placed in playbook.steps():
            if isinstance(placed.step, SurveyStep) and placed.step.name not in surveys:
                name = placed.step.name
                hint = suggestion(name, surveys) or "define it in playbooks/surveys.yml, with its scale and question"
                message = f"There is no survey `{name}`"
                yield playbook.source.finding(f"{placed.path}.survey", "unknown-survey", message, hint)
