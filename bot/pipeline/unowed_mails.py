"""What a mail is made from that no row of the outbox owes yet: a test mail, a draft that a person is still writing. The same
columns and values as mail_context reads for owed ones. It reads; it writes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Connection, String, literal, select

from bot.authoring.templates import CompiledTemplate
from bot.pipeline.batch import usable_zone
from bot.pipeline.mail_context import (
    CONTACT_FIELDS,
    CSM,
    CSM_FIELDS,
    CUSTOMER_FIELDS,
    MailCase,
    asked_values,
    places_in,
    signers_of,
    window_columns,
)
from bot.pipeline.scopes import CONTACT, CUSTOMER, Ground
from bot.rules.conditions import compile_value, parse_value
from storage.columns import UtcDateTime
from storage.enrollments import ENROLLMENT

#: Instead of a message's number.
NO_MESSAGE = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Unowed:
    """A mail as it would be owed. `event`: instead of the walk's."""

    customer_id: int
    contact_id: int | None
    template: str
    sender: str
    due_at: datetime
    enrollment_id: int | None = None
    playbook: str = ""
    step: str = ""
    occurrence: str = ""
    reviewed_by: str | None = None
    event: Mapping[str, Any] | None = None


def case_of(connection: Connection, ground: Ground, mail: Unowed, locale: str | None = None) -> MailCase:
    """`locale`: written in that language, whatever the reader's is."""
    own: dict[str, Any] = {
        "id": literal(NO_MESSAGE),
        "enrollment_id": literal(mail.enrollment_id, BigInteger),
        "customer_id": CUSTOMER.c.id,
        "contact_id": CONTACT.c.id,
        "playbook": literal(mail.playbook),
        "step": literal(mail.step),
        "occurrence": literal(mail.occurrence),
        "template": literal(mail.template),
        "sender": literal(mail.sender),
        "reason": literal(None, String),
        "due_at": literal(mail.due_at, UtcDateTime()),
        "not_before": literal(mail.due_at, UtcDateTime()),
        "expires_at": literal(None, UtcDateTime()),
        "reviewed_by": literal(mail.reviewed_by, String),
        "created_at": literal(mail.due_at, UtcDateTime()),
        "version_id": ENROLLMENT.c.version_id,
        "event": ENROLLMENT.c.event if mail.event is None else literal(dict(mail.event), CUSTOMER.c.attributes.type),
        "customer_key": CUSTOMER.c.key,
        "contact_key": CONTACT.c.key,
    }
    columns = [
        *(column.label(name) for name, column in own.items()),
        *(CUSTOMER.c[name].label(f"customer_{name}") for name in CUSTOMER_FIELDS),
        *(CONTACT.c[name].label(f"contact_{name}") for name in CONTACT_FIELDS),
        *(CSM.c[name].label(f"csm_{name}") for name in CSM_FIELDS),
        *window_columns(ground),
    ]
    found = select(*columns).select_from(_rows(mail)).where(CUSTOMER.c.id == mail.customer_id)
    row = connection.execute(found).one()
    (signer,) = signers_of(connection, ground.settings, [row])
    return MailCase(
        id=row.id,
        message=row,
        zone=usable_zone(row.contact_timezone, row.customer_timezone, row.csm_timezone, ground.settings.timezone),
        locales=tuple(filter(None, (locale, row.contact_locale, row.customer_locale, ground.settings.locale))),
        window=row.window,
        team_window=row.team_window,
        signer=signer,
        places=places_in(row._fields),
    )


def values_of(
    connection: Connection, ground: Ground, template: CompiledTemplate, mail: Unowed, *, of_contact: bool = True
) -> dict[str, Any]:
    """The expressions and bare names that the template uses, as computed_values does for messages. `of_contact`: names such
    as `nps` are the contact's."""
    wanted = asked_values(template)
    if not wanted:
        return {}
    values = [parse_value(text) for text in wanted]
    in_walk = mail.enrollment_id is not None
    columns = [
        compile_value(value, ground.scope(contact=of_contact or value.needs_contact, walk=in_walk)).label(f"v{place}")
        for place, value in enumerate(values)
    ]
    found = connection.execute(select(*columns).select_from(_rows(mail)).where(CUSTOMER.c.id == mail.customer_id))
    return ground.catalogue.with_parts(dict(zip(wanted, found.one(), strict=True)), template.locale)


def _rows(mail: Unowed) -> Any:
    return (
        CUSTOMER.outerjoin(CONTACT, CONTACT.c.id == mail.contact_id)
        .outerjoin(ENROLLMENT, ENROLLMENT.c.id == mail.enrollment_id)
        .outerjoin(CSM, CSM.c.key == CUSTOMER.c.csm)
    )
