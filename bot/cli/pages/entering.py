"""The chapter about entering and leaving: triggers, what counts as one occasion (S5), entering again, exits."""

from __future__ import annotations

from bot.cli.pages.markdown import code, fenced, keys_table, table
from bot.cli.pages.step_examples import TRIGGER_EXAMPLES
from bot.rules.playbook import Enter, Exit

#: S5: trigger → (the key of one occasion, what `again` is when it is not said).
OCCURRENCES: dict[str, tuple[str, str]] = {
    "when": ("the number of the opening: the condition must have been false between", "never"),
    "signal": ("the signal's episode", "always"),
    "on": ("the event", "always"),
    "at": (
        "the date's value",
        "always, but not within the offset's length of the last entry: a date that moved re-times the running walk",
    ),
    "every": ("the scheduled moment; only the latest missed one is caught up", "always"),
    "once": ("the moment", "always"),
    "after": ("the other playbook's walk", "always"),
    "manual": ("the request", "always"),
}


def entering() -> str:
    """The chapter."""
    examples = "\n".join(TRIGGER_EXAMPLES.values())
    rows = [(code(trigger), key, again) for trigger, (key, again) in OCCURRENCES.items()]
    return f"""## Entering and leaving

`enter` has exactly one trigger; `when` beside it filters. At most one walk per playbook and walker goes on at a time.

{fenced(examples)}
{keys_table(Enter)}
What counts as one occasion, and whether one who walked before may walk again (`again: never`, `after 90 days`,
`at most 3 times` narrow it):

{table(("trigger", "one occasion is", "`again` by default"), rows)}
Whoever matched an `enter.when` already when the playbook went live does not enter (`existing: skip`). An event that arrives
more than 24 hours after it happened starts nothing, a date lets in for 3 days; `within` says longer. Whoever would meet the
goal or an exit at once does not enter. `journeybot explain CUSTOMER PLAYBOOK` says which of these rules spoke.

Each item of `exit` (here and in workspace.yml):

{keys_table(Exit)}"""
