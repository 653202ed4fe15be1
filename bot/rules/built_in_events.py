"""The events that journeybot tells by itself, beside the tracked ones: what `enter.on` may listen to, and which fields
`event.x` then has. A closed list; the documentation prints it. Written where the facts are: intake, detect, absorb, `set`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltInEvent:
    """`fields`: what `event.` offers; one that has no value is left out of the event."""

    name: str
    meaning: str
    fields: tuple[str, ...]


BUILT_IN_EVENTS: tuple[BuiltInEvent, ...] = (
    BuiltInEvent(
        name="customer.created",
        meaning="A customer was imported for the first time.",
        fields=("stage", "tier", "csm"),
    ),
    BuiltInEvent(
        name="customer.csm_changed", meaning="An import gave the customer another CSM.", fields=("old", "new")
    ),
    BuiltInEvent(name="customer.tier_changed", meaning="An import changed what was bought.", fields=("old", "new")),
    BuiltInEvent(
        name="stage.changed",
        meaning="The stage changed, by an import, a `set` step or stages.yml.",
        fields=("old", "new"),
    ),
    BuiltInEvent(
        name="stage.completed",
        meaning="All checks of the customer's stage in stages.yml hold; told once for each stay in the stage.",
        fields=("stage", "checks"),
    ),
    BuiltInEvent(
        name="ticket.opened",
        meaning="A support ticket was opened.",
        fields=("ticket", "kind", "priority", "title"),
    ),
    BuiltInEvent(
        name="ticket.closed",
        meaning="A support ticket was closed.",
        fields=("ticket", "kind", "priority", "title"),
    ),
    BuiltInEvent(
        name="survey.answered",
        meaning="A contact answered a survey; `kind` is `nps`, `csat` …",
        fields=("kind", "score", "comment"),
    ),
    BuiltInEvent(
        name="subscription.started",
        meaning="A subscription began.",
        fields=("subscription", "product", "seats", "mrr", "reason"),
    ),
    BuiltInEvent(
        name="subscription.ended",
        meaning="A subscription ended.",
        fields=("subscription", "product", "seats", "mrr", "reason"),
    ),
    BuiltInEvent(name="meeting.held", meaning="The time of a meeting has passed.", fields=("kind", "meeting")),
    BuiltInEvent(
        name="plan.opened",
        meaning="A success plan was opened; `kind` is its kind in plans.yml.",
        fields=("kind", "state"),
    ),
    BuiltInEvent(
        name="plan.ended",
        meaning="A success plan ended; `state` is `achieved`, `missed` or `closed`.",
        fields=("kind", "state"),
    ),
    BuiltInEvent(
        name="handoff.done",
        meaning="Somebody closed a hand-off as done; `handoff` is its step.",
        fields=("handoff", "kind", "outcome", "playbook"),
    ),
    BuiltInEvent(
        name="handoff.answered",
        meaning="Somebody closed a hand-off and answered a question of its `ask:`; once for each question.",
        fields=("question", "answer", "handoff", "kind", "playbook"),
    ),
    BuiltInEvent(
        name="message.bounced", meaning="A mail came back; the address is not used again.", fields=("message", "step")
    ),
    BuiltInEvent(
        name="message.complained",
        meaning="A reader reported a mail as spam; the address is not used again.",
        fields=("message", "step"),
    ),
    BuiltInEvent(
        name="content.noticed",
        meaning="A reader opened a mail that has the address of an item of content.yml; told once for each mail and item.",
        fields=("content", "message"),
    ),
    BuiltInEvent(
        name="contact.unsubscribed",
        meaning="A reader unsubscribed; `category` is one of the mail categories, `optional` or `everything`.",
        fields=("category",),
    ),
    BuiltInEvent(
        name="playbook.ended",
        meaning="A walk ended; `enter.after` is the shorter way to listen.",
        fields=("playbook", "outcome"),
    ),
)
