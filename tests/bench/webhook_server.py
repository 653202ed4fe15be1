"""The process that bench_webhook posts to: what `journeybot run` does, and beside its routes a bare one that reads a body and
answers 204 (the floor). `python -m tests.bench.webhook_server WORKSPACE`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.app import App
from bot.console.web import create_web_app
from bot.logs import configure_logs
from bot.runners import local
from bot.settings import Settings

BARE = "/bare"


async def bare(request: Request) -> Response:
    await request.body()
    return Response(status_code=204)


def with_bare_route(*arguments: Any, **options: Any) -> FastAPI:
    web = create_web_app(*arguments, **options)
    web.router.routes.append(Route(BARE, bare, methods=["POST"]))
    return web


def main() -> None:
    configure_logs(as_json=True)
    local.create_web_app = with_bare_route  # type: ignore[attr-defined]
    settings = Settings.load(Path(sys.argv[1]))
    with App.open(settings) as app:
        local.run(app, host=settings.host, port=settings.port)


if __name__ == "__main__":
    main()
