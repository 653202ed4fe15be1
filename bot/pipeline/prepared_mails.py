"""The mail that a hand-off prepares (`prepare:`), as a draft for whoever sends it: to whom it may go, which templates fit, the
text with the customer's fields filled in and its gaps shown, what would keep it from going. It reads; sending_prepared
writes. Used by the modal in Slack, the page in the console and `handoffs draft`, which all show the same."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Self

from sqlalchemy import Connection, Table, select

from bot.authoring.assist import situation_name
from bot.authoring.template_drafts import AssistDraft, draft_of_template
from bot.authoring.template_prints import always_printed
from bot.authoring.templates import CompiledTemplate, RenderedMail, wrap_draft
from bot.errors import UsageError
from bot.pipeline.gap_filling import fill_gaps
from bot.pipeline.mail_context import MailCase, context_of, in_contact_walk
from bot.pipeline.preflight import Letter, sender_of
from bot.pipeline.published import Published
from bot.pipeline.scopes import CONTACT, Ground, is_mailable
from bot.pipeline.unowed_mails import Unowed, case_of, values_of
from bot.rules.addresses import is_mailable_address
from bot.rules.references import MailName
from bot.rules.zones import local_date
from bot.webhooks.unsubscribe import TRIAL
from storage.accounts import ContactRole
from storage.handoff_mails import Standing, standing_mail
from storage.handoff_views import HandoffRecord, get
from storage.outbox import BY_HANDOFF

ROLE: Table = ContactRole.__table__  # type: ignore[attr-defined]
SENDER = "csm"


@dataclass(frozen=True, slots=True, kw_only=True)
class MailReader:
    """One contact of the customer. `is_allowed`: consent, suppression and address let this mail through."""

    id: int
    key: str
    name: str
    email: str
    title: str
    is_allowed: bool

    @property
    def label(self) -> str:
        parts = (self.name or self.key, self.title, self.email)
        return " · ".join(part for part in parts if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedTemplate:
    """A template that fits this hand-off. `is_prepared`: the one that the playbook names."""

    name: str
    situation: str
    is_prepared: bool

    def label(self, locale: str) -> str:
        return f"{situation_name(self.situation, locale)} · {self.name}" if self.situation else self.name


def text_digest(subject: str, body_markdown: str) -> str:
    """Tells whether a person changed a text. Forms trim what they send back, so blanks at the ends make no difference."""
    lines = [line.rstrip() for line in body_markdown.replace("\r\n", "\n").strip().split("\n")]
    return hashlib.sha256("\n".join([subject.strip(), *lines]).encode("utf-8", "replace")).hexdigest()[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenMail:
    """What stands in a form. `drafted`: the digest of the text as it was drafted; `wanted`: another template was chosen."""

    subject: str
    body: str
    drafted: str
    wanted: str | None = None

    @property
    def is_changed(self) -> bool:
        return text_digest(self.subject, self.body) != self.drafted


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedMail:
    """The mail of one hand-off for one of its readers, with everything it is made from. `standing`: what was sent before;
    `reader` None: nobody at the customer may get it."""

    handoff: HandoffRecord
    readers: tuple[MailReader, ...]
    reader: MailReader | None
    offered: tuple[OfferedTemplate, ...]
    template: CompiledTemplate
    draft: AssistDraft
    case: MailCase
    context: Mapping[str, Any]
    published: Published
    standing: Standing | None

    @classmethod
    def load(
        cls,
        connection: Connection,
        published: Published,
        ground: Ground,
        handoff_id: int,
        now: datetime,
        *,
        to: str | None = None,
        template: str | None = None,
        fills: Mapping[str, str] | None = None,
    ) -> Self:
        """`to`: a contact's key; `fills`: values for fields that have none. Raises: UsageError, RenderFailed."""
        handoff = _handoff_with_mail(connection, handoff_id)
        name = template or handoff.prepare or ""
        if name not in published.templates.names:
            raise UsageError(f"There is no template `{name}`", hint="see `journeybot handoffs draft ID --templates`")
        category = published.templates.pick(name, (published.settings.locale,)).category
        readers = _readers(connection, published, handoff, category)
        reader = _chosen(handoff, readers, to)
        mail = _unowed(handoff, reader, name, now)
        case = case_of(connection, ground, mail)
        compiled = published.templates.pick(name, case.locales)
        context = _context(connection, published, ground, mail, case, compiled, now)
        draft = _draft(published, compiled, context, fills or {})
        return cls(
            handoff=handoff,
            readers=readers,
            reader=reader,
            offered=tuple(_offered(published, handoff, case, context)),
            template=compiled,
            draft=draft,
            case=case,
            context=context,
            published=published,
            standing=standing_mail(connection, handoff_id),
        )

    @property
    def from_line(self) -> str:
        address, name, _ = sender_of(self.case, self.published.settings)
        return f"{name} <{address}>" if name else address

    def render(self, subject: str, body_markdown: str) -> RenderedMail:
        """What the reader would get. Raises: UsageError for an empty part, TemplateRefused."""
        for part, text in (("subject", subject), ("text", body_markdown)):
            if not text.strip():
                raise UsageError(f"The {part} is empty", hint="write it, or send nothing")
        return wrap_draft(self.published.templates, subject, body_markdown, self.context, self.template.locale)

    def letter(self, subject: str, body_markdown: str, mail: MailName) -> Letter:
        """The mail as it goes, with the way out of mails for its reader. Raises: as `render`; UsageError without a reader."""
        if self.reader is None:
            raise UsageError(
                f"Nobody at {self.handoff.customer_name} may get this mail", hint="import a contact, or say it by phone"
            )
        links = self.published.links.context(mail, self.template.category)
        written = replace(self, context={**self.context, "mail": dict(links)})
        address, name, _ = sender_of(self.case, self.published.settings)
        return Letter(
            to_email=self.reader.email,
            to_name=self.reader.name or None,
            from_email=address,
            from_name=name,
            reply_to=self.case.signer.email if self.case.signer is not None else None,
            mail=written.render(subject, body_markdown),
            category=self.template.category,
            locale=self.template.locale,
            template_digest=self.template.digest,
        )


