"""The web app: `/healthz`, `/readyz`, `/metrics`, what providers and readers send back, and Slack's clicks where a signing
secret is set. It only shows and hands over; it decides nothing. Routes are plain functions, or async where they read a body
piece by piece, so that none blocks another. Before it: a runner serves it."""

from __future__ import annotations

from datetime import timedelta

from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse

from bot.app import App
from bot.console.api import api_routes
from bot.console.drafts import draft_routes
from bot.console.health import readiness
from bot.console.surveys import survey_routes
from bot.console.tracking import tracking_routes
from bot.console.unsubscribe import unsubscribe_routes
from bot.console.webhooks import webhook_routes
from bot.metrics import CONTENT_TYPE, Metrics
from bot.slack.app import SlackApp
from bot.slack.http import slack_routes
from storage.posts import count_strays, count_waiting
from storage.workload import count_workload


def create_web_app(app: App, *, metrics: Metrics | None = None, slack: SlackApp | None = None) -> FastAPI:
    """`metrics`: those of the runner in the same process. `slack`: takes clicks at `POST /slack/events` if it has a
    signing secret."""
    numbers = metrics or Metrics()
    # Its pages would load scripts from elsewhere.
    web = FastAPI(title="journeybot", docs_url=None, redoc_url=None, openapi_url=None)

    @web.get("/healthz")
    def healthz() -> JSONResponse:
        """Alive: this process answers. Says nothing about the database, so that nobody restarts us for its sake."""
        return JSONResponse({"status": "alive"})

    @web.get("/readyz")
    def readyz() -> JSONResponse:
        found = readiness(app)
        return JSONResponse(
            {"ready": found.is_ready, "checks": found.checks}, status_code=200 if found.is_ready else 503
        )

    @web.get("/metrics")
    def show_metrics() -> Response:
        with app.database.read() as connection:
            numbers.show_workload(count_workload(connection, app.clock.now()))
            strays = count_strays(connection, app.clock.now() - timedelta(days=1))
        numbers.show_incoming(count_waiting(app.database)[0], strays)
        return Response(numbers.exposition(), media_type=CONTENT_TYPE)

    web.router.routes.extend(unsubscribe_routes(app))
    web.router.routes.extend(draft_routes(app))
    web.router.routes.extend(survey_routes(app))
    web.router.routes.extend(webhook_routes(app, numbers))
    web.router.routes.extend(api_routes(app))
    web.router.routes.extend(tracking_routes(app, numbers))
    if slack is not None and slack.settings.signing_secret:
        web.router.routes.extend(slack_routes(slack))
    return web
