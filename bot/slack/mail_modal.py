"""Edit & send: opens a hand-off's prepared mail as a modal, previews it, sends it through the outbox, or notes that it was
written elsewhere (semantics.md S29). Acknowledges first, opens a light modal, then reads; a changed text is never thrown
away silently. Decides nothing: sending_prepared and the guards do. Before it: a card's button; after it: deliver."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from slack_bolt import App
from sqlalchemy import Connection

from bot.authoring.assist import gap, gaps_in
from bot.channels.slack import PostFailed
from bot.errors import JourneybotError, UsageError
from bot.pipeline.escalate import post_handoff
from bot.pipeline.handoff_acts import Actor, who_may_act
from bot.pipeline.mail_outlook import Outlook, look_ahead
from bot.pipeline.news import local_days
from bot.pipeline.prepared_mails import PreparedMail, text_digest
from bot.pipeline.published import Published
from bot.pipeline.sending_prepared import Sent, send_prepared, write_elsewhere
from bot.slack import mail_views
from bot.slack.blocks import escaped, length
from bot.slack.card_views import names_of
from bot.slack.cards import EDIT_SEND
from bot.slack.context import Body, Listener, SlackContext
from bot.slack.mail_views import FormMemory, Written
from bot.slack.mail_words import mail_word as say
from bot.slack.people import Person
from bot.slack.wording import WORDS, written_moment
from bot.slack.wording import say as say_card
from bot.webhooks.draft_links import draft_url
from storage.handoff_deeds import Move
from storage.handoff_views import get, handoff_id_of, installation_of

LONGEST_TOLD = 1500
#: Slack waits three seconds for an acknowledgement, and nobody likes to wait for two.
SOON_SECONDS = 0.8


def register(bolt: App, context: SlackContext) -> None:
    desk = MailDesk(context)
    for action, listener in listeners(context).items():
        bolt.action(action)(listener)
    bolt.action(mail_views.PREVIEW)(desk.previewing)
    for action in (mail_views.TO, mail_views.TEMPLATE):
        bolt.action(action)(context.later(desk.choose))
    bolt.action(mail_views.REPLACE)(context.later(desk.replace_text))
    bolt.action(mail_views.WROTE_MYSELF)(context.later(desk.wrote_myself))
    bolt.view(mail_views.SEND)(desk.submitted)


def listeners(context: SlackContext) -> dict[str, Listener]:
    """What opens the mail, by the button's action id."""
    desk = MailDesk(context)
    return {EDIT_SEND: context.with_modal(desk.opening, desk.open)}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seat:
    """One request: who asks about which hand-off, in which transaction."""

    connection: Connection
    published: Published
    person: Person
    handoff_id: int


