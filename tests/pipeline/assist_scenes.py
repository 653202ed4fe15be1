"""A hand-off with a prepared mail, and short ways to draft and send it."""

from __future__ import annotations

from typing import Any

from bot.pipeline.handoff_acts import Actor
from bot.pipeline.prepared_mails import PreparedMail
from bot.pipeline.sending_prepared import Sent, send_prepared, write_elsewhere
from storage.handoff_deeds import Move
from tests.world import World

AT_RISK = """---
subject: {{ customer.name }} before {{ customer.renewal_date | date("long") }}
category: lifecycle
assist: renewal
---
Hi {{ contact.name or "there" }},

your contract renews on {{ customer.renewal_date | date("long") }}.

Could we speak this week?

{{ csm.name }}
"""
EVENT = """---
subject: An invitation for {{ customer.name }}
category: lifecycle
assist: event
---
Hi {{ contact.name or "there" }},

we meet on [[date and place]].
"""
NPS = """---
subject: Your {{ event.score }}
category: lifecycle
assist: nps
---
You gave us {{ event.score }}.
"""
JOURNEY = """
title: Renewal at risk
state: live
walks: customer
enter: {when: stage == "adoption", existing: enter}
steps:
  - handoff: Write to them
    id: write
    kind: risk
    owner: csm
    prepare: at_risk
  - wait: {until: sent("write"), at_most: 20 days}
    then: [{log: It was sent}]
    else: [{log: It was not sent}]
"""


def at_risk_world(world: World) -> World:
    """The journey is deployed; whoever joins in adoption gets a hand-off with a mail."""
    for name, text in (("at_risk", AT_RISK), ("event_invitation", EVENT), ("nps_reply", NPS)):
        world.write(f"templates/emails/{name}.en.md", text)
    world.playbook("at_risk", JOURNEY)
    world.deploy()
    return world


def drafted(world: World, handoff: int = 1, **asked: Any) -> PreparedMail:
    published = world.app.require_published()
    with world.database.read() as connection:
        return PreparedMail.load(connection, published, world.app.ground(published), handoff, world.now, **asked)


def sent(
    world: World,
    handoff: int = 1,
    *,
    subject: str | None = None,
    body: str | None = None,
    by: str = "sato",
    key: str = "press",
    **asked: Any,
) -> Sent:
    """As it is drafted, but for what is given."""
    published = world.app.require_published()
    ground = world.app.ground(published)
    with world.database.write() as connection:
        mail = PreparedMail.load(connection, published, ground, handoff, world.now, **asked)
        actor = Actor(connection=connection, settings=published.settings, by=by, at=world.now, key=key)
        return send_prepared(actor, mail, subject or mail.draft.subject, body or mail.draft.body_markdown)


def wrote_myself(world: World, handoff: int = 1, *, by: str = "sato", key: str = "press") -> Move:
    settings = world.app.require_published().settings
    with world.database.write() as connection:
        actor = Actor(connection=connection, settings=settings, by=by, at=world.now, key=key)
        return write_elsewhere(actor, handoff)
