"""GET, POST /drafts/{token}: a hand-off's mail in the console, for whoever was given the link (drafts that Slack cannot hold).
GET changes nothing. The signed, expiring token is the whole permission: nothing rides on the browser's identity, so there
is nothing a forged request (CSRF) could borrow. The same drafting and sending as the modal in Slack."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TypeAlias

from sqlalchemy import Connection, Table, select
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from bot.app import App
from bot.authoring.templates import RenderedMail
from bot.console.draft_page import DRAFT_HEADERS, DRAFT_WORDS, draw_draft, draw_told
from bot.console.preference_page import language_of
from bot.console.token_pages import Form, token_routes
from bot.errors import JourneybotError
from bot.pipeline.handoff_acts import Actor
from bot.pipeline.mail_outlook import Outlook, look_ahead
from bot.pipeline.prepared_mails import PreparedMail, WrittenMail, text_digest
from bot.pipeline.published import Published
from bot.pipeline.sending_prepared import Sent, send_prepared, write_elsewhere
from bot.rules.zones import is_zone
from bot.webhooks.draft_links import PATH, DraftPass, read_draft_token
from storage.accounts import Csm

CSM: Table = Csm.__table__  # type: ignore[attr-defined]
MOST_BYTES = 400_000
Answering: TypeAlias = Callable[[DraftPass, Published], Response]


def draft_routes(app: App) -> list[Route]:
    """To be mounted by the console."""

    return token_routes(PATH, lambda request: _Desk(app, request), MOST_BYTES)


class _Desk:
    """One request: who writes which mail, and in which language to answer."""

    def __init__(self, app: App, request: Request) -> None:
        self.app = app
        self.token = request.path_params["token"]
        self.asked = request.query_params.get("lang")
        self.accepted = request.headers.get("accept-language", "").split(",")[0].split(";")[0].strip()
        self.language = language_of(self.asked, self.accepted)
        self.zone = "UTC"
        self.company = ""

    def show(self) -> Response:
        return self._with_pass(lambda given, published: self._page(given, published, {}))

    def act(self, form: Form) -> Response:
        if form.get("form") != ["draft"]:
            return self.told(400, "problem_title", DRAFT_WORDS[self.language]["bad"])
        match _one(form, "do"):
            case "send":
                return self._with_pass(lambda given, published: self._send(given, published, form))
            case "wrote":
                return self._with_pass(self._wrote)
            case _:
                return self._with_pass(lambda given, published: self._page(given, published, form))

    def _with_pass(self, work: Answering) -> Response:
        """Raises nothing that a person could not read."""
        links, now = self.app.links, self.app.clock.now()
        given = read_draft_token(links.keys, links.installation, self.token, now)
        published = self.app.published()
        if given is None or published is None:
            return self.told(404, "gone_title", DRAFT_WORDS[self.language]["gone"])
        self.company = published.settings.company
        with self.app.database.read() as connection:
            row = connection.execute(select(CSM.c.locale, CSM.c.timezone).where(CSM.c.key == given.by)).one_or_none()
        self.language = language_of(self.asked, row.locale if row else None, self.accepted, published.settings.locale)
        zone = (row.timezone if row else None) or published.settings.timezone
        self.zone = zone if is_zone(zone) else "UTC"
        try:
            return work(given, published)
        except JourneybotError as error:
            return self.told(400, "problem_title", str(error))

    def _page(self, given: DraftPass, published: Published, form: Form) -> Response:
        with self.app.database.read() as connection:
            mail, written, is_kept = self._drafted(connection, given, published, form)
            outlook = look_ahead(connection, mail, written.subject, written.body, self.app.clock.now())
        return self._drawn(mail, written, outlook, is_kept=is_kept)

    def _drafted(
        self, connection: Connection, given: DraftPass, published: Published, form: Form
    ) -> tuple[PreparedMail, WrittenMail, bool]:
        """What the page shows: the draft anew, unless the person changed the text; then their text, and whether another
        template waits for their word."""
        current, wanted, to = _one(form, "current") or None, _one(form, "template") or None, _one(form, "to") or None
        written = WrittenMail(
            subject=_one(form, "subject"), body=_one(form, "body"), drafted=_one(form, "digest"), wanted=wanted
        )
        is_new = not form or _one(form, "do") == "replace" or not written.is_changed
        mail = self._load(connection, given, published, wanted if is_new else current, to)
        if is_new:
            draft = mail.draft
            digest = text_digest(draft.subject, draft.body_markdown)
            return mail, WrittenMail(subject=draft.subject, body=draft.body_markdown, drafted=digest), False
        return mail, written, wanted not in (None, mail.template.name)

    def _load(
        self, connection: Connection, given: DraftPass, published: Published, template: str | None, to: str | None
    ) -> PreparedMail:
        ground = self.app.ground(published)
        now = self.app.clock.now()
        return PreparedMail.load(connection, published, ground, given.handoff_id, now, to=to, template=template)

    def _send(self, given: DraftPass, published: Published, form: Form) -> Response:
        with self.app.database.write() as connection:
            template, to = _one(form, "current") or None, _one(form, "to") or None
            mail = self._load(connection, given, published, template, to)
            written = WrittenMail(subject=_one(form, "subject"), body=_one(form, "body"), drafted=_one(form, "digest"))
            actor = self._actor(connection, given, published, "send", written.subject, written.body, to or "")
            sent = send_prepared(actor, mail, written.subject, written.body)
        if sent.is_done:
            self.app.post_handoffs()
            notes = [notice.sentence(self.language, self.zone) for notice in sent.outlook.warnings]
            return self.told(200, "sent_title", DRAFT_WORDS[self.language]["sent"], *notes)
        return self._refused(mail, written, sent)

    def _refused(self, mail: PreparedMail, written: WrittenMail, sent: Sent) -> Response:
        if sent.move is not None:
            return self.told(409, "problem_title", sent.move.sentence_reason)
        return self._drawn(mail, written, sent.outlook, status=422)

    def _wrote(self, given: DraftPass, published: Published) -> Response:
        with self.app.database.write() as connection:
            move = write_elsewhere(self._actor(connection, given, published, "wrote"), given.handoff_id)
        if not move.is_done:
            return self.told(409, "problem_title", move.sentence_reason)
        self.app.post_handoffs()
        return self.told(200, "wrote_title", DRAFT_WORDS[self.language]["wrote_done"])

    def _actor(self, connection: Connection, given: DraftPass, published: Published, *parts: str) -> Actor:
        """The same form sent twice has the same key."""
        told = "\0".join((self.token, *parts)).encode("utf-8", "replace")
        key = f"page-{hashlib.sha256(told).hexdigest()[:24]}"
        now = self.app.clock.now()
        return Actor(connection=connection, settings=published.settings, by=given.by, at=now, key=key)

    def _drawn(
        self, mail: PreparedMail, written: WrittenMail, outlook: Outlook, *, is_kept: bool = False, status: int = 200
    ) -> Response:
        html = draw_draft(self.language, self.zone, mail, written, outlook, _preview(mail, written), kept=is_kept)
        return HTMLResponse(html, status_code=status, headers=dict(DRAFT_HEADERS))

    def too_large(self) -> Response:
        return self.told(413, "problem_title", DRAFT_WORDS[self.language]["bad"])

    def told(self, status: int, title: str, *texts: str) -> Response:
        html = draw_told(self.language, self.company, title, *texts)
        return HTMLResponse(html, status_code=status, headers=dict(DRAFT_HEADERS))


def _preview(mail: PreparedMail, written: WrittenMail) -> RenderedMail | None:
    """None while a part is empty."""
    if not written.subject.strip() or not written.body.strip():
        return None
    return mail.render(written.subject, written.body)


def _one(form: Form, name: str) -> str:
    return form.get(name, [""])[0].replace("\r\n", "\n")
