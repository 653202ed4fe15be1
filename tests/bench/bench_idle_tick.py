"""An idle tick costs the same at a thousand customers and at a million: `python -m tests.bench.bench_idle_tick`.
Twenty playbooks of all trigger kinds, everything looked at once before; then nothing is due and a tick is timed."""

from __future__ import annotations

import statistics
from functools import partial

from bot.clock import FixedClock
from tests.bench.field import (
    NOW,
    House,
    Result,
    add_customers,
    arguments,
    database,
    engines,
    peak_memory_mb,
    publish,
    seconds,
    workspace_files,
)

TRIGGERS = (
    'when: stage == "nowhere" and days_in_stage >= {n}',
    'when: total("login", days=14) > {n}000',
    "at: renewal_date - {n} days",
    "on: custom_event_{n}",
    "every: monday 09:00",
)


def playbooks() -> dict[str, str]:
    """Twenty live playbooks that let nobody in."""
    found = {}
    for number in range(1, 21):
        trigger = TRIGGERS[number % len(TRIGGERS)].format(n=number)
        quiet = '  when: tier == "none"\n' if trigger.startswith("every") else ""
        found[f"play_{number:02}"] = (
            f"title: Play {number}\nstate: live\nwalks: customer\nenter:\n  {trigger}\n{quiet}"
            'goal: count("bought", days=7) > 0\nsteps:\n  - email: note\n    to: champion\n'
        )
    return found


def idle_cost(house: House, times: int) -> float:
    """Median seconds of a tick with nothing due."""
    house.tick()
    costs = []
    for _ in range(times):
        house.clock.sleep(60)
        costs.append(seconds(house.tick))
    return statistics.median(costs)


def main() -> None:
    given = arguments(__doc__ or "", sizes="1000,100000,1000000", times=15)
    sizes = [int(size) for size in given.sizes.split(",")]
    for engine in engines(given.engine):
        costs = {}
        for size in sizes:
            customers = partial(add_customers, many=size)
            with database(engine, customers, keep=given.keep, name=f"customers-{size}") as found:
                house = publish(found, workspace_files(playbooks()), FixedClock(NOW))
                costs[size] = idle_cost(house, given.times)
                cost = f"{costs[size] * 1000:.1f} ms a tick, peak {peak_memory_mb():.0f} MB"
                print(f"{engine}: {size:>9,} customers: {cost}", flush=True)
        small, large = costs[sizes[0]], costs[sizes[-1]]
        print(
            Result(
                name=f"idle tick, {engine}",
                ours=f"{large * 1000:.1f} ms at {sizes[-1]:,}",
                floor=f"{small * 1000:.1f} ms at {sizes[0]:,}",
                ratio=large / small,
                bound=3,
                more_is_better=False,
            )
        )


if __name__ == "__main__":
    main()
