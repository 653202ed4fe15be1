"""Two journeys that explain is asked about, and short ways to ask."""

from __future__ import annotations

from bot.insight.explanation import Line
from tests.world import World


def onboarding(world: World, *extra: str) -> None:
    """A playbook on a condition, deployed; `extra` are more lines of it."""
    world.mail("welcome")
    lines = "\n".join(extra)
    world.playbook(
        "welcome",
        f"""
title: Welcome
state: live
walks: customer
enter:
  when: stage == "onboarding" and tickets(status="open") >= 1
{lines}
steps:
  - email: welcome
  - wait:
      until: clicked("welcome")
      at_most: 5 days
""",
    )
    world.deploy()


def renewal(world: World) -> None:
    world.playbook(
        "renewal",
        """
        title: Renewal
        state: live
        walks: customer
        enter:
          at: renewal_date - 90 days
          when: tier == "gold"
        steps:
          - log: Hello
        """,
    )
    world.deploy()


def now_line(world: World, key: str, playbook: str) -> Line:
    (line,) = world.explain(key, playbook).now
    return line


def why(world: World, key: str, playbook: str) -> str:
    return now_line(world, key, playbook).reason
