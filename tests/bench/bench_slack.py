"""What Slack's people wait for, against a fake Slack over real HTTP: App Home with 10,000 open hand-offs; 500 clicks at once on
100 cards by two people; a burst of 1,000 hand-offs at one message a second and channel (on a simulated clock). The floor is
the same server answering 200 to a handler that does nothing. `python -m tests.bench.bench_slack [--engine sqlite]`."""

from __future__ import annotations

import itertools
import json
import statistics
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Thread

import uvicorn
from sqlalchemy import func, insert, select
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from bot.clock import FixedClock, SystemClock
from bot.insight.desk import Pages, read_desk
from bot.pipeline.escalate import post_handoffs
from bot.runners.local import SECONDS_AT_A_STRETCH
from bot.slack.app import SlackApp, SlackSettings, build_bolt_app, build_poster
from bot.slack.home_views import HomeView, draw_home
from bot.slack.http import slack_routes
from storage.database import Database
from storage.handoffs import Handoff, HandoffAct, HandoffState
from tests.bench.field import Result, arguments, database, engines
from tests.bench.slack_client import press_all
from tests.fakes.slack_payloads import Message, Sent, event_of, home_opened, press_of
from tests.fakes.slack_server import BOT_TOKEN, SlackServer, wait_until
from tests.slack.world import UNPOSTED
from tests.storage.handoff_rows import NOW, handoff

SECRET = "fake-secret"
HANDOFF = Handoff.__table__  # type: ignore[attr-defined]
ACT = HandoffAct.__table__  # type: ignore[attr-defined]


def fill(found: Database, number: int, **values: object) -> None:
    """`number` open hand-offs of one owner, due over the next weeks."""
    first = handoff(found, **values)
    with found.write() as connection:
        row = dict(connection.execute(select(HANDOFF).where(HANDOFF.c.id == first)).mappings().one())
        row.pop("id")
        rows = [
            {**row, "occurrence": f"b{one}", "due_at": NOW + timedelta(hours=one), **values} for one in range(1, number)
        ]
        connection.execute(insert(HANDOFF), rows)


@contextmanager
def served(app: SlackApp) -> Iterator[str]:
    """The bot behind HTTP, and beside it a route that does nothing: the floor."""

    async def nothing(request: Request) -> PlainTextResponse:
        await request.body()
        return PlainTextResponse("")

    web = Starlette(routes=[*slack_routes(app), Route("/nothing", nothing, methods=["POST"])])
    server = uvicorn.Server(uvicorn.Config(web, port=0, log_config=None, access_log=False, backlog=1024))
    thread = Thread(target=server.run, daemon=True)
    thread.start()
    wait_until(lambda: server.started)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(10)


def post(url: str, sent: Sent) -> float:
    """Seconds until it is answered."""
    body, headers = sent.signed(SECRET)
    begun = time.monotonic()
    with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=60) as answer:
        assert answer.status == 200
    return time.monotonic() - begun


def share(times: list[float], part: float) -> float:
    return sorted(times)[min(len(times) - 1, int(len(times) * part))]


def bolt_app(found: Database, slack: SlackServer) -> SlackApp:
    settings = SlackSettings(
        bot_token=BOT_TOKEN, signing_secret=SECRET, base_url=slack.base_url, fallback_channel="#cs"
    )

    def told(error: BaseException) -> None:
        raise error

    return build_bolt_app(database=found, clock=SystemClock(), settings=settings, on_error=told)


def home(engine: str, number: int, openings: int) -> None:
    """From opening the tab until Slack has the page."""
    with database(engine) as found, SlackServer() as slack:
        fill(found, number)
        app = bolt_app(found, slack)
        times, drawing = [], []
        with served(app) as base:
            for one in range(openings):
                looks = sum(view.updates for view in slack.views)
                begun = time.monotonic()
                post(
                    f"{base}/slack/events",
                    Sent(envelope="events_api", payload=event_of(home_opened(), number=str(one))),
                )
                wait_until(lambda looks=looks: sum(view.updates for view in slack.views) > looks)  # type: ignore[misc]
                times.append(time.monotonic() - begun)
                with found.read() as connection:
                    begun = time.monotonic()
                    person = app.context.person(connection, "U1")
                    desk = read_desk(connection, None, "sato", NOW, "Asia/Tokyo", Pages())
                    draw_home(HomeView(person=person, desk=desk, now=NOW))
                    drawing.append(time.monotonic() - begun)
            floor = [post(f"{base}/nothing", Sent(envelope="events_api", payload={})) for _ in range(openings)]
        app.close()
        assert slack.faults == []
        assert desk.open == number
    show(f"App Home with {number:,} open hand-offs, p95, {engine}", share(times, 0.95), share(floor, 0.95), 1.0)
    print(f"    reading and drawing alone: median {statistics.median(drawing) * 1000:.0f} ms")


