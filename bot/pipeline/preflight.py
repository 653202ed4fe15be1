"""Judges claimed messages one by one: now, later, or not, and with which rendered mail (semantics.md S7, S8, S24, S35).
Pure over what mail_context read; it writes nothing. deliver stores the verdicts with the intent in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from bot.authoring.language_findings import language_of
from bot.authoring.templates import CompiledTemplate, RenderedMail
from bot.authoring.workspace_file import WorkspaceSettings
from bot.errors import MissingField, TemplateRefused
from bot.pipeline.mail_context import MailCase, context_of
from bot.pipeline.published import Published, calendar_for
from bot.rules.addresses import is_mailable_address
from bot.rules.business_days import BusinessCalendar
from bot.rules.calendar import add
from bot.rules.durations import parse_duration
from bot.rules.pacing import smooth_offset, smoothed, span_of
from bot.rules.steps_model import EmailStep, LateRule
from bot.rules.windows import DEFAULT_LATE_LIMIT, Window, is_late, next_open, parse_window
from bot.rules.zones import local_date
from storage.outbox import MessageState

EXPIRES = "3 days"
MOST_KEPT = 20_000
OUTSIDE_WINDOW = "outside_window"
AT_ANY_TIME = ("every day", "00:00-24:00")
UNTIL_SET_UP = timedelta(hours=1)
MOMENT = timedelta(microseconds=1)


@dataclass(slots=True, kw_only=True)
class Letter:
    """A mail ready to hand over: addresses and rendered text."""

    to_email: str
    to_name: str | None
    from_email: str
    from_name: str | None
    reply_to: str | None
    mail: RenderedMail
    category: str
    locale: str
    template_digest: str


@dataclass(slots=True, kw_only=True)
class Judgement:
    """What becomes of one claimed message. SUBMITTING carries the letter; PENDING says when to try again. `wanted_locale`:
    the reader's, where the letter had to be written in another language."""

    state: MessageState
    reason: str
    letter: Letter | None = None
    not_before: datetime | None = None
    expires_at: datetime | None = None
    details: dict[str, Any] | None = None
    wanted_locale: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """When a message may go: its windows and calendar, how long it is welcome, and from which delay on it is too late (None:
    never). They hold for all mails of a step, and most of these ask about the same moments, so the answers are kept."""

    windows: tuple[Window, ...]
    calendar: BusinessCalendar
    expires: str
    late_after: timedelta | None
    _openings: dict[tuple[datetime, str], datetime] = field(default_factory=dict, compare=False, repr=False)
    _ends: dict[tuple[datetime, str], datetime] = field(default_factory=dict, compare=False, repr=False)

    def opens(self, at: datetime, zone: str) -> datetime:
        """When it may go, asked for at that moment. Raises: ValueError when the windows never open together."""
        known = self._openings.get((at, zone))
        return known or _keep(self._openings, (at, zone), next_open(self.windows, at, zone, self.calendar))

    def ends(self, due_at: datetime, zone: str) -> datetime:
        """Until when a mail that fell due then is welcome."""
        known = self._ends.get((due_at, zone))
        if known is None:
            end = add(parse_duration(self.expires), self.opens(due_at, zone), zone, self.calendar)
            known = _keep(self._ends, (due_at, zone), end)
        return known


def _keep(answers: dict[tuple[datetime, str], datetime], key: tuple[datetime, str], answer: datetime) -> datetime:
    if len(answers) >= MOST_KEPT:
        answers.clear()
    answers[key] = answer
    return answer