class MailDesk:
    """What the modal's buttons do. Threads may share it."""

    def __init__(self, context: SlackContext) -> None:
        self._context = context

    def opening(self, _body: Body) -> dict[str, Any]:
        return mail_views.waiting_view("loading", self._context.settings.locale)

    def open(self, body: Body, view_id: str) -> None:
        """The form as the playbook prepared it."""
        reference = str(_pressed(body).get("value", ""))
        self._answer(body, view_id, reference, lambda seat: self._fresh(seat, reference))

    def choose(self, body: Body) -> None:
        """Another reader or template: the text is written anew, unless the person changed it."""
        view = body["view"]
        memory = FormMemory.read(str(view.get("private_metadata", "")))

        def draw(seat: _Seat) -> dict[str, Any]:
            wanted = mail_views.chosen_template(view) or memory.template
            mail = self._load(seat, memory.template, None)
            written = mail_views.written_in(view, _keys(mail), memory.template)
            if written.digest == memory.digest:
                return self._fresh(seat, memory.reference, template=wanted, to=written.to, round_=memory.round + 1)
            mail = self._load(seat, memory.template, written.to)
            kept = mail_views.remembered(memory)
            return self._form(seat, mail, written, kept, Outlook(), is_kept=wanted)

        self._answer(body, str(view["id"]), memory.reference, draw)

    def replace_text(self, body: Body) -> None:
        """The person gives the changed text up for the template's."""
        view = body["view"]
        memory = FormMemory.read(str(view.get("private_metadata", "")))
        template = str(_pressed(body).get("value") or memory.template)

        def draw(seat: _Seat) -> dict[str, Any]:
            to = mail_views.written_in(view, _keys(self._load(seat, memory.template, None)), template).to
            return self._fresh(seat, memory.reference, template=template, to=to, round_=memory.round + 1)

        self._answer(body, str(view["id"]), memory.reference, draw)

    def previewing(self, ack: Callable[..., Any], body: dict[str, Any]) -> None:
        """Opens a second view at once, because a trigger lives for three seconds; the text follows."""
        ack()
        self._context.background.open(lambda: self._push(body))

    def wrote_myself(self, body: Body) -> None:
        view = body["view"]
        memory = FormMemory.read(str(view.get("private_metadata", "")))
        done: list[int] = []

        def write(seat: _Seat) -> dict[str, Any]:
            move = write_elsewhere(self._actor(seat, body), seat.handoff_id)
            done.append(seat.handoff_id)
            text = say("wrote", seat.person.locale) if move.is_done else _told_refused(move, seat.person)
            return mail_views.told_view(text, seat.person.locale)

        self._answer(body, str(view["id"]), memory.reference, write, writes=True)
        self._redraw(done)

    def submitted(self, ack: Callable[..., Any], body: dict[str, Any]) -> None:
        """Send. Slack gets the answer with the acknowledgement where the database is quick, else a modal that waits: what is
        brought later could otherwise come before it."""
        locale = self._context.settings.locale
        mistakes = _gaps(body["view"], locale)
        if mistakes:
            ack(response_action="errors", errors=mistakes)
            return
        outcome: Future[dict[str, Any]] = Future()
        self._context.background.work(
            lambda: self._context.guarded(lambda given: _fulfil(outcome, self._send, given), body)
        )
        try:
            ack(response_action="update", view=outcome.result(timeout=SOON_SECONDS))
        except Exception as error:  # noqa: BLE001  (a fault is told by `guarded`; here only the modal must not hang)
            is_late = isinstance(error, TimeoutError)
            word = mail_views.waiting_view("sending", locale) if is_late else mail_views.told_view(told(locale), locale)
            ack(response_action="update", view=word)
            if is_late:
                outcome.add_done_callback(lambda done: self._show_late(body, done))

    def _show_late(self, body: Body, outcome: Future[dict[str, Any]]) -> None:
        locale = self._context.settings.locale
        view = mail_views.told_view(told(locale), locale) if outcome.exception() else outcome.result()
        self._context.show_modal(str(body["view"]["id"]), view)

    def _send(self, body: Body) -> dict[str, Any]:
        view = body["view"]
        memory = FormMemory.read(str(view.get("private_metadata", "")))
        done: list[int] = []

        def send(seat: _Seat) -> dict[str, Any]:
            mail = self._load(seat, memory.template, None)
            written = mail_views.written_in(view, _keys(mail), memory.template)
            mail = self._load(seat, memory.template, written.to)
            sent = send_prepared(self._actor(seat, body), mail, written.subject, written.body)
            if sent.is_done:
                done.append(seat.handoff_id)
                return mail_views.told_view(_told_sent(mail, sent, seat.person), seat.person.locale)
            if sent.move is not None:
                return mail_views.told_view(_told_refused(sent.move, seat.person), seat.person.locale)
            return self._form(seat, mail, written, mail_views.remembered(memory), sent.outlook)

        shown = self._view(body, memory.reference, send, writes=True)
        self._context.background.work(lambda: self._redraw(done))
        return shown

    def _push(self, body: Body) -> None:
        locale = self._context.settings.locale
        view = mail_views.waiting_view("loading", locale)
        answer = self._context.slack.call("views.push", trigger_id=str(body.get("trigger_id", "")), view=view)
        if isinstance(answer, PostFailed):
            self._context.on_error(RuntimeError(f"a preview could not be opened: {answer.reason}"))
            return
        pushed = str(answer["view"]["id"])
        self._context.background.work(lambda: self._context.guarded(lambda given: self._preview(given, pushed), body))

    def _preview(self, body: Body, pushed: str) -> None:
        view = body["view"]
        memory = FormMemory.read(str(view.get("private_metadata", "")))

        def draw(seat: _Seat) -> dict[str, Any]:
            mail = self._load(seat, memory.template, None)
            written = mail_views.written_in(view, _keys(mail), memory.template)
            mail = self._load(seat, memory.template, written.to)
            now = self._context.clock.now()
            outlook = look_ahead(seat.connection, mail, written.subject, written.body, now)
            rendered = mail.render(written.subject, written.body)
            return mail_views.preview_view(
                mail, rendered, outlook, locale=seat.person.locale, zone=seat.person.timezone
            )

        self._answer(body, pushed, memory.reference, draw)

    def _answer(
        self,
        body: Body,
        view_id: str,
        reference: str,
        draw: Callable[[_Seat], dict[str, Any]],
        *,
        writes: bool = False,
    ) -> None:
        self._context.show_modal(view_id, self._view(body, reference, draw, writes=writes))

    def _view(
        self, body: Body, reference: str, draw: Callable[[_Seat], dict[str, Any]], *, writes: bool
    ) -> dict[str, Any]:
        """What `draw` makes, or why it cannot. Reads unless it `writes`."""
        published = self._context.published()
        database = self._context.database
        with database.write() if writes else database.read() as connection:
            person = self._context.person(connection, str(body["user"]["id"]))
            handoff_id = handoff_id_of(installation_of(connection), reference)
            try:
                return self._drawn(connection, published, person, handoff_id, draw)
            except JourneybotError as error:
                return mail_views.told_view(escaped(str(error), LONGEST_TOLD), person.locale)

    def _drawn(
        self,
        connection: Connection,
        published: Published | None,
        person: Person,
        handoff_id: int | None,
        draw: Callable[[_Seat], dict[str, Any]],
    ) -> dict[str, Any]:
        if published is None or handoff_id is None:
            raise UsageError(say_card("told_unknown", person.locale))
        seat = _Seat(connection=connection, published=published, person=person, handoff_id=handoff_id)
        handoff = get(connection, handoff_id)
        owner = handoff.owner if handoff is not None and not handoff.is_finished else None
        if owner is not None and person.by not in who_may_act(self._somebody(connection, published, person), owner):
            name = names_of(connection, [owner]).get(owner, owner)
            raise UsageError(say("not_yours", person.locale, owner=name))
        with connection.begin_nested():  # what could not be finished leaves nothing behind
            return draw(seat)

    def _load(self, seat: _Seat, template: str | None, to: str | None) -> PreparedMail:
        now = self._context.clock.now()
        days = local_days(seat.connection, now, seat.published.settings.timezone)
        ground = seat.published.ground(days)
        return PreparedMail.load(
            seat.connection, seat.published, ground, seat.handoff_id, now, to=to, template=template
        )

    def _fresh(
        self, seat: _Seat, reference: str, *, template: str | None = None, to: str | None = None, round_: int = 1
    ) -> dict[str, Any]:
        mail = self._load(seat, template, to)
        draft = mail.draft
        size = length(draft.body_markdown)
        if size > mail_views.LONGEST_BODY:
            console = self._console(seat)
            return mail_views.too_long_view(mail, size, locale=seat.person.locale, console=console)
        memory = FormMemory(
            reference=reference,
            template=mail.template.name,
            round=round_,
            digest=text_digest(draft.subject[: mail_views.LONGEST_SUBJECT], draft.body_markdown),
        )
        written = Written(
            to=mail.reader.key if mail.reader is not None else None,
            template=mail.template.name,
            subject=draft.subject,
            body=draft.body_markdown,
        )
        # Gaps are seen in the text itself; they are no reason to begin with a warning.
        outlook = look_ahead(seat.connection, mail, "…", "…", self._context.clock.now())
        return self._form(seat, mail, written, memory, outlook)

    def _form(
        self,
        seat: _Seat,
        mail: PreparedMail,
        written: Written,
        memory: FormMemory,
        outlook: Outlook,
        *,
        is_kept: str | None = None,
    ) -> dict[str, Any]:
        return mail_views.form_view(
            mail,
            written,
            memory,
            outlook,
            locale=seat.person.locale,
            zone=seat.person.timezone,
            console=self._console(seat),
            is_kept=is_kept,
        )

    def _console(self, seat: _Seat) -> str | None:
        return draft_url(seat.published.links, seat.handoff_id, seat.person.by, self._context.clock.now())

    def _actor(self, seat: _Seat, body: Body) -> Actor:
        """The same press has the same key, also when Slack sends it twice."""
        view = body["view"]
        pressed = _pressed(body).get("action_ts") or view.get("hash", "")
        key = f"mail-{view.get('root_view_id') or view['id']}-{pressed}"
        return self._somebody(seat.connection, seat.published, seat.person, key)

    def _somebody(self, connection: Connection, published: Published, person: Person, key: str = "") -> Actor:
        now = self._context.clock.now()
        return Actor(connection=connection, settings=published.settings, by=person.by, at=now, key=key)

    def _redraw(self, handoff_ids: list[int]) -> None:
        for handoff_id in handoff_ids:
            post_handoff(self._context.poster, handoff_id)


