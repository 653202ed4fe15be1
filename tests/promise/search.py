"""Walks through every world that the machine can come to, breadth first, and looks for one that breaks the promise. A broken
promise comes with the shortest way to it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from storage.outbox import MessageState
from tests.promise.machine import EVENT, Machine, Rules, World

S = MessageState
#: The walk goes on, or a person sees it.
ENDED = frozenset({S.ACCEPTED, S.FAILED, S.UNCONFIRMED, S.HELD, S.QUARANTINED, S.SUPPRESSED, S.EXPIRED, S.CANCELLED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the search saw. `broken`: the promise that does not hold and the steps that lead there, None if all hold."""

    worlds: int
    steps: int
    used: frozenset[tuple[MessageState, MessageState]]
    broken: tuple[str, tuple[str, ...]] | None = None


def broken_promise(world: World, rules: Rules) -> str | None:
    """What is wrong with this world by itself."""
    allowed = 1 + world.risked + (1 if rules.resends_once else 0)
    if world.accepted > allowed:
        return "duplicate"
    if world.state is S.ACCEPTED and not world.accepted:
        return "false sent"
    return None


def search(rules: Rules) -> Found:
    """Every world, or the first that is broken."""
    machine = Machine(rules=rules, used=set())
    start = World()
    came_from: dict[World, tuple[World, str] | None] = {start: None}
    ours: dict[World, list[World]] = {}
    waiting, steps = deque([start]), 0
    while waiting:
        world = waiting.popleft()
        if (wrong := broken_promise(world, rules)) is not None:
            way = _way(came_from, world)
            return Found(worlds=len(came_from), steps=steps, used=frozenset(machine.used), broken=(wrong, way))
        for move in machine.moves(world):
            steps += 1
            if move.name == EVENT and move.world.state is not S.ACCEPTED:
                way = (*_way(came_from, world), EVENT)
                return Found(worlds=len(came_from), steps=steps, used=frozenset(machine.used), broken=("deaf", way))
            if move.is_ours:
                ours.setdefault(move.world, []).append(world)
            if move.world not in came_from:
                came_from[move.world] = (world, move.name)
                waiting.append(move.world)
    stuck = _stuck(came_from, ours, rules.most_claims)
    broken = None if stuck is None else ("stuck", _way(came_from, stuck))
    return Found(worlds=len(came_from), steps=steps, used=frozenset(machine.used), broken=broken)


def _stuck(
    worlds: dict[World, tuple[World, str] | None], ours: dict[World, list[World]], most_claims: int
) -> World | None:
    """A world from which the machine alone, with no kill and no person, comes to no end. One more claim than the search
    allows is no end of the world: what can happen after it was looked at for the claims before."""
    good = {
        world for world in worlds if world.state in ENDED or (world.state is S.PENDING and world.token == most_claims)
    }
    waiting = deque(good)
    while waiting:
        for before in ours.get(waiting.popleft(), ()):
            if before not in good:
                good.add(before)
                waiting.append(before)
    return next((world for world in worlds if world not in good), None)


def _way(came_from: dict[World, tuple[World, str] | None], world: World) -> tuple[str, ...]:
    steps: list[str] = []
    while (before := came_from[world]) is not None:
        world, name = before
        steps.append(name)
    return tuple(reversed(steps))
