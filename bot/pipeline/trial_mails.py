"""A real test mail: a template filled with one customer's data and sent to an address of ours by the channel itself. It never
touches the outbox, no walk knows of it, and a field without a value stops it instead of leaving a gap."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Table, select

from bot.authoring.templates import CompiledTemplate
from bot.channels.base import Answer, MailChannel, Outgoing
from bot.clock import Clock
from bot.errors import UsageError
from bot.pipeline.preflight import Letter, write_letter
from bot.pipeline.published import Published
from bot.pipeline.recipients import somebody_of
from bot.pipeline.scopes import CONTACT, CUSTOMER, Ground
from bot.pipeline.unowed_mails import Unowed, case_of, values_of
from bot.rules.addresses import is_mailable_address
from bot.webhooks.unsubscribe import TRIAL
from storage.accounts import Suppression
from storage.consent import forbidding

SUPPRESSION: Table = Suppression.__table__  # type: ignore[attr-defined]
MARK = "[Test] "
PATIENCE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What to send: for whom it is written (`contact` None: whom a mail to `anyone` would reach), in which language
    (None: theirs), who signs, and the event's fields for templates that print them."""

    template: str
    customer: str
    contact: str | None = None
    locale: str | None = None
    sender: str = "workspace"
    event: Mapping[str, Any] | None = None


def write_trial(
    connection: Connection, published: Published, ground: Ground, trial: Trial, now: datetime
) -> tuple[Letter, CompiledTemplate]:
    """Raises: UsageError for an unknown name, MissingField naming what is empty, TemplateRefused."""
    settings = published.settings
    customer_id = connection.scalar(select(CUSTOMER.c.id).where(CUSTOMER.c.key == trial.customer))
    if customer_id is None:
        raise UsageError(f"There is no customer `{trial.customer}`", hint="see `journeybot customers list`")
    contact_id = _reader(connection, published, trial, int(customer_id))
    mail = Unowed(
        customer_id=int(customer_id),
        contact_id=contact_id,
        template=trial.template,
        sender=trial.sender,
        due_at=now,
        event=trial.event or {},
    )
    case = case_of(connection, ground, mail, trial.locale)
    template = published.templates.pick(trial.template, case.locales)
    values = values_of(connection, ground, template, mail)
    links = published.links.context(TRIAL, template.category)
    return write_letter(case, template, settings, now, values, links), template


def send_trial(
    connection: Connection, published: Published, channel: MailChannel, clock: Clock, letter: Letter, to: str
) -> Answer:
    """Hand it over now. Raises: UsageError for an address that is none, or that must not be mailed."""
    if not is_mailable_address(to):
        raise UsageError(f"`{to}` is no mail address", hint="write --to you@your-company.com")
    stopped = select(SUPPRESSION.c.reason).where(
        SUPPRESSION.c.address == to.lower(), SUPPRESSION.c.category.in_(forbidding(letter.category))
    )
    reason = connection.scalar(stopped.limit(1))
    if reason is not None:
        raise UsageError(f"{to} must not be mailed ({reason})", hint="send the test to another address")
    if not letter.from_email:
        raise UsageError("Nobody signs the mail", hint="set `sender: email:` in workspace.yml")
    answers: list[Answer] = []
    deadline = clock.monotonic() + PATIENCE.total_seconds()
    headers = published.links.headers(TRIAL, letter.category, published.settings.sender.email or letter.from_email)
    channel.send([_outgoing(letter, to, headers, deadline)], lambda _message, answer: answers.append(answer))
    return answers[0]


def _outgoing(letter: Letter, to: str, headers: Mapping[str, str], deadline: float) -> Outgoing:
    return Outgoing(
        reference=f"test-{uuid.uuid4().hex[:12]}",  # no id of the outbox: events about it are nobody's
        to_email=to,
        to_name=None,
        from_email=letter.from_email,
        from_name=letter.from_name,
        reply_to_email=letter.reply_to,
        reply_to_name=None,
        subject=MARK + letter.mail.subject,
        document=letter.mail.document,
        text=letter.mail.text,
        category=letter.category,
        headers=headers,
        deadline=deadline,
    )


def _reader(connection: Connection, published: Published, trial: Trial, customer_id: int) -> int | None:
    """The contact for whom it is written."""
    if trial.contact is not None:
        found = select(CONTACT.c.id).where(CONTACT.c.customer_id == customer_id, CONTACT.c.key == trial.contact)
        contact_id = connection.scalar(found)
        if contact_id is None:
            raise UsageError(
                f"`{trial.customer}` has no contact `{trial.contact}`",
                hint=f"see `journeybot customers show {trial.customer}`",
            )
        return int(contact_id)
    category = published.templates.pick(trial.template, ()).category
    return somebody_of(connection, customer_id, category, published.settings.consent)
