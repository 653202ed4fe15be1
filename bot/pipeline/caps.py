"""Asks the guards (bot.rules.guards) about a batch of mails that would leave now: reads what their people and customers got and
are still to get, and turns the answers into judgements. One call in deliver, inside the transaction that commits the intents,
so that two workers never give the same room away. Without caps and shared addresses it is one look-up per batch."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, select

from bot.authoring.workspace_file import WorkspaceSettings
from bot.pipeline.batch import usable_zone
from bot.pipeline.mail_context import MailCase
from bot.pipeline.preflight import EXPIRES, Judgement, email_step, terms_of
from bot.pipeline.published import Published, calendar_for
from bot.rules.caps import Cap, CapKind, Place, Touch
from bot.rules.durations import Duration, parse_duration
from bot.rules.guards import CAP_PASSED, CAPPED_OUT, HELD_BACK, Candidate, Copy, Guards, Ruling, Say
from bot.rules.steps_model import EmailStep
from bot.rules.windows import next_open
from storage.dialects import among
from storage.journal import Verdict
from storage.journal_entries import DECISION, Entry, write_entries
from storage.outbox import MessageState
from storage.touches import TO_GO, human_touches, mails_around, people_at_addresses, wait_for_turn

SURVEY = "survey"
TRANSACTIONAL = "transactional"
#: Their text is not about one customer, so nobody needs it twice; every other category is.
SAME_FOR_ALL = frozenset({"newsletter", "education", SURVEY})
#: What a person did to a mail that makes it their own send (S15).
BY_HAND = ("mail_approved", "mail_edited", "mail_resent")
#: The end of everybody's day lies within it, wherever they are.
DAY_AHEAD = timedelta(hours=26)
WEEK = timedelta(days=7)


def caps_of(settings: WorkspaceSettings) -> tuple[Cap, ...]:
    """The workspace's caps on mails."""
    return tuple(
        Cap(kind=kind, count=rule.count, length=rule.per)
        for kind in CapKind
        for rule in getattr(settings.caps, kind.value)
    )


def keep_within_caps(
    connection: Connection,
    published: Published,
    cases: Mapping[int, MailCase],
    judgements: dict[int, Judgement],
    now: datetime,
) -> None:
    """Changes the judgements of those that may not go now. `cases` are those of the batch."""
    _name_what_crowded_out(connection, judgements)
    asked = {
        found: cases[found]
        for found, judgement in judgements.items()
        if judgement.state == MessageState.SUBMITTING and cases[found].message.contact_id is not None
    }
    look = Look.at(connection, published, asked, now)
    if look is None:
        return
    wait_for_turn(connection)
    look.read(connection, asked)
    rulings = look.rule(asked, judgements, ())
    free = _sent_by_hand(connection, [found for found, ruling in rulings.items() if ruling.say is not Say.NOW])
    if free:
        rulings = look.rule(asked, judgements, free)
    for found, ruling in rulings.items():
        if ruling.say is not Say.NOW:
            judgements[found] = _judged(asked[found], ruling, published, judgements[found])
    _note_passed(connection, asked, rulings, now)


def _name_what_crowded_out(connection: Connection, judgements: dict[int, Judgement]) -> None:
    """A mail that expired because of a cap says so, and who had the room."""
    expired = [found for found, judgement in judgements.items() if judgement.reason == "expired"]
    if not expired:
        return
    held_back = (
        select(DECISION.c.message_id, DECISION.c.details)
        .where(among(DECISION.c.message_id, expired), DECISION.c.reason.in_(HELD_BACK))
        .order_by(DECISION.c.id)
    )
    for row in connection.execute(held_back):
        judgements[row.message_id] = replace(judgements[row.message_id], reason=CAPPED_OUT, details=row.details)


def cap_passed(connection: Connection, published: Published, case: MailCase, now: datetime) -> Mapping[str, Any] | None:
    """The cap that a pending mail would pass if a person sent it now, with what took the room; None: there is room."""
    asked = {case.id: case}
    look = Look.at(connection, published, asked, now)
    if look is None:
        return None
    look.read(connection, asked)
    ruling = look.rule(asked, {}, {case.id}).get(case.id)
    return ruling.details if ruling is not None and ruling.reason == CAP_PASSED else None


