"""Answers to surveys, and the event survey.answered. A later answer under the same id updates the fact and does not tell of
it again (S41). Scores outside a known survey's scale are refused, never clipped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table

from bot.intake.directory import contact_of, contacts_of, with_customers
from bot.intake.events import BUILT_IN, EventRow, raise_feeds, record_events
from bot.intake.job import Job
from bot.intake.rows import Record
from bot.intake.seen import digest_of
from bot.intake.values import CellError, read_number
from bot.intake.writers.keyed_facts import Wanted, write_facts
from storage.facts import SurveyAnswer
from storage.marks import mark_customers

ANSWER: Table = SurveyAnswer.__table__  # type: ignore[attr-defined]
DEFAULTS = {"customer_id": 0, "contact_id": None, "kind": "", "score": None, "comment": None, "at": None}
#: kind → the lowest and highest score.
SCALES = {"nps": (0, 10), "csat": (1, 5), "ces": (1, 7)}


def write_surveys(connection: Connection, records: Sequence[Record], job: Job) -> None:
    scored = [record for record in records if _read_score(record, job)]
    firsts = job.first_of([(_key(record), record) for record in scored], "the answer")
    keys = {id(record): key for key, record in firsts}
    pairs = with_customers(connection, [record for _, record in firsts], job.directory, job.tally)
    contacts = contacts_of(connection, pairs, job.directory)
    wanted = []
    for record, ref in pairs:
        fields: dict[str, Any] = {
            name: record.values[name] for name in ("kind", "score", "comment", "at") if name in record.values
        }
        fields["customer_id"] = ref.id
        if "contact" in record.values:
            fields["contact_id"] = contact_of(record, ref, contacts, job.tally)
        wanted.append(Wanted(key=keys[id(record)], record=record, customer=ref, fields=fields))
    written = write_facts(connection, ANSWER, wanted, job, DEFAULTS)
    if wanted:
        raise_feeds(connection, {"surveys": max(fact.fields["at"] for fact in wanted)}, job.now)
    mark_customers(connection, {fact.after["customer_id"] for fact in written}, ANSWER)
    events = [_event(fact.wanted, fact.after, job) for fact in written if fact.is_new]
    record_events(connection, events, job.now, default_zone=job.zone)


def _read_score(record: Record, job: Job) -> bool:
    """Whether the score (read in place) fits its survey."""
    kind = record.values["kind"] = record.values["kind"].casefold()
    cell = record.values.get("score")
    if cell is None:
        return True
    try:
        record.values["score"] = _score(kind, cell)
    except CellError as error:
        job.tally.reject(record.line, "score", cell, error.message, error.hint, rule=error.rule)
        return False
    return True


def _score(kind: str, cell: Any) -> float:
    scale = SCALES.get(kind)
    hint = f"{kind} goes from {scale[0]} to {scale[1]}, in whole numbers" if scale else "write one number"
    try:
        score = read_number(cell)
    except CellError:
        raise CellError(f"`{cell}` is no score", hint, rule="no score") from None
    if scale and not (scale[0] <= score <= scale[1] and score == int(score)):
        raise CellError(f"`{cell}` is no {kind} score", hint, rule=f"no {kind} score")
    return score


def _key(record: Record) -> str:
    """The answer's id. Without one: who answered which survey when; who is nobody known is told apart by the answer."""
    values = record.values
    if values.get("id"):
        return f"{values['kind']}:{values['id']}"
    identity = (values["customer"], values.get("contact"), values["kind"], values["at"].isoformat())
    answer = () if values.get("contact") else (values.get("score"), values.get("comment"))
    return "row:" + digest_of(*identity, *answer)


def _event(fact: Wanted, after: Mapping[str, Any], job: Job) -> EventRow:
    properties = {name: after[name] for name in ("kind", "score", "comment") if after[name] is not None}
    key = f"survey.answered:{job.source}:{fact.key}"
    return EventRow(
        fact.customer.id, "survey.answered", after["at"], BUILT_IN, key, after["contact_id"], after["score"], properties
    )
