"""A crash anywhere in a tick is resumed without loss and without a second mail (delivery.md: the promise)."""

from __future__ import annotations

import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.app import App
from bot.channels.memory import MemoryChannel
from bot.settings import Settings
from storage.database import Database
from storage.tables import metadata
from storage.upgrade import upgrade
from tests.cast import change, happened, person
from tests.pipeline.crashes import FragileChannel, FragileDatabase, Killed, Reaper
from tests.pipeline.scenes import OPTED_OUT, attributes, company, journey
from tests.world import World

MORNING = """
- email: hello
  to: all(champion)
- handoff: Call
- set: {stage: adoption, attributes.greeted: true}
- enroll: child
- wait: 1 day
- log: A day later
- email: later
"""
KEYS = ("a", "b", "c")
_calm: dict[str, Story] = {}
#: Reasons that a crash must neither lose nor double.
DEEDS = frozenset(
    ("enter", "mail_owed", "handed_over", "set", "enrolled", "logged", "waited", "completed", "ended", "goal")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What happened in the end, without the times."""

    walks: tuple[tuple[str, str, str | None], ...]
    handoffs: tuple[tuple[str, str], ...]
    mails: tuple[tuple[str, str, str | None], ...]
    accepted: frozenset[tuple[str, str, str | None]]
    deeds: tuple[tuple[tuple[str | None, str | None, str], int], ...]
    attributes: tuple[str, ...]


@contextmanager
def fragile_world(url: str, at: tuple[int, ...]) -> Iterator[tuple[World, Reaper]]:
    """A world on an emptied database that dies at these places."""
    reaper = Reaper(at)
    database = FragileDatabase(url, reaper)
    upgrade(database)
    with database.write() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())
    with tempfile.TemporaryDirectory() as folder:
        world = World(database, Path(folder))
        world.channel = FragileChannel(world.clock.monotonic, reaper)
        world.app.channel = world.channel
        yield world, reaper
    database.dispose()


def live_through(world: World, reaper: Reaper) -> Story:
    """Three days of a small company, with a tick every few hours that is repeated when it dies."""
    world.mail("hello", "later", "answer")
    journey(world, "morning", MORNING, more="exclusive: g")
    journey(world, "rival", "- wait: 6 hours\n- log: Rival", more="exclusive: g\npriority: 10")
    journey(world, "child", "- wait: 2 hours\n- end: grown", enter="manual: true")
    journey(world, "asked", "- email: answer", enter="on: asked", more='goal: tier == "pro"')
    journey(world, "after", "- log: After", enter="after: child")
    world.deploy()
    for key in KEYS:
        company(world, key)
        person(world.database, key, "ito", world.now, roles=("champion",))
    tick(world, reaper)
    for hours in (1, 4, 20, 5, 30):
        world.jump(hours=hours)
        happened(world.database, "a", "asked", world.now)
        happened(world.database, OPTED_OUT, "asked", world.now)
        if hours == 20:
            change(world.database, "b", tier="pro")
        tick(world, reaper)
    hear_from_the_provider(world)
    world.jump(hours=30)
    tick(world, reaper)
    return tell(world)


def tick(world: World, reaper: Reaper) -> None:
    """Until it gets through: after a death somebody starts it again two minutes later, when all leases are over."""
    for _ in range(12):
        reaper.is_awake = True
        try:
            world.app.tick()
        except Killed:
            world.jump(minutes=2)
            continue
        finally:
            reaper.is_awake = False
        return
    raise AssertionError("it died in every one of twelve ticks")


def hear_from_the_provider(world: World) -> None:
    """Its events come for everything it took, whether we know of it or not."""
    for sent in world.channel.accepted:
        world.tell(int(sent.reference.split("-")[-2]), "delivered")


def tell(world: World) -> Story:
    counted = Counter(
        (found.customer, found.playbook, found.reason) for found in world.decisions if found.reason in DEEDS
    )
    mails = [(mail.customer, mail.playbook + "/" + mail.step, mail.contact) for mail in world.outbox]
    return Story(
        walks=tuple(sorted((walk.customer, walk.playbook, walk.outcome) for walk in world.walks)),
        handoffs=tuple(sorted((found.customer, found.step) for found in world.handoffs if found.kind != "question")),
        mails=tuple(sorted(mails, key=str)),
        accepted=frozenset(
            (mail.customer, mail.playbook + "/" + mail.step, mail.contact) for mail in world.outbox if mail.accepted_at
        ),
        deeds=tuple(sorted(counted.items(), key=str)),
        attributes=tuple(str(sorted(attributes(world, key).items())) for key in KEYS),
    )


def check(world: World, story: Story, calm: Story) -> None:
    assert (story.walks, story.handoffs, story.deeds) == (calm.walks, calm.handoffs, calm.deeds)
    assert (story.mails, story.attributes) == (calm.mails, calm.attributes)
    handed_over = Counter(sent.reference for sent in world.channel.accepted)
    assert not handed_over or max(handed_over.values()) == 1
    # What the provider has is known as accepted, and nothing else is; a mail that died in between waits for a person.
    taken = {int(reference.split("-")[-2]) for reference in handed_over}
    assert {mail.id for mail in world.outbox if mail.accepted_at} == taken
    left = Counter(mail.state for mail in world.outbox if mail.id not in taken and mail.customer != OPTED_OUT)
    assert set(left) <= {"unconfirmed"}
    assert all(sent.to_email != "nakano@opted-out.example" for sent in world.channel.offered)


def calm_life(url: str) -> tuple[Story, int]:
    with fragile_world(url, ()) as (world, reaper):
        story = live_through(world, reaper)
        check(world, story, story)
        assert story.accepted == {mail for mail in story.mails if mail[0] != OPTED_OUT}
        return story, reaper.passed


def test_a_life_without_crashes_sends_and_asks_for_everything(database_url: str) -> None:
    story, places = calm_life(database_url)
    assert [outcome for key, playbook, outcome in story.walks if playbook == "child" and key in KEYS] == ["grown"] * 3
    assert {customer for customer, _ in story.handoffs} >= set(KEYS)
    assert places > 50


@settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.lists(st.integers(min_value=1, max_value=160), min_size=1, max_size=4, unique=True))
def test_a_crash_anywhere_loses_nothing_and_doubles_nothing(database_url: str, at: list[int]) -> None:
    calm = _calm.get(database_url) or calm_life(database_url)[0]
    _calm[database_url] = calm
    with fragile_world(database_url, tuple(at)) as (world, reaper):
        check(world, live_through(world, reaper), calm)


def test_two_schedulers_on_one_database_do_everything_once(database: Database, tmp_path: Path) -> None:
    world = World(database, tmp_path / "w")
    world.mail("hello", "later")
    journey(world, "morning", MORNING.replace("- enroll: child\n", ""))
    world.deploy()
    keys = [f"c{number}" for number in range(20)]
    for key in keys:
        company(world, key)
    channels = [MemoryChannel(world.clock.monotonic) for _ in range(2)]
    apps = [
        App.open(Settings(workspace=world.folder), clock=world.clock, channel=channel, database=database)
        for channel in channels
    ]
    for hours in (0, 25, 25):
        world.jump(hours=hours)
        _at_the_same_time(apps)
        world.jump(minutes=2)
        _at_the_same_time(apps)
    sent = Counter(mail.reference for channel in channels for mail in channel.accepted)
    assert sent
    assert max(sent.values()) == 1
    assert [(walk.customer, walk.outcome) for walk in world.walks if walk.customer in keys] == [
        (key, "completed") for key in keys
    ]
    assert Counter(found.reason for found in world.decisions if found.customer == "c1")["enter"] == 1
    called = Counter(found.customer for found in world.handoffs if found.kind != "question")
    assert called == Counter([*keys, "opted_out"]), "who declined the mails is called as well, nobody twice"
    assert {mail.state for mail in world.outbox if mail.customer in keys} == {"accepted"}


def _at_the_same_time(apps: list[App]) -> None:
    faults: list[BaseException] = []

    def run(app: App) -> None:
        try:
            app.tick()
        except BaseException as fault:  # noqa: BLE001  (shown by the test)
            faults.append(fault)

    threads = [threading.Thread(target=run, args=(app,)) for app in apps]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert not faults


def test_a_missed_tick_loses_nothing(world: World) -> None:
    world.mail("hello", "later")
    journey(world, "morning", MORNING.replace("- enroll: child\n", ""))
    world.deploy()
    company(world)
    world.tick()
    world.jump(hours=30)
    world.time_passes(hours=1, every=timedelta(minutes=10))
    assert [mail.template for mail in world.sent if mail.customer == "sakura"] == ["hello", "later"]