@dataclass(slots=True, kw_only=True)
class Look:
    """What is known about the people and customers of a batch."""

    published: Published
    caps: tuple[Cap, ...]
    now: datetime
    addresses: dict[int, str]
    customer_ids: set[int]
    mails: Sequence[Row[Any]] = ()
    people_touches: Sequence[Row[Any]] = ()
    _categories: dict[str, str] = field(default_factory=dict)

    @classmethod
    def at(
        cls, connection: Connection, published: Published, asked: Mapping[int, MailCase], now: datetime
    ) -> Look | None:
        """None: there are no caps, and none of the addresses belongs to two contacts; so there is nothing to ask."""
        if not asked:
            return None
        caps = caps_of(published.settings)
        people = people_at_addresses(connection, {case.message.contact_id for case in asked.values()})
        addresses = {row.contact_id: row.address for row in people}
        if not caps and len(set(addresses.values())) == len(addresses):
            return None
        customers = {row.customer_id for row in people}
        return cls(published=published, caps=caps, now=now, addresses=addresses, customer_ids=customers)

    @property
    def _counts_touches(self) -> bool:
        return any(cap.kind is CapKind.TOUCHES for cap in self.caps)

    def read(self, connection: Connection, asked: Mapping[int, MailCase]) -> None:
        since = min(
            [case.message.due_at - WEEK for case in asked.values()]
            + [self.now - _reach(cap.length) for cap in self.caps]
        )
        until = self.now + DAY_AHEAD
        people = None if self._counts_touches else set(self.addresses)
        self.mails = mails_around(connection, self.customer_ids, people, since, until)
        if self._counts_touches:
            self.people_touches = human_touches(connection, self.customer_ids, since, until)

    def rule(
        self, asked: Mapping[int, MailCase], judgements: Mapping[int, Judgement], free: Collection[int]
    ) -> dict[int, Ruling]:
        guards = Guards(caps=self.caps, now=self.now)
        for touch_row in self.people_touches:
            name = _name(touch_row.what, touch_row.id, touch_row.name)
            key = (CapKind.TOUCHES, touch_row.customer_id)
            guards.taken.setdefault(key, []).append(Touch(at=touch_row.at, name=name))
        candidates: list[Candidate] = []
        for row in self.mails:
            if row.id in asked:
                candidates.append(self._candidate(row, asked[row.id], judgements.get(row.id), row.id in free))
            elif row.state in TO_GO:
                candidates += self._rival(row, judgements.get(row.id))
            else:
                self._went(guards, row)
        return guards.rule(candidates)

    def _rival(self, row: Row[Any], judgement: Judgement | None) -> list[Candidate]:
        """A mail that takes room in its turn: another worker's, one to come, or one of this batch that waits for its window."""
        if judgement is None:
            return [self._candidate(row, None, None, False)]
        if judgement.state != MessageState.PENDING or judgement.not_before is None:
            return []
        return [replace(self._candidate(row, None, judgement, False), at=judgement.not_before)]

    def _went(self, guards: Guards, row: Row[Any]) -> None:
        name = _name("mail", row.id, f"{row.playbook} → {row.step}")
        touch = Touch(at=row.over_at or self.now, name=name)
        for kind, owner in self._budgets(row).items():
            guards.taken.setdefault((kind, owner), []).append(touch)
        copy = self._copy(row, self._step(row))
        if copy is not None:
            guards.sent.setdefault(copy.key, []).append((copy, name))

    def _candidate(self, row: Row[Any], case: MailCase | None, judgement: Judgement | None, by_hand: bool) -> Candidate:
        settings, step = self.published.settings, self._step(row)
        calendar = calendar_for(settings, row.region)
        customer_zone = usable_zone(row.customer_timezone, settings.timezone)
        person_zone = case.zone if case else usable_zone(row.contact_timezone, customer_zone)
        exempt = (step is not None and step.cap == "exempt") or self._category(row.template) == TRANSACTIONAL
        expires_at = (judgement.expires_at if judgement else None) or row.expires_at
        return Candidate(
            id=row.id,
            priority=row.priority,
            due_at=row.due_at,
            at=row.not_before,
            expires_at=expires_at or self.now + timedelta(days=3),
            budgets=self._budgets(row),
            person_place=Place(zone=person_zone, calendar=calendar),
            customer_place=Place(zone=customer_zone, calendar=calendar),
            name=_name("mail", row.id, f"{row.playbook} → {row.step}"),
            copy=self._copy(row, step),
            is_asked=case is not None,
            is_free=exempt or by_hand or row.reviewed_by is not None,
        )

    def _budgets(self, row: Row[Any]) -> dict[CapKind, str | int]:
        budgets: dict[CapKind, str | int] = {CapKind.MAILS: row.address, CapKind.TOUCHES: row.customer_id}
        if self._category(row.template) == SURVEY:
            budgets[CapKind.SURVEYS] = row.address
        return budgets

    def _copy(self, row: Row[Any], step: EmailStep | None) -> Copy | None:
        category = self._category(row.template)
        if category == TRANSACTIONAL:
            return None
        about = None if category in SAME_FOR_ALL else row.customer_id
        occasion = row.occasion or ""
        return Copy(
            key=(row.address, row.playbook, row.step, about),
            contact_id=row.contact_id,
            moment=occasion if occasion.startswith("moment:") else None,
            due_at=row.due_at,
            lifetime=_reach(parse_duration((step.expires if step else None) or EXPIRES)),
        )

    def _step(self, row: Row[Any]) -> EmailStep | None:
        version = self.published.versions.get(row.version_id or 0)
        node = version.program.nodes.get(row.step) if version else None
        return node.step if node is not None and isinstance(node.step, EmailStep) else None

    def _category(self, template: str) -> str:
        """A template that is gone counts as about the customer."""
        if template not in self._categories:
            templates, locale = self.published.templates, self.published.settings.locale
            is_known = template in templates.names
            self._categories[template] = templates.pick(template, (locale,)).category if is_known else "lifecycle"
        return self._categories[template]


