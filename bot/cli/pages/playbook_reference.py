"""docs/playbook-reference.md: everything a playbook and workspace.yml may say, made from the models, the vocabulary and the
lists of the code itself. What the code cannot tell (why, and examples) stands in this folder."""

from __future__ import annotations

from bot.authoring.model_keys import key_of, shape_of
from bot.authoring.workspace_model import WorkspaceSettings
from bot.cli.pages.entering import entering
from bot.cli.pages.markdown import GENERATED, code, fenced, keys_table, main_key, table
from bot.cli.pages.step_examples import STEP_EXAMPLES
from bot.cli.pages.vocabulary import conditions
from bot.cli.starter import find_starter
from bot.rules.built_in_events import BUILT_IN_EVENTS
from bot.rules.field_types import Part
from bot.rules.playbook import Playbook
from bot.rules.steps_model import STEP_MODELS, Arm, Case

WHOLE = "renewal_90_days"
LATER = "not available in this version"

#: S44: brief item → what the card shows, and whether this version has its facts.
BRIEF: dict[str, tuple[str, bool]] = {
    "health": ("Score and band, with what moved them.", True),
    "stage_checks": ("Which completion checks of the stage are open.", True),
    "usage": ("Events of the last 30 days against the 30 before.", True),
    "features": ("Features with their bands.", True),
    "open_tickets": ("Open support tickets with priority and day.", True),
    "contacts": ("The people there: title, roles, address.", True),
    "plan": ("The open success plans: how far they are, how far behind, what is still to be reached.", True),
    "renewal": ("Renewal date, ARR, licences.", True),
    "whitespace": ("Products that would fit and are not owned.", True),
    "content": ("Content that was viewed, and what would fit.", True),
    "open_handoffs": ("The customer's other open hand-offs.", True),
    "last_activities": ("The latest lines of the timeline.", True),
    "event": ("The event that started the walk, with its fields.", True),
    "signal": ("The signal with its evidence.", False),
}


def playbook_reference() -> str:
    """The whole page."""
    chapters = (
        _opening(),
        _whole_playbook(),
        _playbook_keys(),
        entering(),
        _steps(),
        _durations(),
        conditions(),
        _events(),
        _brief(),
        _workspace(),
    )
    return "\n".join(chapters)


def _opening() -> str:
    return f"""{GENERATED}
# Playbook reference

One YAML file in `playbooks/journeys/` is one playbook; its name is the file's stem. `journeybot check` finds every mistake
with file and line, and `playbooks/.schema/` (written by `journeybot schema`) lets your editor complete keys while you type.
Saving a file changes nothing: `journeybot deploy` publishes the workspace. Mails are described in
[templates.md](templates.md), commands in [cli.md](cli.md).
"""


def _whole_playbook() -> str:
    path = find_starter() / "playbooks" / "journeys" / f"{WHOLE}.yml"
    text = path.read_text(encoding="utf-8")
    return f"## A whole playbook\n\n{fenced(text)}"


def _playbook_keys() -> str:
    return f"""## Keys of a playbook

{keys_table(Playbook)}
Any text that people read (`title`, the name of a hand-off, tasks, `log`) is one string or a text per language:
`{{en: Renewal, ja: 更新}}`. Quote a text with a comma, a colon or a `#` in it.
"""


def _steps() -> str:
    parts = [
        "## Steps\n",
        "Every step may have `id` (default: the template's or playbook's name; a second use of the same name needs one) and",
        "`when` (where it does not hold, the step is skipped). Branches fall through to the next step; `end` ends the walk.\n",
    ]
    for kind, model in STEP_MODELS.items():
        parts += [f"### {kind}\n", f"{(model.__doc__ or '').strip()}\n", fenced(STEP_EXAMPLES[kind])]
        parts.append(keys_table(model, without=("id", "when")))
        parts += _inner_keys(kind)
    return "\n".join(parts)


def _inner_keys(kind: str) -> list[str]:
    """Keys one level deeper, where a step has any."""
    if kind == "wait":
        return ["Inside `wait:`, instead of a duration:\n", _until_keys()]
    inner: dict[str, type[Part]] = {"branch": Case, "split": Arm}
    if kind not in inner:
        return []
    return [f"Each item of `{main_key(STEP_MODELS[kind])}`:\n", keys_table(inner[kind])]


def _until_keys() -> str:
    fields = STEP_MODELS["wait"].model_fields
    rows = [(code(name), "–", fields[name].description or "") for name in ("until", "at_most")]
    return table(("key", "default", "meaning"), rows)


def _durations() -> str:
    return """## Durations and moments

`5 days`, `2 weeks`, `3 months`, `90 minutes`, `2 business days`, `4 business hours`. Days keep the local time of day, months
clamp (31 January + 1 month = 28 February), business days skip weekends and the holidays of workspace.yml. A mail's waits count
in the contact's zone, a hand-off's clocks in the owner's working hours.

Moments: `2027-09-09 10:00`, `today 17:00`, `tomorrow 09:00`, `09:00 next business day`, `monday 09:00`. A date of the customer
± a duration: `renewal_date - 90 days`, `attributes.go_live + 2 weeks`, `next_meeting("ebr") - 3 days`.
"""


def _events() -> str:
    rows = [
        (code(event.name), event.meaning, ", ".join(code(f"event.{name}") for name in event.fields))
        for event in BUILT_IN_EVENTS
    ]
    return f"""## Built-in events

`enter.on` listens to your tracked events by their names, and to these, which journeybot tells by itself:

{table(("event", "happens when", "fields"), rows)}"""


def _brief() -> str:
    rows = [(code(name), says if known else f"{says} ({LATER})") for name, (says, known) in BRIEF.items()]
    return f"""## Brief items

What a hand-off's card says about the customer (`brief:`). An item without facts is left out of the card.

{table(("item", "shows"), rows)}"""


def _workspace() -> str:
    parts = [
        "## workspace.yml\n",
        "`playbooks/workspace.yml` holds what is the same for all playbooks. Every key may be left out.\n",
        keys_table(WorkspaceSettings),
    ]
    for name in WorkspaceSettings.model_fields:
        part = _part_of(WorkspaceSettings, name)
        if part is not None and name != "exit":  # `exit` is described with the playbook
            parts += [f"### {key_of(WorkspaceSettings, name)}\n", f"{(part.__doc__ or '').strip()}\n", keys_table(part)]
            parts += _deeper(part)
    return "\n".join(parts)


def _deeper(part: type[Part]) -> list[str]:
    found = []
    for name in part.model_fields:
        inner = _part_of(part, name)
        if inner is not None and inner.__name__ != "CapRule":  # written as one text: `2 per 7 days`
            found += [f"Each of `{key_of(part, name)}`:\n", keys_table(inner)]
    return found


def _part_of(model: type[Part], name: str) -> type[Part] | None:
    """The model inside a key, through lists and mappings."""
    shape = shape_of(model, name)
    while shape.inner is not None:
        shape = shape.inner
    return shape.part
