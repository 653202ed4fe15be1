"""Did everybody whom a mail could go to say no? Then it ends suppressed, and the walk goes on (S10): asking the CSM for somebody to
write to would be asking to get around them. Where somebody is missing, has no address or bounced, the CSM is asked (S24)."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, Table, and_, case, false, func, not_, or_, select, true

from bot.pipeline.mail_context import MailCase
from bot.pipeline.preflight import Judgement, email_step
from bot.pipeline.published import Published
from bot.pipeline.recipients import ALL_OF
from bot.pipeline.scopes import CONTACT, SUPPRESSION
from storage.accounts import ContactRole
from storage.consent import TRANSACTIONAL, Why, forbidding
from storage.dialects import among, json_list_has
from storage.outbox import MessageState

ROLE: Table = ContactRole.__table__  # type: ignore[attr-defined]
EVERYBODY_SAID_NO = "everybody_said_no"


def judge_refused(connection: Connection, published: Published, cases: Sequence[MailCase]) -> dict[int, Judgement]:
    """Verdicts for the mails without a reader that shall not get one."""
    groups: dict[tuple[tuple[str, ...], str], list[MailCase]] = {}
    for found in cases:
        step = email_step(found, published) if found.message.contact_id is None else None
        if step is not None and step.template in published.templates.names:
            category = published.templates.pick(step.template, found.locales).category
            groups.setdefault((tuple(step.to), category), []).append(found)
    verdicts: dict[int, Judgement] = {}
    for (to, kind), group in groups.items():
        refused = _refusing(connection, to, kind, [found.message.customer_id for found in group])
        details = {"to": ", ".join(to), "category": kind}
        verdict = Judgement(state=MessageState.SUPPRESSED, reason=EVERYBODY_SAID_NO, details=details)
        verdicts |= {found.id: verdict for found in group if found.message.customer_id in refused}
    return verdicts


def _refusing(connection: Connection, to: Sequence[str], category: str, customer_ids: Sequence[int]) -> set[int]:
    """Customers of whom somebody is meant by `to`, and everybody meant said no."""
    no = func.sum(case((_said_no(category), 1), else_=0))
    statement = (
        select(CONTACT.c.customer_id)
        .where(among(CONTACT.c.customer_id, customer_ids), CONTACT.c.gone_at.is_(None), or_(*map(_is_meant, to)))
        .group_by(CONTACT.c.customer_id)
        .having(func.count() == no)
    )
    return set(connection.scalars(statement))


def _is_meant(wish: str) -> ColumnElement[bool]:
    if wish == "anyone":
        return true()
    if wish == "contact":  # the walker, whose mail has its reader
        return false()
    role = match[1] if (match := ALL_OF.fullmatch(wish)) else wish
    return select(ROLE.c.contact_id).where(ROLE.c.contact_id == CONTACT.c.id, ROLE.c.role == role).exists()


def _said_no(category: str) -> ColumnElement[bool]:
    """A person who can be reached and does not want it; a bounce is no wish, and never having been asked is none either."""
    is_reachable = and_(CONTACT.c.email.is_not(None), CONTACT.c.email != "", CONTACT.c.bounced_at.is_(None))
    is_suppressed = (
        select(SUPPRESSION.c.address)
        .where(
            SUPPRESSION.c.address == func.lower(CONTACT.c.email),
            SUPPRESSION.c.category.in_(forbidding(category)),
            SUPPRESSION.c.reason != Why.BOUNCE.value,
        )
        .exists()
    )
    wants_others = and_(CONTACT.c.consent.is_not(None), not_(json_list_has(CONTACT.c.consent, category)))
    return and_(is_reachable, is_suppressed if category == TRANSACTIONAL else or_(is_suppressed, wants_others))
