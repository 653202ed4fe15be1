"""/journey: a CSM asks and acts without leaving Slack. Acknowledged at once; the answer follows and only the asker sees it.
command_text.py reads what was typed, command_answers.py draws; here names are looked up and things are done, once however
often Slack repeats the command."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

from slack_bolt import App
from sqlalchemy import Connection

from bot.insight.customer_search import FoundCustomer, Search, begins_with_name, find_customer
from bot.insight.explain import explain_customer
from bot.pipeline.notes import note as write_note
from bot.pipeline.operate import pause, resume
from bot.rules.zones import local_date, local_to_utc
from bot.slack.blocks import escaped, one_line
from bot.slack.command_answers import customer_blocks, handoff_lines, why_lines
from bot.slack.command_text import Typed, Unreadable, read_command, read_day, split_until
from bot.slack.command_words import phrase
from bot.slack.context import Body, SlackContext
from bot.slack.people import Person
from bot.slack.respond import answer_privately
from bot.slack.wording import is_japanese, written_day

COMMAND = "/journey"
SOURCE = "slack"
NAME = 200
WRITING = ("note", "pause", "resume")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the asker sees: markup, and blocks where they say more."""

    text: str
    blocks: Sequence[dict[str, Any]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One command, its asker, and the moment."""

    context: SlackContext
    person: Person
    typed: Typed
    now: datetime
    key: str

    def say(self, word: str, **parts: str) -> Answer:
        return Answer(text=phrase(word, self.person.locale, **{name: _shown(text) for name, text in parts.items()}))


def register(bolt: App, context: SlackContext) -> None:
    """The slash command."""

    def asked(body: Body) -> None:
        answer = answer_to(context, body)
        answer_privately(context, body, answer.text, answer.blocks)

    bolt.command(COMMAND)(context.later(asked))


def answer_to(context: SlackContext, body: Body) -> Answer:
    """Does what was asked for, once, and says so."""
    read = read_command(str(body.get("text") or ""))
    with context.database.read() as connection:
        person = context.person(connection, str(body.get("user_id") or ""))
    if person.csm is None:
        return Answer(text=phrase("who_are_you", person.locale, user=_shown(person.user)))
    if isinstance(read, Unreadable):
        told = phrase(read.word, person.locale, given=_shown(read.given))
        return Answer(text=f"{told}\n{phrase('help', person.locale)}" if read.word == "unknown_verb" else told)
    key = hashlib.sha256(str(body.get("trigger_id") or body.get("response_url") or "").encode()).hexdigest()[:32]
    return _ANSWERS[read.verb](Asked(context=context, person=person, typed=read, now=context.clock.now(), key=key))


def _help(asked: Asked) -> Answer:
    return asked.say("help")


def _handoffs(asked: Asked) -> Answer:
    with asked.context.database.read() as connection:
        return Answer(text=handoff_lines(connection, asked.person, asked.now))


def _customer(asked: Asked) -> Answer:
    with asked.context.database.read() as connection:
        found = _meant(connection, asked, f"{asked.typed.who} {asked.typed.rest}".strip())
        if isinstance(found, Answer):
            return found
        text, blocks = customer_blocks(connection, asked.context, asked.person, found, asked.now)
        return Answer(text=text, blocks=blocks)


def _why(asked: Asked) -> Answer:
    published = asked.context.published()
    if published is None:
        return asked.say("not_deployed")
    with asked.context.database.read() as connection:
        found = _meant(connection, asked, f"{asked.typed.who} {asked.typed.rest}".strip())
        if isinstance(found, Answer):
            return found
        told = explain_customer(connection, published, asked.now, found.key, locale=asked.person.locale, limit=12)
    return Answer(text=why_lines(told, found, asked.person))


def _note(asked: Asked) -> Answer:
    with asked.context.database.write() as connection:
        named = _named_and_rest(connection, asked)
        if isinstance(named, Answer):
            return named
        found, text = named
        if not text:
            return asked.say("how_note")
        write_note(
            connection, found.id, text, by=asked.person.by, at=asked.now, source=SOURCE, key=f"command:{asked.key}"
        )
    return asked.say("noted", customer=found.name)


def _pause(asked: Asked) -> Answer:
    typed = asked.typed
    split = split_until(typed.rest if typed.is_quoted else f"{typed.who} {typed.rest}")
    if split is None:
        return asked.say("how_pause")
    who, written = split
    zone = asked.person.timezone
    today = local_date(asked.now, zone)
    day = read_day(written, today, is_japanese=is_japanese(asked.person.locale))
    if day is None:
        return asked.say("not_a_day", given=written)
    shown = written_day(day, asked.person.locale)
    if day <= today:
        return asked.say("past_day", day=shown)
    with asked.context.database.write() as connection:
        found = _meant(connection, asked, typed.who if typed.is_quoted else who)
        if isinstance(found, Answer):
            return found
        until = local_to_utc(datetime.combine(day, time(0)), zone)
        pause(connection, "customer", found.key, asked.now, until=until)
    return asked.say("paused_until", customer=found.name, key=found.key, day=shown)


def _resume(asked: Asked) -> Answer:
    published = asked.context.published()
    with asked.context.database.write() as connection:
        found = _meant(connection, asked, f"{asked.typed.who} {asked.typed.rest}".strip())
        if isinstance(found, Answer):
            return found
        rules = published.on_resume if published else {}
        is_news = resume(connection, "customer", found.key, asked.now, rules)
    return asked.say("resumed" if is_news else "not_paused", customer=found.name)


_ANSWERS: dict[str, Callable[[Asked], Answer]] = {
    "help": _help,
    "handoffs": _handoffs,
    "customer": _customer,
    "why": _why,
    "note": _note,
    "pause": _pause,
    "resume": _resume,
}


def _named_and_rest(connection: Connection, asked: Asked) -> tuple[FoundCustomer, str] | Answer:
    """The customer and the text: a quoted name, a whole name of several words, else the first word."""
    if not asked.typed.is_quoted:
        longest = begins_with_name(connection, f"{asked.typed.who} {asked.typed.rest}")
        if longest is not None and " " in longest[0].name:
            return longest
    found = _meant(connection, asked, asked.typed.who)
    return found if isinstance(found, Answer) else (found, asked.typed.rest)


def _meant(connection: Connection, asked: Asked, text: str) -> FoundCustomer | Answer:
    """The one customer that fits, or what to tell where there is none or several."""
    search = find_customer(connection, text)
    if search.only is not None:
        return search.only
    if search.found:
        return asked.say("several", given=text, names=_names(search, asked.person.locale))
    told = asked.say("no_customer", given=text).text
    if asked.typed.verb in WRITING:
        told += " " + asked.say("nothing_done").text
    if search.nearest:
        nearest = Search(found=search.nearest)
        told += " " + asked.say("did_you_mean", names=_names(nearest, asked.person.locale)).text
    return Answer(text=told)


def _names(search: Search, locale: str) -> str:
    listed = ", ".join(f"{each.name} ({each.key})" for each in search.found)
    return f"{listed}, {phrase('and_more', locale)}" if search.is_cut else listed


def _shown(text: str) -> str:
    return escaped(one_line(text), 900 if len(text) > NAME else 2 * NAME).replace("`", "'")
