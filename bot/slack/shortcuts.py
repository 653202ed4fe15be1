"""Two entries in the menu of every Slack message: log it to a customer's timeline, or make a hand-off of it. Each opens a light
modal at once; the customer's picker asks the database while somebody types. Only CSMs whom we know may use them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from typing import Any

from slack_bolt import App
from sqlalchemy import Connection, Table, select

from bot.channels.slack import PostFailed
from bot.insight.customer_search import containing
from bot.pipeline.asking_by_hand import Request, ask_by_hand
from bot.pipeline.escalate import post_handoff
from bot.pipeline.notes import note as write_note
from bot.rules.zones import local_date, local_to_utc
from bot.slack.blocks import OPTIONS, escaped, one_line, shorten
from bot.slack.command_words import phrase
from bot.slack.context import Body, Mistakes, SlackContext, View
from bot.slack.people import Person
from bot.slack.shortcut_views import (
    CUSTOMER_PICK,
    DETAILS,
    DUE,
    NOTE,
    OWNER,
    TASK,
    URGENCY,
    handoff_view,
    log_view,
    told_view,
)
from storage.accounts import Csm, Customer

LOG, LOG_MODAL = "journey_log", "journey_log_modal"
ASK, ASK_MODAL = "journey_handoff", "journey_handoff_modal"
SOURCE = "slack"
DUE_AT = time(17)
CUSTOMER: Table = Customer.__table__  # type: ignore[attr-defined]
CSM: Table = Csm.__table__  # type: ignore[attr-defined]
Draw = Callable[[str, str, str], View]


def register(bolt: App, context: SlackContext) -> None:
    """Both shortcuts, their modals, and the customer's picker."""
    for name, draw in ((LOG, log_view), (ASK, handoff_view)):
        listener = context.with_modal(_drawn(context, draw), _filled(context, draw))
        bolt.shortcut({"type": "message_action", "callback_id": name})(listener)
    bolt.view(LOG_MODAL)(context.submitted(lambda _body: {}, lambda body: _log(context, body)))
    bolt.view(ASK_MODAL)(context.submitted(lambda body: _mistakes(context, body), lambda body: _ask(context, body)))

    def offered(ack: Callable[..., Any], body: dict[str, Any]) -> None:
        ack(options=_offers(context, body))

    bolt.options(CUSTOMER_PICK)(offered)


def _drawn(context: SlackContext, draw: Draw) -> Callable[[Body], View]:
    return lambda body: draw(_origin(body), _text(body), context.settings.locale)


def _filled(context: SlackContext, draw: Draw) -> Callable[[Body, str], None]:
    """The modal opened in the workspace's language; who is not known is told so, who reads another gets that."""

    def fill(body: Body, view_id: str) -> None:
        with context.database.read() as connection:
            person = context.person(connection, str(body["user"]["id"]))
        if person.csm is None:
            told = phrase("who_are_you", person.locale, user=escaped(person.user, 40))
            context.show_modal(view_id, told_view(told, person.locale))
        elif person.locale != context.settings.locale:
            context.show_modal(view_id, draw(_origin(body), _text(body), person.locale))

    return fill


def _origin(body: Body) -> str:
    """Where the message stands, for the modal to carry."""
    channel, message = body.get("channel") or {}, body.get("message") or {}
    return json.dumps({"channel": channel.get("id"), "ts": message.get("ts") or body.get("message_ts")})


def _text(body: Body) -> str:
    return str((body.get("message") or {}).get("text") or "")


def _offers(context: SlackContext, body: Body) -> list[dict[str, Any]]:
    """Customers for what was typed so far, the person's own first; nothing for who is unknown, or while the database is away."""
    try:
        with context.database.read() as connection:
            person = context.person(connection, str((body.get("user") or {}).get("id", "")))
            if person.csm is None:
                return []
            found = containing(connection, str(body.get("value") or ""), limit=OPTIONS, csm=person.csm)
    except Exception as error:  # noqa: BLE001  (an empty list must be answered in time all the same)
        context.on_error(error)
        return []
    return [
        {"text": {"type": "plain_text", "text": shorten(one_line(each.label), 75) or "–"}, "value": str(each.id)}
        for each in found
    ]


def _mistakes(context: SlackContext, body: Body) -> Mistakes:
    due = _value(body, DUE, "selected_date")
    today = local_date(context.clock.now(), context.settings.timezone)
    if due and date.fromisoformat(due) < today:
        return {DUE: phrase("due_is_past", context.settings.locale)}
    return {}