def judge(
    found: MailCase, published: Published, now: datetime, values: dict[str, Any], kept: Letter | None
) -> Judgement:
    """The first thing that applies: too late, not yet, nobody, no address, review, missing field, or go.
    `kept`: the text an earlier attempt, a review or an edit fixed. Raises: UsageError when the template is gone,
    ValueError when its windows never open together."""
    step = email_step(found, published)
    terms = terms_of(found, step, published)
    expires_at = found.message.expires_at or terms.ends(found.message.due_at, found.zone)
    if now >= expires_at:
        return Judgement(state=MessageState.EXPIRED, reason="expired", expires_at=expires_at)
    ready = terms.opens(found.message.not_before, found.zone)
    if terms.late_after is not None and is_late(ready, _came_up(found, now), terms.late_after):
        return Judgement(state=MessageState.EXPIRED, reason="late", expires_at=expires_at)
    opens = terms.opens(now, found.zone)
    if opens > now:
        # Still welcome now (approved on the last evening, say): then also when the window opens next, but only once.
        is_extended = expires_at <= opens and not _was_extended(found, terms, expires_at)
        welcome = opens + DEFAULT_LATE_LIMIT if is_extended else expires_at
        goes_at = _spread(found, published, terms, opens)
        return Judgement(state=MessageState.PENDING, reason=OUTSIDE_WINDOW, not_before=goes_at, expires_at=welcome)
    if found.message.contact_id is None:
        details = {"to": ", ".join(step.to)} if step is not None else None
        return Judgement(state=MessageState.HELD, reason="nobody_to_write_to", expires_at=expires_at, details=details)
    if not is_mailable_address(found.message.contact_email or ""):
        return Judgement(state=MessageState.SUPPRESSED, reason="no_usable_address")
    return _if_it_may_leave(_written(found, step, published, now, values, kept, expires_at), published, now)


def _came_up(found: MailCase, now: datetime) -> datetime:
    """When it would have gone but for the pace: the queue has moved without a break since then (S8)."""
    queue = found.queue
    return min(now, queue.since) if queue is not None and now <= queue.holds_until else now


def _was_extended(found: MailCase, terms: Terms, expires_at: datetime) -> bool:
    """Its reason may have changed since; the time at which it expires tells still."""
    if found.message.reason == OUTSIDE_WINDOW:
        return True
    opened = expires_at - DEFAULT_LATE_LIMIT
    is_later = expires_at > terms.ends(found.message.due_at, found.zone)
    return is_later and terms.opens(opened - MOMENT, found.zone) == opened


def _spread(found: MailCase, published: Published, terms: Terms, opens: datetime) -> datetime:
    """When a mail of a smooth playbook goes after its window opened; the others go at once."""
    version = published.versions.get(found.message.version_id or 0)
    if version is None or version.playbook.smooth is None:
        return opens
    offset = smooth_offset(span_of(version.playbook.smooth), found.message.enrollment_id or 0)
    return smoothed(opens, offset, lambda at: next_open(terms.windows, at, found.zone, terms.calendar) == at)


def _if_it_may_leave(judgement: Judgement, published: Published, now: datetime) -> Judgement:
    """Through a real channel no mail leaves that its reader could not unsubscribe from; it waits for the setting."""
    letter = judgement.letter
    if judgement.state != MessageState.SUBMITTING or letter is None or published.links.may_leave(letter.category):
        return judgement
    later = now + UNTIL_SET_UP
    return Judgement(
        state=MessageState.PENDING, reason="no_unsubscribe_link", not_before=later, expires_at=judgement.expires_at
    )


def _written(
    found: MailCase,
    step: EmailStep | None,
    published: Published,
    now: datetime,
    values: dict[str, Any],
    kept: Letter | None,
    expires_at: datetime,
) -> Judgement:
    if kept is not None:
        # The text is fixed, the way to its reader is not: consent is asked of where the contact is reached today.
        now_at = replace(kept, to_email=found.message.contact_email, to_name=found.message.contact_name)
        return Judgement(state=MessageState.SUBMITTING, reason="ready", letter=now_at, expires_at=expires_at)
    template = published.templates.pick(found.message.template, found.locales)
    try:
        links = published.links.context(found.name, template.category)
        letter = write_letter(found, template, published.settings, now, values, links)
    except MissingField as missing:
        details = {"field": missing.field, "template": template.name}
        return Judgement(state=MessageState.HELD, reason="missing_field", expires_at=expires_at, details=details)
    except TemplateRefused as refused:
        details = {"error": refused.sentence, "template": template.name}
        return Judgement(state=MessageState.QUARANTINED, reason="cannot_render", details=details)
    wanted = _unmet_wish(template.locale, found.locales)
    state, reason = MessageState.SUBMITTING, "ready"
    if needs_review(found, step, published.settings) and found.message.reviewed_by is None:
        state, reason = MessageState.HELD, "review"
    return Judgement(state=state, reason=reason, letter=letter, expires_at=expires_at, wanted_locale=wanted)


