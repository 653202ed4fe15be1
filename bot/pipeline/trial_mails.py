"""A real test mail: a template filled with one customer's data and sent to an address of ours by the channel itself. It never
touches the outbox, no walk knows of it, and a field without a value stops it instead of leaving a gap."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, Table, literal, select

from bot.authoring.templates import CompiledTemplate
from bot.channels.base import Answer, MailChannel, Outgoing
from bot.clock import Clock
from bot.errors import UsageError
from bot.pipeline.batch import usable_zone
from bot.pipeline.mail_context import CONTACT_FIELDS, CSM, CSM_FIELDS, CUSTOMER_FIELDS, MailCase, bare_names, signers_of
from bot.pipeline.preflight import Letter, write_letter
from bot.pipeline.published import Published
from bot.pipeline.recipients import somebody_of
from bot.pipeline.scopes import CONTACT, CUSTOMER, Ground
from bot.rules.addresses import is_mailable_address
from bot.rules.conditions import Scope, compile_value, parse_value
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
    row = _row(connection, trial, int(customer_id), contact_id)
    locales = (trial.locale, row.contact_locale, row.customer_locale, settings.locale)
    template = published.templates.pick(trial.template, tuple(filter(None, locales)))
    zone = usable_zone(row.contact_timezone, row.customer_timezone, row.csm_timezone, settings.timezone)
    (signer,) = signers_of(connection, settings, [row])
    case = MailCase(message=row, zone=zone, locales=(template.locale,), window=None, signer=signer)
    values = _values(connection, ground, template, int(customer_id), contact_id)
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
        html=letter.mail.html,
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


def _row(connection: Connection, trial: Trial, customer_id: int, contact_id: int | None) -> Row[Any]:
    """What load_cases reads for a message, for a mail that no step owes."""
    columns = [
        literal(trial.template).label("template"),
        literal(trial.sender).label("sender"),
        CUSTOMER.c.key.label("customer_key"),
        CONTACT.c.key.label("contact_key"),
        *(CUSTOMER.c[name].label(f"customer_{name}") for name in CUSTOMER_FIELDS),
        *(CONTACT.c[name].label(f"contact_{name}") for name in CONTACT_FIELDS),
        *(CSM.c[name].label(f"csm_{name}") for name in CSM_FIELDS),
        literal(dict(trial.event or {}), CUSTOMER.c.attributes.type).label("event"),
    ]
    rows = CUSTOMER.outerjoin(CONTACT, CONTACT.c.id == contact_id).outerjoin(CSM, CSM.c.key == CUSTOMER.c.csm)
    return connection.execute(select(*columns).select_from(rows).where(CUSTOMER.c.id == customer_id)).one()


def _values(
    connection: Connection, ground: Ground, template: CompiledTemplate, customer_id: int, contact_id: int | None
) -> dict[str, Any]:
    """The expressions and bare names that the template uses, as computed_values does for messages."""
    wanted = sorted(template.expressions) + sorted(bare_names(template))
    if not wanted:
        return {}
    plain = ground.scope()
    scope = Scope(customer=CUSTOMER, contact=CONTACT, days=ground.days, limits=plain.limits, feeds=plain.feeds)
    columns = [compile_value(parse_value(text), scope).label(f"v{place}") for place, text in enumerate(wanted)]
    rows = CUSTOMER.outerjoin(CONTACT, CONTACT.c.id == contact_id)
    found = connection.execute(select(*columns).select_from(rows).where(CUSTOMER.c.id == customer_id)).one()
    return dict(zip(wanted, found, strict=True))
