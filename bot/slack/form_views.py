"""Draws the forms behind Snooze, Reassign, Done and Dismiss, and knows where in them each answer stands. `FormReader` reads what
they show; all else is pure. Used by act_forms.py."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, time
from typing import Any

from sqlalchemy import Connection

from bot.authoring.answer_lists import Choice
from bot.insight.handoff_brief import Reader
from bot.pipeline.handoff_questions import NUMBER, YES_NO, Question, questions_of
from bot.rules.calendar import BusinessCalendar, is_zone, local_date, local_to_utc, parse_working_hours
from bot.slack import form_blocks
from bot.slack.blocks import Block, escaped, length, one_line, section
from bot.slack.people import Person
from bot.slack.wording import say, written_moment
from storage.handoff_answers import NOTE as NOTE_QUESTION
from storage.handoff_views import HandoffRecord
from storage.handoffs import DISMISSALS

UNTIL = "until"
WHY = "why"
WHOM = "whom"
OUTCOME = "outcome"
NOTE = "note"
CAUSE = "cause"
QUESTION = "question-"
MOST_QUESTIONS = 10
MOST_REMEMBERED = 2000
LONGEST_NAME = 80
MORNING = time(9)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a form is drawn from; texts unescaped, in the language of whoever opened it. `about` comes back when it is sent."""

    title: str
    customer: str
    locale: str
    timezone: str
    suggested: datetime
    due_at: datetime | None
    outcomes: tuple[str, ...]
    questions: tuple[Question, ...]
    about: Mapping[str, str] = field(default_factory=dict)
    callback_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FormReader:
    """Reads what the forms show. `calendar` and `timezone` are the workspace's."""

    calendar: BusinessCalendar
    timezone: str

    def read(self, connection: Connection, handoff: HandoffRecord, who: Person, *, now: datetime) -> Asked:
        reader = Reader(locale=who.locale, timezone=who.timezone, now=now)
        return Asked(
            title=reader.text_of(handoff.title) or handoff.step,
            customer=handoff.customer_name,
            locale=who.locale,
            timezone=who.timezone,
            suggested=self._next_morning(handoff, now),
            due_at=handoff.due_at,
            outcomes=tuple(handoff.outcomes),
            questions=tuple(one for one in questions_of(connection, handoff) if one.name != NOTE_QUESTION),
        )

    def _next_morning(self, handoff: HandoffRecord, now: datetime) -> datetime:
        """09:00 of the owner's next working day, or the due time where that comes first."""
        zone = handoff.owner_timezone or self.timezone
        zone = zone if is_zone(zone) else "UTC"
        hours = parse_working_hours(handoff.owner_working_hours or "")
        day = replace(self.calendar, open_days=hours.days).next_business_day(local_date(now, zone))
        morning = local_to_utc(datetime.combine(day, MORNING), zone)
        return min(morning, handoff.due_at) if handoff.due_at and handoff.due_at > now else morning


def waiting(word: str, locale: str) -> Block:
    """What stands there until the database has answered."""
    return form_blocks.told(say(word, locale), say("form_waiting", locale), close=say("form_close", locale))


def refused(word: str, locale: str, markup: str) -> Block:
    return form_blocks.told(say(word, locale), markup, close=say("form_close", locale))


def draw_snooze(asked: Asked) -> Block:
    due = written_moment(asked.due_at, asked.timezone, asked.locale) if asked.due_at else ""
    hint = say("form_at_most", asked.locale, due=due) if due else ""
    until = form_blocks.moment(int(asked.suggested.timestamp()))
    return _form(
        asked,
        "snooze",
        form_blocks.field(UNTIL, say("form_until", asked.locale), until, hint=hint),
        form_blocks.field(WHY, say("form_why", asked.locale), form_blocks.text_input()),
    )


def draw_reassign(asked: Asked) -> Block:
    people = form_blocks.user_select(say("form_choose", asked.locale))
    hint = say("form_they_are_told", asked.locale)
    return _form(asked, "reassign", form_blocks.field(WHOM, say("form_whom", asked.locale), people, hint=hint))


def draw_done(asked: Asked) -> Block:
    outcomes = [(str(number), text) for number, text in enumerate(asked.outcomes)]
    menu = form_blocks.choice(outcomes, say("form_choose", asked.locale))
    first = [form_blocks.field(OUTCOME, say("form_outcome", asked.locale), menu)] if outcomes else []
    note = form_blocks.field(
        NOTE,
        say("form_note", asked.locale),
        form_blocks.text_input(is_long=True),
        optional=True,
        hint=say("form_note_hint", asked.locale),
    )
    return _form(asked, "done", *first, *_question_fields(asked), note)


def draw_dismiss(asked: Asked) -> Block:
    causes = [(cause, say(f"cause_{cause}", asked.locale)) for cause in DISMISSALS]
    return _form(
        asked,
        "dismiss",
        form_blocks.field(
            CAUSE,
            say("form_cause", asked.locale),
            form_blocks.choice(causes, say("form_choose", asked.locale)),
            hint=say("form_cause_hint", asked.locale),
        ),
        form_blocks.field(WHY, say("form_details", asked.locale), form_blocks.text_input(is_long=True), optional=True),
    )


def questions_in(view: Mapping[str, Any]) -> Iterator[tuple[str, Question]]:
    """The block of each question of a Done form, and how its answer is read; a menu's choices were checked by Slack."""
    listed = form_blocks.memory_of(view).get("questions")
    for number, found in enumerate(listed if isinstance(listed, list) else ()):
        name, kind = (str(part) for part in found)
        yield f"{QUESTION}{number}", Question(name=name, kind=kind)


def _question_fields(asked: Asked) -> Iterator[Block]:
    for number, question in enumerate(_fitting(asked.questions)):
        label = question.name.removeprefix("attributes.").replace("_", " ")
        yield form_blocks.field(f"{QUESTION}{number}", label, _element(question, asked.locale), optional=True)


def _fitting(questions: Sequence[Question]) -> list[Question]:
    """As many as a form can remember; the others are answered by `handoffs done --answer`."""
    room = MOST_REMEMBERED
    fitting = []
    for question in questions[:MOST_QUESTIONS]:
        room -= length(question.name) + length(question.kind) + len('["",""],')
        if room < 0:
            break
        fitting.append(question)
    return fitting


def _element(question: Question, locale: str) -> Block:
    if question.kind == YES_NO:
        return form_blocks.choice([("yes", say("yes", locale)), ("no", say("no", locale))], say("form_choose", locale))
    if question.choices:
        return form_blocks.choice(
            [(choice.word, _title(choice, locale)) for choice in question.choices], say("form_choose", locale)
        )
    return form_blocks.text_input(is_long=question.kind != NUMBER)


def _title(choice: Choice, locale: str) -> str:
    titles = choice.title
    return titles.get(locale[:2]) or titles.get("en") or next(iter(titles.values()), choice.word)


def _form(asked: Asked, word: str, *fields: Block) -> Block:
    whose = f" · {escaped(one_line(asked.customer), LONGEST_NAME)}" if asked.customer else ""
    head = section(f"*{escaped(one_line(asked.title), LONGEST_NAME)}*{whose}")
    questions = [(one.name, one.kind) for one in _fitting(asked.questions)] if word == "done" else []
    about: dict[str, Any] = {**asked.about, "locale": asked.locale, "questions": questions}
    return form_blocks.modal(
        say(word, asked.locale),
        [head, *fields],
        close=say("form_cancel", asked.locale),
        submit=say(f"{word}_now", asked.locale),
        callback_id=asked.callback_id,
        about=about,
    )
