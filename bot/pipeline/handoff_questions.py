"""What a hand-off asks when it is closed (`ask:`): each question with its kind and, where it names a list, the answers to
choose from; and what people type, read as an answer. Decides nothing else. Used by the CLI and the Slack modal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from bot.authoring.answer_lists import NUMBER, TEXT, YES_NO, Choice, answer_list
from storage.deployments import deployed_files, latest_deployment
from storage.handoff_answers import Answer
from storage.handoff_views import HandoffRecord

__all__ = ["NUMBER", "TEXT", "YES_NO", "Question", "questions_of"]

_YES = frozenset({"yes", "y", "true", "はい"})
_NO = frozenset({"no", "n", "false", "いいえ"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """`kind`: text, yes_no, number, or the name of a list, whose `choices` are empty where nobody wrote it."""

    name: str
    kind: str
    choices: tuple[Choice, ...] = ()

    def read(self, text: str) -> Answer:
        """Raises: ValueError with what would do."""
        given = text.strip()
        if self.kind == YES_NO:
            if given.lower() not in _YES | _NO:
                raise ValueError(f"`{self.name}` is answered with yes or no, not `{given}`")
            return given.lower() in _YES
        if self.kind == NUMBER:
            try:
                return float(given)
            except ValueError:
                raise ValueError(f"`{self.name}` is a number, not `{given}`") from None
        words = [choice.word for choice in self.choices]
        if words and given not in words:
            raise ValueError(f"`{self.name}` is one of {', '.join(words)}, not `{given}`")
        return given


def questions_of(connection: Connection, handoff: HandoffRecord) -> tuple[Question, ...]:
    """In the order of the playbook."""
    asked: Mapping[str, str] = handoff.ask or {}
    lists = set(asked.values()) - {YES_NO, NUMBER, TEXT}
    files: Mapping[str, str] = {}
    deployment = latest_deployment(connection) if lists else None
    if deployment is not None:
        files = deployed_files(connection, deployment)
    return tuple(
        Question(name=name, kind=kind, choices=answer_list(files, kind) if kind in lists else ())
        for name, kind in asked.items()
    )