def _reach(length: Duration) -> timedelta:
    """At least as long as `length`, whatever calendar it is counted in."""
    days = length.days + 31 * length.months + (3 * length.business_days + 14 if length.business_days else 0)
    return timedelta(days=days + 2, minutes=length.minutes)


def _name(what: str, number: int, detail: str) -> dict[str, Any]:
    words = {"mail": "メール", "handoff": "対応依頼", "meeting": "打ち合わせ"}
    english = "hand-off" if what == "handoff" else what
    inside = {"en": f" ({detail})", "ja": f"（{detail}）"} if detail else {"en": "", "ja": ""}
    winner = {"en": f"{english} {number}{inside['en']}", "ja": f"{words[what]}{number}{inside['ja']}"}
    return {"winner": winner, f"winner_{what}": number}


def _judged(case: MailCase, ruling: Ruling, published: Published, before: Judgement) -> Judgement:
    if ruling.say is Say.NEVER or ruling.until is None:
        return Judgement(state=MessageState.CANCELLED, reason=ruling.reason, details=dict(ruling.details))
    terms = terms_of(case, email_step(case, published), published)
    opens = next_open(terms.windows, ruling.until, case.zone, terms.calendar)
    expires_at = before.expires_at or opens
    return Judgement(
        state=MessageState.PENDING,
        reason=ruling.reason,
        not_before=min(opens, expires_at),
        expires_at=expires_at,
        details=dict(ruling.details),
    )


def _sent_by_hand(connection: Connection, ids: Collection[int]) -> set[int]:
    if not ids:
        return set()
    acts = select(DECISION.c.message_id).where(among(DECISION.c.message_id, ids), DECISION.c.reason.in_(BY_HAND))
    return set(connection.scalars(acts))


def _note_passed(
    connection: Connection, asked: Mapping[int, MailCase], rulings: Mapping[int, Ruling], now: datetime
) -> None:
    """What went over a cap because a person or its step said so stands in the journal."""
    write_entries(connection, list(_passed(asked, rulings, now)))


def _passed(asked: Mapping[int, MailCase], rulings: Mapping[int, Ruling], now: datetime) -> Iterator[Entry]:
    for found, ruling in rulings.items():
        if ruling.reason == CAP_PASSED:
            row = asked[found].message
            yield Entry(
                at=now,
                verdict=Verdict.DID,
                reason=CAP_PASSED,
                customer_id=row.customer_id,
                contact_id=row.contact_id,
                playbook=row.playbook,
                enrollment_id=row.enrollment_id,
                message_id=found,
                step=row.step,
                details=dict(ruling.details),
                once=f"message:{found}:{CAP_PASSED}",
            )