def _log(context: SlackContext, body: Body) -> None:
    text = str(_value(body, NOTE, "value") or "")
    link = _link(context, body)
    now = context.clock.now()
    with context.database.write() as connection:
        person, customer = _who(context, connection, body)
        told = _refusal(person, customer)
        if told is None and customer is not None:
            noted = f"{text}\n{link}" if link else text
            key = f"view:{body['view']['id']}"
            write_note(connection, customer[0], noted, by=person.by, at=now, source=SOURCE, key=key)
            told = phrase("noted", person.locale, customer=escaped(one_line(customer[1]), 200))
    _tell(context, body, str(told))


def _ask(context: SlackContext, body: Body) -> None:
    now = context.clock.now()
    link = _link(context, body)
    handoff_id = None
    with context.database.write() as connection:
        person, customer = _who(context, connection, body)
        told = _refusal(person, customer)
        if told is None and customer is not None:
            owner, owner_name = _owner(context, connection, body, person)
            request = _request(connection, body, customer[0], owner, person, link)
            handoff_id = ask_by_hand(connection, request, by=person.by, at=now)
            names = {"customer": escaped(one_line(customer[1]), 200), "owner": escaped(one_line(owner_name), 100)}
            told = phrase("handed_over", person.locale, **names)
    if handoff_id is not None:
        post_handoff(context.poster, handoff_id)
    _tell(context, body, str(told))


def _request(
    connection: Connection, body: Body, customer_id: int, owner: str, person: Person, link: str | None
) -> Request:
    asker = connection.scalar(select(CSM.c.name).where(CSM.c.key == person.csm))
    due = _value(body, DUE, "selected_date")
    details = str(_value(body, DETAILS, "value") or "")
    about = {
        "by_name": asker or person.by,
        **({"message": details} if details else {}),
        **({"link": link} if link else {}),
    }
    zone = person.timezone
    return Request(
        customer_id=customer_id,
        title=one_line(str(_value(body, TASK, "value") or "")),
        owner=owner,
        urgency=str((_value(body, URGENCY, "selected_option") or {}).get("value") or "normal"),
        due_at=local_to_utc(datetime.combine(date.fromisoformat(due), DUE_AT), zone) if due else None,
        about=about,
        key=f"view:{body['view']['id']}",
    )


def _owner(context: SlackContext, connection: Connection, body: Body, person: Person) -> tuple[str, str]:
    """Key and name of who was chosen, else the asker."""
    user = str(_value(body, OWNER, "selected_user") or person.user)
    chosen = context.person(connection, user)
    name = connection.scalar(select(CSM.c.name).where(CSM.c.key == chosen.csm)) if chosen.csm else None
    return chosen.by, name or chosen.by


def _who(context: SlackContext, connection: Connection, body: Body) -> tuple[Person, tuple[int, str] | None]:
    """The person, and the chosen customer if it still exists."""
    person = context.person(connection, str(body["user"]["id"]))
    chosen = str((_value(body, CUSTOMER_PICK, "selected_option") or {}).get("value") or "")
    if not chosen.isdigit():
        return person, None
    mine = (CUSTOMER.c.id == int(chosen), CUSTOMER.c.erased_at.is_(None))
    row = connection.execute(select(CUSTOMER.c.id, CUSTOMER.c.name).where(*mine)).one_or_none()
    return person, None if row is None else (row.id, row.name)


def _refusal(person: Person, customer: tuple[int, str] | None) -> str | None:
    if person.csm is None:
        return phrase("who_are_you", person.locale, user=escaped(person.user, 40))
    return phrase("gone_customer", person.locale) if customer is None else None


def _value(body: Body, block: str, name: str) -> Any:
    """What stands in an input; block and action have the same id."""
    values: Mapping[str, Any] = ((body.get("view") or {}).get("state") or {}).get("values") or {}
    return ((values.get(block) or {}).get(block) or {}).get(name)


def _where(body: Body) -> Mapping[str, Any]:
    found = json.loads((body.get("view") or {}).get("private_metadata") or "{}")
    return found if isinstance(found, dict) else {}


def _link(context: SlackContext, body: Body) -> str | None:
    """Where the message can be read; None where Slack does not say."""
    where = _where(body)
    if not where.get("channel") or not where.get("ts"):
        return None
    answer = context.slack.call("chat.getPermalink", channel=where["channel"], message_ts=where["ts"])
    return None if isinstance(answer, PostFailed) else str(answer.get("permalink") or "") or None


def _tell(context: SlackContext, body: Body, text: str) -> None:
    """Where the message stands, if the bot may speak there, else in the person's direct messages."""
    user, channel = str(body["user"]["id"]), _where(body).get("channel")
    failed = context.slack.tell_privately(str(channel), user, text) if channel else None
    if not channel or failed is not None:
        context.tell({"user": {"id": user}}, text)