def _handoff_with_mail(connection: Connection, handoff_id: int) -> HandoffRecord:
    handoff = get(connection, handoff_id)
    if handoff is None:
        raise UsageError(f"There is no hand-off {handoff_id}", hint="see `journeybot handoffs list`")
    if handoff.customer_id is None or handoff.prepare is None:
        raise UsageError(
            f"Hand-off {handoff_id} has no mail to send", hint="its step prepares none (`prepare:` in the playbook)"
        )
    return handoff


def _readers(
    connection: Connection, published: Published, handoff: HandoffRecord, category: str
) -> tuple[MailReader, ...]:
    """Whom this customer's mails can reach, whoever may get this one first: the one that the hand-off is about, then those
    who stand first in a role, then the oldest."""
    allowed = is_mailable(category, published.settings.consent).label("is_allowed")
    is_primary = select(ROLE.c.contact_id).where(ROLE.c.contact_id == CONTACT.c.id, ROLE.c.is_primary).exists()
    columns = [CONTACT.c[name] for name in ("id", "key", "name", "email", "title")]
    found = (
        select(*columns, allowed, is_primary.label("is_primary"))
        .where(
            CONTACT.c.customer_id == handoff.customer_id,
            CONTACT.c.email.is_not(None),
            CONTACT.c.email != "",
            CONTACT.c.gone_at.is_(None),
        )
        .order_by(CONTACT.c.id)
    )
    rows = [row for row in connection.execute(found) if is_mailable_address(row.email)]
    rows.sort(key=lambda row: (not row.is_allowed, row.id != handoff.contact_id, not row.is_primary, row.id))
    return tuple(
        MailReader(
            id=row.id,
            key=row.key,
            name=row.name or "",
            email=row.email,
            title=row.title or "",
            is_allowed=bool(row.is_allowed),
        )
        for row in rows
    )


def _chosen(handoff: HandoffRecord, readers: Sequence[MailReader], to: str | None) -> MailReader | None:
    if to is None:
        return readers[0] if readers and readers[0].is_allowed else None
    for reader in readers:
        if reader.key == to:
            return reader
    known = ", ".join(reader.key for reader in readers[:20])
    raise UsageError(
        f"`{handoff.customer}` has no contact `{to}` who can be reached by mail",
        hint=f"there are: {known}" if known else "import a contact with an address for this customer first",
    )


def _unowed(handoff: HandoffRecord, reader: MailReader | None, template: str, now: datetime) -> Unowed:
    assert handoff.customer_id is not None
    return Unowed(
        customer_id=handoff.customer_id,
        contact_id=reader.id if reader is not None else None,
        template=template,
        sender=SENDER,
        due_at=now,
        enrollment_id=handoff.enrollment_id,
        playbook=handoff.playbook,
        step=handoff.step,
        occurrence=f"{BY_HANDOFF}{handoff.id}",
        reviewed_by=handoff.owner or SENDER,
    )


def _context(
    connection: Connection,
    published: Published,
    ground: Ground,
    mail: Unowed,
    case: MailCase,
    template: CompiledTemplate,
    now: datetime,
) -> dict[str, Any]:
    values = values_of(connection, ground, template, mail, of_contact=in_contact_walk(case, published))
    links = published.links.context(TRIAL, template.category)
    return context_of(case, published.settings, values, local_date(now, case.zone), links)


def _draft(
    published: Published, template: CompiledTemplate, context: dict[str, Any], fills: Mapping[str, str]
) -> AssistDraft:
    return fill_gaps(fills, context, lambda given: draft_of_template(template, published.templates.vocabulary, given))


def _offered(
    published: Published, handoff: HandoffRecord, case: MailCase, context: Mapping[str, Any]
) -> list[OfferedTemplate]:
    """The prepared one, then every e-mail assist that fits: not those about an event that this journey knows nothing of."""
    templates = published.templates
    event = context.get("event") or {}
    found = [] if handoff.prepare is None else [handoff.prepare]
    for name in sorted(templates.names):
        template = templates.pick(name, case.locales)
        asked = {path.removeprefix("event.") for path in always_printed(template) if path.startswith("event.")}
        if template.assist and name not in found and all(event.get(field) not in (None, "") for field in asked):
            found.append(name)
    return [
        OfferedTemplate(
            name=name, situation=templates.pick(name, case.locales).assist, is_prepared=name == handoff.prepare
        )
        for name in found
        if name in templates.names
    ]
