"""What would become of a hand-off's mail if it were sent now: what forbids it, and what its sender should know first (caps
passed, an odd hour, a pause). The same questions as deliver asks when it goes, so nobody is promised what the guards
refuse. It reads; the words are in reason_sentences_assist."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, func, literal, select

from bot.authoring.assist import gap, gaps_in
from bot.authoring.language_findings import language_of
from bot.pipeline.caps import cap_passed
from bot.pipeline.preflight import sender_of, terms_of, usual_terms_of
from bot.pipeline.prepared_mails import PreparedMail
from bot.pipeline.scopes import CONTACT
from bot.rules.reasons import sentence
from bot.rules.zones import to_local
from storage.accounts import Suppression
from storage.consent import forbidding
from storage.enrollments import not_paused, standing_pauses
from storage.handoff_mails import Standing

SUPPRESSION: Table = Suppression.__table__  # type: ignore[attr-defined]
VERDICT = "assist"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One thing to know; `sentence` says it."""

    reason: str
    details: dict[str, Any] = field(default_factory=dict)

    def sentence(self, locale: str, zone: str) -> str:
        return sentence(VERDICT, self.reason, self.details, locale, zone=zone)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """`refusals`: it cannot be sent; `warnings`: it can."""

    refusals: tuple[Notice, ...] = ()
    warnings: tuple[Notice, ...] = ()


def look_ahead(connection: Connection, mail: PreparedMail, subject: str, body_markdown: str, now: datetime) -> Outlook:
    """For the mail as it is written now."""
    refusals = [
        *_not_open(mail),
        *_no_reader(connection, mail),
        *_unfinished(subject, body_markdown),
        *_no_sender(mail),
    ]
    warnings = [] if mail.reader is None else [*_later(connection, mail, now), *_beside(connection, mail, now)]
    return Outlook(refusals=tuple(refusals), warnings=tuple(warnings))


def already_written(standing: Standing) -> Notice:
    """Somebody sent it, or wrote it elsewhere, before."""
    reason = "mail_written_elsewhere" if standing.state is None else "mail_sent_already"
    return Notice(reason=reason, details={"by": standing.by, "at": standing.at.isoformat(), "to": standing.to_email})


def _not_open(mail: PreparedMail) -> list[Notice]:
    if mail.handoff.is_finished:
        return [Notice(reason="handoff_is_over", details={"handoff": mail.handoff.id, "by": mail.handoff.closed_by})]
    if mail.standing is not None and not mail.standing.is_open:
        return [already_written(mail.standing)]
    return []


def _no_reader(connection: Connection, mail: PreparedMail) -> list[Notice]:
    reader = mail.reader
    if reader is None:
        return [Notice(reason="assist_nobody", details={"customer": mail.handoff.customer_name})]
    if reader.is_allowed:
        return []
    of_contact = select(CONTACT.c.bounced_at).where(CONTACT.c.id == reader.id)
    stopped = (
        select(SUPPRESSION.c.reason)
        .where(
            SUPPRESSION.c.address == func.lower(literal(reader.email)),
            SUPPRESSION.c.category.in_(forbidding(mail.template.category)),
        )
        .limit(1)
    )
    why = connection.scalar(stopped) or ("bounce" if connection.scalar(of_contact) is not None else "no_consent")
    return [
        Notice(
            reason=f"assist_{why}" if f"assist_{why}" in KNOWN_WHYS else "assist_not_allowed",
            details={"name": reader.name or reader.key, "category": mail.template.category},
        )
    ]


KNOWN_WHYS = frozenset({"assist_unsubscribed", "assist_bounce", "assist_complaint", "assist_no_consent"})


def _unfinished(subject: str, body_markdown: str) -> list[Notice]:
    found = [Notice(reason="assist_empty")] if not subject.strip() or not body_markdown.strip() else []
    gaps = gaps_in(subject, body_markdown)
    if gaps:
        found.append(Notice(reason="assist_gaps", details={"gaps": ", ".join(gap(name) for name in gaps)}))
    return found


def _no_sender(mail: PreparedMail) -> list[Notice]:
    address, _, _ = sender_of(mail.case, mail.published.settings)
    return [] if address else [Notice(reason="assist_no_sender")]


def _later(connection: Connection, mail: PreparedMail, now: datetime) -> list[Notice]:
    """What delays it."""
    found = []
    row = mail.case.message
    runs = not_paused(
        standing_pauses(connection), literal(row.playbook), literal(row.customer_id), literal(row.contact_id)
    )
    if not connection.scalar(select(runs)):
        found.append(Notice(reason="assist_paused"))
    opens = terms_of(mail.case, None, mail.published).opens(now, mail.case.zone)
    if opens > now:
        found.append(Notice(reason="assist_frozen", details={"until": opens.isoformat()}))
    if not mail.published.links.may_leave(mail.template.category):
        found.append(Notice(reason="assist_no_link"))
    return found


def _beside(connection: Connection, mail: PreparedMail, now: datetime) -> list[Notice]:
    """What does not keep it from going."""
    found = []
    passed = cap_passed(connection, mail.published, mail.case, now)
    if passed is not None:
        found.append(Notice(reason="assist_cap", details=dict(passed)))
    if usual_terms_of(mail.case, mail.published).opens(now, mail.case.zone) > now:
        local = to_local(now, mail.case.zone)
        found.append(Notice(reason="assist_odd_hour", details={"time": f"{local:%Y-%m-%d %H:%M} {local.tzname()}"}))
    wanted = mail.case.locales[0] if mail.case.locales else mail.template.locale
    if language_of(wanted) != language_of(mail.template.locale):
        found.append(Notice(reason="assist_language", details={"wanted": wanted, "locale": mail.template.locale}))
    return found
