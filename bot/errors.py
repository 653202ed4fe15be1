"""The error tree. Every error has a sentence (what is wrong), where it is, and a hint (what to do); the CLI prints
all three and exits with `exit_code`. Nothing here imports anything of journeybot.

JourneybotError ─┬─ UsageError, SettingsError                     exit 2
                 ├─ WorkspaceError (findings), ImportRefused      exit 1
                 ├─ ConditionError, TemplateRefused (RenderFailed), MissingField
                 └─ DeliveryError"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Severity = Literal["error", "warning"]


class JourneybotError(Exception):
    """Base of all errors that a person may read."""

    exit_code = 2

    def __init__(self, sentence: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        advice = f" → {self.hint}" if self.hint else ""
        return f"{place}{self.sentence}{advice}"


class UsageError(JourneybotError):
    """A command was called with something that does not exist or does not fit."""


class SettingsError(JourneybotError):
    """The environment or `.env` holds an unsafe or unusable value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing `journeybot check` found. `line` counts from 1, `path` is like `steps[2].wait.until`, `file` is relative
    to the workspace."""

    file: str
    line: int
    path: str
    rule: str
    severity: Severity
    message: str
    hint: str = ""

    def __str__(self) -> str:
        place = f" ({self.path})" if self.path else ""
        advice = f"\n    → {self.hint}" if self.hint else ""
        return f"{self.file}:{self.line}: {self.severity}: {self.message}{place}{advice}"

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class WorkspaceError(JourneybotError):
    """The workspace has findings of severity error, so nothing was published."""

    exit_code = 1

    def __init__(self, findings: list[Finding]) -> None:
        super().__init__(f"The workspace has {len(findings)} error(s)", hint="run `journeybot check` and repair them")
        self.findings = findings


class ImportRefused(JourneybotError):
    """A file cannot be imported at all (not single rows: those are counted and listed)."""

    exit_code = 1


class ConditionError(JourneybotError):
    """A condition's text does not parse or names something unknown. `rule` is a stable machine name."""

    exit_code = 1

    def __init__(self, sentence: str, *, hint: str = "", rule: str = "condition", column: int | None = None) -> None:
        super().__init__(sentence, hint=hint)
        self.rule = rule
        self.column = column


class TemplateRefused(JourneybotError):
    """A template is hostile, unbounded or does not compile; refused when saved, with the reason."""

    exit_code = 1

    def __init__(
        self, sentence: str, *, where: str = "", hint: str = "", line: int = 1, rule: str = "template"
    ) -> None:
        super().__init__(sentence, where=where, hint=hint)
        self.line = line
        self.rule = rule


class RenderFailed(TemplateRefused):
    """A checked template met a value that it cannot print (a list, an unsafe link, too much text); the message is quarantined."""


class MissingField(JourneybotError):
    """A merge field has no value (absent, None or ""), so the message is held and the CSM is asked."""

    exit_code = 1

    def __init__(self, field: str, *, where: str = "") -> None:
        super().__init__(
            f"`{field}` has no value", where=where, hint=f'fill it, or write {{{{ {field} or "…" }}}} in the template'
        )
        self.field = field


class DeliveryError(JourneybotError):
    """A channel could not hand a message over. Outcomes are values (bot.channels.base); this is for set-up faults."""
