"""What a claimed batch of mails deserves: looks up what each needs, in a few statements for all, and judges and renders one by one
(preflight.py). Whatever breaks over one mail sets that mail aside and never stops the others. Part of deliver, which stores the
verdicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import Connection

from bot.authoring.templates import RenderedMail
from bot.errors import JourneybotError
from bot.pipeline.mail_context import (
    MailCase,
    asked_values,
    computed_values,
    in_contact_walk,
    load_cases,
    printed_fields,
)
from bot.pipeline.news import local_days
from bot.pipeline.preflight import Judgement, Letter, email_step, judge
from bot.pipeline.published import Published
from bot.pipeline.recipients import find_recipients, share_out
from bot.pipeline.refusals import judge_refused
from bot.pipeline.scopes import Ground
from storage.database import Database
from storage.mail_texts import contents_of
from storage.outbox import MessageState

log = structlog.get_logger()


def judge_batch(
    database: Database, published: Published, ids: list[int], now: datetime
) -> tuple[dict[int, MailCase], dict[int, Judgement]]:
    with database.read() as connection:
        ground = published.ground(local_days(connection, now, published.settings.timezone))
        printed = printed_fields(connection, published.templates, ids)
        cases = load_cases(connection, ground, ids, printed)
    if any(case.message.contact_id is None for case in cases):
        with database.write() as connection:
            cases = _find_missing_recipients(connection, published, ground, cases, printed)
    with database.read() as connection:
        judgements, values = _values(connection, published, ground, cases)
        judgements |= judge_refused(connection, published, cases)
        kept = {found: _letter_of(row) for found, row in contents_of(connection, ids).items()}
    for case in cases:
        if case.id not in judgements:
            judgements[case.id] = _judge_one(case, published, now, values.get(case.id, {}), kept.get(case.id))
    return {case.id: case for case in cases}, judgements


def _judge_one(
    case: MailCase, published: Published, now: datetime, values: dict[str, Any], kept: Letter | None
) -> Judgement:
    """Whatever breaks over one mail sets that mail aside and never stops the others."""
    try:
        return judge(case, published, now, values, kept)
    except Exception as error:  # noqa: BLE001
        return _broken(case, error)


def _broken(case: MailCase, error: Exception) -> Judgement:
    log.error("cannot_render", message=case.id, template=case.message.template, error=type(error).__name__)
    sentence = error.sentence if isinstance(error, JourneybotError) else f"{type(error).__name__}: {str(error)[:300]}"
    details = {"error": sentence, "template": case.message.template}
    return Judgement(state=MessageState.QUARANTINED, reason="cannot_render", details=details)


def _values(
    connection: Connection, published: Published, ground: Ground, cases: Sequence[MailCase]
) -> tuple[dict[int, Judgement], dict[int, dict[str, Any]]]:
    """Message id → the values its template asks for; and the mails whose template is gone or breaks in the database."""
    broken: dict[int, Judgement] = {}
    values: dict[int, dict[str, Any]] = {}
    alike: dict[tuple[str, tuple[str, ...], int | None], list[MailCase]] = {}
    for case in cases:
        alike.setdefault((case.message.template, case.locales, case.message.version_id), []).append(case)
    groups: dict[tuple[str, str, bool], list[MailCase]] = {}
    for (name, locales, _), some in alike.items():
        if name in published.templates.names:
            template = published.templates.pick(name, locales)
            # Most ask for none, and a savepoint is two statements. What does not compile any more is set aside one by one.
            if template.refusal is None and asked_values(template):
                key = (name, template.locale, in_contact_walk(some[0], published))
                groups.setdefault(key, []).extend(some)
    for (name, locale, of_contacts), group in groups.items():
        template, ids = published.templates.pick(name, (locale,)), [case.id for case in group]
        try:
            with connection.begin_nested():
                values |= computed_values(connection, ground, template, ids, of_contacts=of_contacts)
        except Exception as error:
            if connection.invalidated or connection.closed:
                raise
            broken |= {case.id: _broken(case, error) for case in group}
    return broken, values


def _find_missing_recipients(
    connection: Connection, published: Published, ground: Ground, cases: list[MailCase], printed: frozenset[str]
) -> list[MailCase]:
    """A mail that had nobody to go to looks again: somebody may have been added (S24)."""
    found: list[int] = []
    for case in cases:
        step = email_step(case, published) if case.message.contact_id is None else None
        if step is None or step.template not in published.templates.names:
            continue
        category = published.templates.pick(step.template, case.locales).category
        walk = case.message.enrollment_id
        recipients = find_recipients(connection, ground, step.to, category, [walk]) if walk is not None else {}
        if recipients:
            share_out(connection, case.id, recipients[walk])
            found.append(case.id)
    if not found:
        return cases
    fresh = {case.id: case for case in load_cases(connection, ground, found, printed)}
    return [fresh.get(case.id, case) for case in cases]


def _letter_of(content: Mapping[str, Any]) -> Letter:
    mail = RenderedMail(subject=content["subject"], document=content["html"], text=content["text"])
    addresses = {name: content[name] for name in ("to_email", "to_name", "from_email", "from_name", "reply_to")}
    kept = {name: content[name] for name in ("category", "locale", "template_digest")}
    return Letter(mail=mail, **addresses, **kept)
