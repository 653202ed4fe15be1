"""Detecting: the shipped metrics, features, scorecard, signals and stages for 1 million customers with 20 million events, against
the same numbers asked by hand; and again after 1 % of the customers got new facts: `python -m tests.bench.bench_detect`.
Bound: at most 5 % of the full pass, which the new local day asks for. Memory must not grow with the customers."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection

from bot.clock import FixedClock
from bot.pipeline.derive import derive
from bot.pipeline.detect import detect, settle
from storage.database import Database
from tests.bench.detect_by_hand import by_hand
from tests.bench.detect_field import add_facts, add_news
from tests.bench.field import (
    NOW,
    House,
    Result,
    arguments,
    database,
    engines,
    peak_memory_mb,
    publish,
    seconds,
    workspace_files,
)

SHIPPED = Path(__file__).resolve().parents[2] / "playbooks"
#: What is derived, and the thresholds it asks for.
FILES = ("metrics.yml", "features.yml", "scorecard.yml", "plans.yml", "signals.yml", "stages.yml", "content.yml")
SETTINGS = ("limits", "feeds")
ONE_DAY, A_MINUTE = 86_400, 60


def files(shipped: Path) -> dict[str, str]:
    """The bench's workspace with what the starter workspace derives."""
    found = workspace_files({})
    found |= {f"playbooks/{name}": (shipped / name).read_text() for name in FILES if (shipped / name).exists()}
    sections = (shipped / "workspace.yml").read_text().split("\n\n")
    wanted = [section for section in sections if section.lstrip().startswith(tuple(f"{name}:" for name in SETTINGS))]
    found["playbooks/workspace.yml"] += "\n\n".join(["", *wanted, ""])
    return found


def look(house: House) -> int:
    """Detect and derive, as a tick does; returns how many marks there were."""
    with house.database.write() as connection:
        published = house.published
        news = detect(connection, house.clock.now(), "UTC", ages=published.settings.feed_ages())
        derive(connection, published, news)
        settle(connection, news)
    return news.changed


def look_after_news(house: House, customers: int, which: int) -> float:
    """Seconds of the look after one customer in a hundred got new facts."""
    house.clock.sleep(A_MINUTE)
    with house.database.write() as connection:
        new = add_news(connection, customers, which)
    marked: list[int] = []
    time = seconds(lambda: marked.append(look(house)))
    assert marked == [new], f"{marked} marks taken, {new} made"
    return time


def measure(found: Database, engine: str, customers: int, shipped: Path) -> Result:
    clock, houses = FixedClock(NOW), list[House]()
    deployed = seconds(lambda: houses.append(publish(found, files(shipped), clock)))
    (house,) = houses
    first = seconds(lambda: look(house))
    before = peak_memory_mb()
    clock.sleep(ONE_DAY)
    full = seconds(lambda: look(house))
    with found.write() as connection:
        hand = seconds(lambda: by_hand(connection, clock.now().date(), customers))
    fresh = look_after_news(house, customers, 3)
    few = look_after_news(house, customers, 7)
    clock.sleep(A_MINUTE)
    idle = seconds(lambda: look(house))
    print(
        f"{engine}: deployed in {deployed:.1f} s, first look {first:.1f} s, full pass {full:.1f} s, by hand {hand:.1f} s (ratio"
        f" {hand / full:.2f}); 1 % first {fresh:.2f} s (statements are put together), then {few:.2f} s; idle {idle * 1000:.0f}"
        f" ms; peak {before:.0f} MB before, {peak_memory_mb():.0f} MB after",
        flush=True,
    )
    return Result(
        name=f"re-detect 1 % of {customers:,}, {engine}",
        ours=f"{few:.2f} s",
        floor=f"{full:.2f} s for all",
        ratio=few / full,
        bound=0.05,
        more_is_better=False,
    )


def main() -> None:
    given = arguments(__doc__ or "", customers=1_000_000, events=20_000_000, shipped=str(SHIPPED))

    def prepare(connection: Connection) -> None:
        add_facts(connection, given.customers, given.events)

    for engine in engines(given.engine):
        name = f"detect-{given.customers}-{given.events}"
        with database(engine, prepare, keep=given.keep, name=name) as found:
            print(measure(found, engine, given.customers, Path(given.shipped)), flush=True)


if __name__ == "__main__":
    main()