def _unmet_wish(written: str, wanted: Sequence[str]) -> str | None:
    """The reader's first locale, if the mail is in another language (S35)."""
    first = wanted[0] if wanted else written
    return None if language_of(first) == language_of(written) else first


def write_letter(
    found: MailCase,
    template: CompiledTemplate,
    settings: WorkspaceSettings,
    now: datetime,
    values: dict[str, Any],
    links: Mapping[str, str],
) -> Letter:
    """Render for this recipient; `links` is what the template reads as `mail.…`. Raises: MissingField, TemplateRefused."""
    row = found.message
    today = local_date(now, found.zone)
    mail = template.render(context_of(found, settings, values, today, links))
    from_email, from_name, reply_to = sender_of(found, settings)
    return Letter(
        to_email=row.contact_email,
        to_name=row.contact_name,
        from_email=from_email,
        from_name=from_name,
        reply_to=reply_to,
        mail=mail,
        category=template.category,
        locale=template.locale,
        template_digest=template.digest,
    )


def sender_of(found: MailCase, settings: WorkspaceSettings) -> tuple[str, str | None, str | None]:
    """Address, name, reply-to. `from: csm` without a CSM is the workspace's sender (S25)."""
    if found.signer is not None:
        return found.signer.email, found.signer.name, None
    return settings.sender.email or "", settings.sender.name or settings.company or None, None


def needs_review(found: MailCase, step: EmailStep | None, settings: WorkspaceSettings) -> bool:
    """The step's own word, else the policy of the customer's touch model."""
    if step is not None and step.review is not None:
        return step.review == "csm"
    policy = settings.touch.get(found.message.customer_touch or "")
    return policy is not None and policy.review == "csm"


def email_step(found: MailCase, published: Published) -> EmailStep | None:
    """The step that owes the message, in the version the walk is on."""
    version = published.versions.get(found.message.version_id or 0)
    node = version.program.nodes.get(found.message.step) if version else None
    return node.step if node is not None and isinstance(node.step, EmailStep) else None


def terms_of(found: MailCase, step: EmailStep | None, published: Published) -> Terms:
    """Windows of the workspace, the CSM's team, the playbook and the step must all be open; the customer's holidays
    count (S18). A mail that a person sends from a hand-off goes when the person sends it; only freeze dates hold it."""
    return _terms(found, step, published, at_any_time=found.is_of_handoff)


def usual_terms_of(found: MailCase, published: Published) -> Terms:
    """When the machine itself would write to this reader."""
    return _terms(found, None, published, at_any_time=False)


def _terms(found: MailCase, step: EmailStep | None, published: Published, *, at_any_time: bool) -> Terms:
    row = found.message
    owner = None if step is None else row.step
    key = (row.version_id, owner, found.window, found.team_window, row.customer_region, at_any_time)
    terms: Terms | None = published.terms.get(key)
    if terms is None:
        terms = published.terms[key] = _work_out_terms(found, step, published, at_any_time=at_any_time)
    return terms


def _work_out_terms(found: MailCase, step: EmailStep | None, published: Published, *, at_any_time: bool) -> Terms:
    settings = published.settings
    version = published.versions.get(found.message.version_id or 0)
    chosen = (
        settings.windows[found.window] if found.window is not None else None,
        settings.windows_of_teams()[found.team_window][1] if found.team_window is not None else None,
        version.playbook.window if version else None,
        step.window if step else None,
    )
    windows = [_window(window.days, window.hours) for window in chosen if window is not None]
    if at_any_time:
        windows = [_window(*AT_ANY_TIME)]
    late = step.late if step is not None and step.late is not None else (version.playbook.late if version else None)
    return Terms(
        windows=tuple(windows),
        calendar=calendar_for(settings, found.message.customer_region),
        expires=(step.expires if step else None) or EXPIRES,
        late_after=_late_after(late),
    )


@lru_cache(maxsize=256)
def _window(days: str, hours: str) -> Window:
    return parse_window(days, hours)


def _late_after(late: LateRule | None) -> timedelta | None:
    if late is not None and late.action == "send":
        return None
    if late is None or not late.after:
        return DEFAULT_LATE_LIMIT
    length = parse_duration(late.after)
    return timedelta(days=length.days + length.business_days + 30 * length.months, minutes=length.minutes)