def clicks(engine: str, cards: int, number: int) -> None:
    """Two people on every card, each pressing again and again: one owner each, and Slack is answered in time."""
    with database(engine) as found, SlackServer() as slack:
        fill(found, cards)
        app = bolt_app(found, slack)
        with found.read() as connection:
            ids = list(connection.scalars(select(HANDOFF.c.id).order_by(HANDOFF.c.id)))
        pressing = [click(ids[(one // 2) % cards], ("U1", "U2")[one % 2], one) for one in range(number)]
        with served(app) as base:
            floor = press_all(f"{base}/nothing", SECRET, pressing)
            times = press_all(f"{base}/slack/events", SECRET, pressing)
        app.close()
        with found.read() as connection:
            owners = Counter(connection.execute(
                select(ACT.c.handoff_id).where(ACT.c.act == "acknowledged")).scalars())  # fmt: skip
            states = Counter(connection.execute(select(HANDOFF.c.state)).scalars())
        assert set(owners.values()) == {1}, "one owner each"
        assert len(owners) == cards
        assert states == {HandoffState.ACKNOWLEDGED: cards}
    show(
        f"{number} clicks at once on {cards} cards by two people, p99, {engine}",
        share(times, 0.99),
        share(floor, 0.99),
        1.0,
    )
    print(f"    {len(owners)} cards, one owner each")


def click(handoff_id: int, user: str, one: int) -> Sent:
    card = Message(channel="D1", ts=f"{handoff_id}.0", text="x", blocks=[], metadata=None, at=0.0)
    action = {"type": "button", "action_id": "handoff_acknowledge", "value": f"local.{handoff_id}"}
    return Sent(envelope="interactive", payload=press_of(card, action, user=user, at=f"{one}.1"))


def burst(engine: str, number: int) -> None:
    """All to one person, Slack refusing whatever comes faster than one a second."""
    clock = FixedClock(NOW)
    with database(engine) as found, SlackServer(seconds_per_message=0.999, now=clock.monotonic) as slack:
        fill(found, number, **UNPOSTED)
        settings = SlackSettings(bot_token=BOT_TOKEN, base_url=slack.base_url)
        poster = build_poster(database=found, clock=clock, settings=settings)
        begun, refused = time.monotonic(), 0
        for _ in range(2 * number):
            counts = post_handoffs(poster, limit=50, seconds=1e9)
            refused += counts.put_off
            if not (counts.posted or counts.put_off or counts.waiting):
                break
            if not counts.posted:
                clock.sleep(30.0)
        spent = time.monotonic() - begun
        with found.read() as connection:
            open_ones = connection.scalar(
                select(func.count()).select_from(HANDOFF).where(HANDOFF.c.posting == "posted")
            )
        references = [json.dumps(card.metadata) for card in slack.posts]
        gaps = [after.at - before.at for before, after in itertools.pairwise(slack.posts)]
        different, soonest = len(set(references)), min(gaps)
        is_kept = different == len(references) == number == open_ones and soonest >= 0.99
        minutes = (clock.now() - NOW).total_seconds() / 60
        print(
            f"burst of {number:,} hand-offs to one person, {engine}: {len(references):,} cards, {different:,} different, "
            f"{open_ones:,} recorded, {refused} put off and tried again, at least {soonest:.2f} s apart, {minutes:.0f} "
            f"simulated minutes; {spent / number * 1000:.1f} ms each of ours {'ok' if is_kept else 'MISSED'}",
            flush=True,
        )


def show(name: str, ours: float, floor: float, bound: float) -> None:
    result = Result(
        name=name,
        ours=f"{ours * 1000:.0f} ms",
        floor=f"{floor * 1000:.0f} ms",
        ratio=ours,
        bound=bound,
        more_is_better=False,
    )
    print(f"{result} (the ratio is ours in seconds)", flush=True)


def main() -> None:
    sys.setswitchinterval(SECONDS_AT_A_STRETCH)  # as `journeybot run` does
    given = arguments(__doc__ or "", handoffs=10_000, openings=40, cards=100, clicks=500, burst=1_000)
    for engine in engines(given.engine):
        home(engine, given.handoffs, given.openings)
        clicks(engine, given.cards, given.clicks)
        burst(engine, given.burst)


if __name__ == "__main__":
    main()
