"""GET, POST /u/{token}: the page behind a mail's unsubscribe link, and one-click (RFC 8058). GET never changes anything,
because scanners fetch links; POST acts at once, without cookies, log-in or redirect. The unguessable token is the whole
permission: nothing rides on the browser's identity, so there is nothing a forged request (CSRF) could borrow."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from bot.app import App
from bot.authoring.workspace_file import WorkspaceSettings
from bot.console.preference_page import HEADERS, draw_choices, draw_message, language_of
from bot.console.token_pages import Form, token_routes
from bot.pipeline.published import Published
from bot.webhooks.preferences import (
    CHOOSABLE,
    Choice,
    Reader,
    choices_of,
    reader_of,
    save_choices,
    unsubscribe_at_once,
)
from bot.webhooks.unsubscribe import ONE_CLICK, PATH, TRIAL

MOST_BYTES = 8_000
TRIAL_ADDRESS = "you@example.com"


def unsubscribe_routes(app: App) -> list[Route]:
    """To be mounted by the console."""

    return token_routes(PATH, lambda request: _Desk(app, request), MOST_BYTES)


class _Desk:
    """One request: whose mail its token names, and in which language to answer."""

    def __init__(self, app: App, request: Request) -> None:
        self.app = app
        self.mail = app.links.read(request.path_params["token"])
        self.asked = request.query_params.get("lang")
        self.accepted = request.headers.get("accept-language", "").split(",")[0].split(";")[0].strip()
        self.published: Published | None = None
        self.language = language_of(self.asked, self.accepted)

    @property
    def settings(self) -> WorkspaceSettings:
        return self.published.settings if self.published else WorkspaceSettings()

    def show(self) -> Response:
        found = self._look()
        return found if isinstance(found, Response) else self._choices(200, found)

    def act(self, form: Form) -> Response:
        """One click answers in a word, for nobody reads it; the form shows what now stands."""
        found = self._look()
        if isinstance(found, Response):
            return found
        is_one_click = ONE_CLICK[1].lower() in (value.lower() for value in form.get(ONE_CLICK[0], ()))
        if not is_one_click and form.get("form") != ["choices"]:
            return self.answer(400, "bad_title", "bad")
        if found is not None:
            self._store(found, form, is_one_click=is_one_click)
        if is_one_click:
            return self.answer(200, "done_title", "done")
        return self._choices(200, found, saved=found is not None)

    def _look(self) -> Reader | Response | None:
        """The reader; None for a test mail; a page where there is nothing to choose."""
        self.published = self.app.published()
        if self.mail is None:
            return self.answer(404, "unknown_title", "unknown", "unknown_more")
        if self.mail == TRIAL:
            self.language = language_of(self.asked, self.settings.locale)
            return None
        with self.app.database.read() as connection:
            reader = reader_of(connection, self.mail)
        self.language = language_of(self.asked, reader.locale if reader else None, self.settings.locale)
        if reader is None or not reader.addresses:
            return self.answer(200, "gone_title", "gone")
        return reader

    def _store(self, reader: Reader, form: Form, *, is_one_click: bool) -> None:
        now = self.app.clock.now()
        default = self.settings.consent
        wanted = form.get("category", []) if form.get("do") != ["none"] else []
        with self.app.database.write() as connection:
            if is_one_click:
                unsubscribe_at_once(connection, reader, now)
            else:
                choices = choices_of(connection, reader, default, self._offered(reader))
                save_choices(connection, reader, choices, wanted, default, now)

    def _choices(self, status: int, reader: Reader | None, *, saved: bool = False) -> Response:
        company = self.settings.company
        if reader is None:
            sample = [Choice(category=each, is_on=True, is_locked=False) for each in CHOOSABLE]
            html = draw_choices(self.language, company, TRIAL_ADDRESS, sample, is_trial=True)
            return HTMLResponse(html, status_code=status, headers=dict(HEADERS))
        with self.app.database.read() as connection:
            fresh = reader_of(connection, reader.mail) or reader
            choices = choices_of(connection, fresh, self.settings.consent, self._offered(reader))
        html = draw_choices(self.language, company, reader.addresses[0], choices, saved=saved)
        return HTMLResponse(html, status_code=status, headers=dict(HEADERS))

    def _offered(self, reader: Reader) -> set[str]:
        """The categories in which this workspace writes at all, and the one of the mail."""
        by_name = self.published.templates.by_name if self.published else {}
        return {each.category for versions in by_name.values() for each in versions.values()} | {reader.category}

    def too_large(self) -> Response:
        return self.answer(413, "bad_title", "bad")

    def answer(self, status: int, *names: str) -> Response:
        html = draw_message(self.language, self.settings.company, *names)
        return HTMLResponse(html, status_code=status, headers=dict(HEADERS))