def _fulfil(outcome: Future[dict[str, Any]], work: Callable[[Body], dict[str, Any]], body: Body) -> None:
    try:
        outcome.set_result(work(body))
    except Exception as error:
        outcome.set_exception(error)
        raise


def told(locale: str) -> str:
    """That it could not be done, and may be tried again."""
    return say_card("told_error", locale)


def _pressed(body: Body) -> Mapping[str, Any]:
    """The element that was pressed; empty for a submission."""
    found: Mapping[str, Any] = next(iter(body.get("actions") or ({},)))
    return found


def _keys(mail: PreparedMail) -> Mapping[str, str]:
    return {str(reader.id): reader.key for reader in mail.readers}


def _gaps(view: Mapping[str, Any], locale: str) -> dict[str, str]:
    """What is still to be filled, by the block in which it stands."""
    written = mail_views.written_in(view, {}, "")
    found = {}
    for action, text in ((mail_views.SUBJECT, written.subject), (mail_views.BODY, written.body)):
        gaps = gaps_in(text)
        if gaps:
            found[mail_views.block_of(view, action)] = say("gaps", locale, gaps=", ".join(gap(name) for name in gaps))
    return found


def _told_refused(move: Move, person: Person) -> str:
    """Who was first, or what it is part of, in the reader's language where there are words for it."""
    word = f"told_{move.reason}"
    if word not in WORDS:
        return escaped(move.sentence_reason, LONGEST_TOLD)
    return say_card(
        word,
        person.locale,
        by=escaped(move.by or "–", 100),
        at=written_moment(move.at, person.timezone, person.locale) if move.at else "–",
        state=say_card(f"state_{move.state.value}", person.locale),
    )


def _told_sent(mail: PreparedMail, sent: Sent, person: Person) -> str:
    reader = mail.reader
    name = escaped((reader.name or reader.email) if reader is not None else "–", 200)
    lines = [f":white_check_mark: {say('sent', person.locale, to=name)}"]
    for notice in sent.outlook.warnings:
        told = escaped(notice.sentence(person.locale, person.timezone), LONGEST_TOLD // 4)
        lines.append(say("note", person.locale, what=told))
    return "\n".join(lines)
