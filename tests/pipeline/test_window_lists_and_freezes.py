"""Which windows hold together (a list's first that holds; workspace, team, playbook and step must all be open) and on which dates
nothing goes out, everywhere or in one country (semantics.md S8, S18)."""

from __future__ import annotations

from datetime import timedelta

from tests.cast import csm
from tests.pipeline.scenes import company, journey, settings, states, titles, took, utc
from tests.world import World

HOURLY = timedelta(hours=1)


def one_mail(world: World, mail: str = "", more: str = "") -> None:
    world.mail("hello")
    lines = "\n".join(f"  {line}" for line in mail.splitlines())
    journey(world, "p", f"- email: hello\n{lines}", more=more)
    world.deploy()


def accepted(world: World, key: str = "sakura") -> list[object]:
    return [mail.accepted_at for mail in world.sent if mail.customer == key]


def test_the_windows_of_workspace_team_playbook_and_step_must_all_be_open(world: World) -> None:
    settings(
        world,
        """
        windows: [{days: monday to friday, hours: "09:00-18:00"}]
        team_windows:
          digital: [{days: tuesday to friday, hours: "08:00-17:00"}]
        """,
    )
    one_mail(world, 'window: "15:00-20:00"', more='window: "12:00-16:00"')
    csm(world.database, "mori", team="digital")
    company(world, "ours", csm="mori")
    company(world, "others")
    world.time_passes(days=3, every=HOURLY)
    assert accepted(world, "others") == [utc("2027-03-01 06:00")]  # Monday, 15:00 in Tokyo
    assert accepted(world, "ours") == [utc("2027-03-02 06:00")]  # Tuesday


def test_of_a_list_of_windows_the_first_that_holds_counts_also_for_a_team(world: World) -> None:
    settings(
        world,
        """
        team_windows:
          digital:
            - {when: tier == "pro", days: every day, hours: "20:00-21:00"}
            - {days: every day, hours: "12:00-13:00"}
        owners: {default: sato, teams: {digital: [sato]}}
        """,
    )
    one_mail(world)
    company(world, "pro", tier="pro")
    company(world, "free", tier="free")
    world.time_passes(days=1, every=HOURLY)
    assert accepted(world, "pro") == [utc("2027-03-01 11:00")]
    assert accepted(world, "free") == [utc("2027-03-01 03:00")]


def test_s8_a_mail_that_waited_for_its_windows_through_a_long_freeze_is_neither_late_nor_expired(world: World) -> None:
    settings(world, "calendar: {freeze: [2027-03-01 to 2027-03-14]}")
    one_mail(world)
    company(world)
    world.time_passes(days=16)
    assert accepted(world) == [utc("2027-03-14 18:00")]  # the first look after midnight in Tokyo
    assert len(took(world, "outside_window")) == 1


def test_a_freeze_of_one_country_stops_nobody_elsewhere_and_no_handoff(world: World) -> None:
    settings(world, "calendar: {freeze: [JP 2027-03-01 to 2027-03-02, US-CA 2027-03-01 to 2027-03-03]}")
    world.mail("hello")
    journey(world, "p", "- handoff: Call them\n- email: hello")
    world.deploy()
    places = {"tokyo": "JP", "boston": "US-MA", "la": "us-ca", "paris": "FR"}
    for key, region in places.items():
        company(world, key, region=region, timezone="Asia/Tokyo")
    company(world, "nowhere")
    world.tick()
    assert {key: len(titles(world, key)) for key in places} == dict.fromkeys(places, 1)
    assert [key for key in (*places, "nowhere") if states(world, key) == [("hello", "accepted")]] == [
        "boston",
        "paris",
        "nowhere",
    ]
    world.time_passes(days=4, every=HOURLY)
    assert accepted(world, "tokyo") == [utc("2027-03-02 15:00")]
    assert accepted(world, "la") == [utc("2027-03-03 15:00")]


def test_the_dates_of_a_freeze_are_the_readers(world: World) -> None:
    settings(world, "calendar: {freeze: [2027-03-01]}")
    one_mail(world)
    company(world, "boston", timezone="America/New_York")
    company(world, "tokyo")
    world.time_passes(days=2, every=HOURLY)
    assert accepted(world, "boston") == [utc("2027-03-01 01:00")]  # it is still 28 February there
    assert accepted(world, "tokyo") == [utc("2027-03-01 15:00")]
