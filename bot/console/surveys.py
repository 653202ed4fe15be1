"""GET, POST /s/{token}: the page behind a survey mail's links. GET never answers, because scanners fetch every link: it shows the
score that the link names, to be confirmed. POST answers. The unguessable token is the whole permission."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from bot.app import App
from bot.authoring.workspace_file import WorkspaceSettings
from bot.console.preference_page import HEADERS, draw_message, language_of
from bot.console.survey_page import WORDS, draw_question, draw_word
from bot.console.token_pages import token_routes
from bot.pipeline.answering import Invitation, Kept, invitation_of, keep_answer
from bot.pipeline.published import Published
from bot.rules.field_types import say
from bot.rules.surveys import Survey, read_score
from bot.webhooks.unsubscribe import SURVEY_PATH, TRIAL

MOST_BYTES = 60_000
SAID = {Kept.FIRST: "thanks", Kept.CHANGED: "changed", Kept.TOO_LATE: "too_late"}


def survey_routes(app: App) -> list[Route]:
    """To be mounted by the console."""

    return token_routes(SURVEY_PATH, lambda request: _Desk(app, request), MOST_BYTES)


class _Desk:
    """One request: which invitation its token names, and in which language to answer."""

    def __init__(self, app: App, request: Request) -> None:
        self.app = app
        self.mail = app.links.read_survey(request.path_params["token"])
        self.named = request.query_params.get("score")
        self.asked = request.query_params.get("lang")
        self.accepted = request.headers.get("accept-language", "").split(",")[0].split(";")[0].strip()
        self.language = language_of(self.asked, self.accepted)
        self.published: Published | None = None

    @property
    def settings(self) -> WorkspaceSettings:
        return self.published.settings if self.published else WorkspaceSettings()

    def show(self) -> Response:
        found = self._look()
        if isinstance(found, Response):
            return found
        survey, invitation = found
        words = WORDS[self.language]
        stands = invitation is not None and invitation.answered_at is not None
        notice = words["stands"] if stands else words["trial"] if invitation is None else ""
        return self._question(200, survey, invitation, self._named_score(survey), "", notice)

    def act(self, form: dict[str, list[str]]) -> Response:
        found = self._look()
        if isinstance(found, Response):
            return found
        survey, invitation = found
        comment = form.get("comment", [""])[0]
        try:
            score = read_score(form.get("score", [""])[0], survey.scores)
        except ValueError:
            lowest, highest = survey.scores[0], survey.scores[-1]
            notice = f"{WORDS[self.language]['choose']} ({lowest}–{highest})"
            return self._question(400, survey, invitation, None, comment, notice)
        if invitation is None:
            return self._html(200, draw_word(self.language, self.settings.company, "trial"))
        with self.app.database.write() as connection:
            kept = keep_answer(connection, invitation, score, comment, self.app.clock.now())
        more = say(survey.thanks, self.language) if survey.thanks else ""
        return self._html(200, draw_word(self.language, self.settings.company, SAID[kept], more))

    def too_large(self) -> Response:
        return self.message(413, "bad_title", "bad")

    def message(self, status: int, *names: str) -> Response:
        return self._html(status, draw_message(self.language, self.settings.company, *names))

    def _look(self) -> tuple[Survey, Invitation | None] | Response:
        """The survey with its invitation (None in a test mail), or a page where there is nothing to answer."""
        self.published = self.app.published()
        if self.mail is None or self.published is None:
            return self.message(404, "unknown_title", "unknown")
        surveys = self.published.company.surveys
        if self.mail == TRIAL:
            self.language = language_of(self.asked, self.settings.locale)
            first = next(iter(surveys.values()), None)
            return self._closed() if first is None else (first, None)
        with self.app.database.read() as connection:
            found = invitation_of(connection, self.mail)
        if found is None:
            return self._html(410, draw_word(self.language, self.settings.company, "gone"))
        self.language = language_of(self.asked, *found.locales, self.accepted, self.settings.locale)
        survey = surveys.get(found.survey)
        return self._closed() if survey is None else (survey, found)

    def _closed(self) -> Response:
        return self._html(410, draw_word(self.language, self.settings.company, "closed"))

    def _named_score(self, survey: Survey) -> int | None:
        try:
            return read_score(self.named or "", survey.scores)
        except ValueError:
            return None

    def _question(
        self, status: int, survey: Survey, asked: Invitation | None, chosen: int | None, comment: str, notice: str
    ) -> Response:
        if asked is not None:
            stands = None if asked.score is None else int(asked.score)
            chosen, comment = stands if chosen is None else chosen, comment or asked.comment or ""
        return self._html(
            status,
            draw_question(self.language, self.settings.company, survey, chosen=chosen, comment=comment, notice=notice),
        )

    def _html(self, status: int, text: str) -> Response:
        return HTMLResponse(text, status_code=status, headers=dict(HEADERS))
