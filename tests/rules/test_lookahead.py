"""What a walk will send next, as far as its playbook alone can tell. Pure."""

from __future__ import annotations

from typing import Any

import pytest

from bot.rules.lookahead import mails_ahead
from bot.rules.playbook import Playbook
from bot.rules.program import Program


def mail(name: str, **more: Any) -> dict[str, Any]:
    return {"kind": "email", "id": name, "template": name, **more}


def wait(name: str = "pause", **more: Any) -> dict[str, Any]:
    return {"kind": "wait", "id": name, **({"duration": "2 days"} if not more else {}), **more}


def log(name: str = "note") -> dict[str, Any]:
    return {"kind": "log", "id": name, "text": {"en": "x"}}


def ahead(*steps: dict[str, Any], at: str = "pause") -> list[tuple[str, bool]]:
    playbook = Playbook.model_validate(
        {
            "name": "p",
            "title": {"en": "P"},
            "state": "live",
            "walks": "customer",
            "enter": {"when": "true"},
            "steps": steps,
        }
    )
    return [(found.step, found.is_sure) for found in mails_ahead(Program.of(playbook), at)]


def test_after_a_time_wait_the_next_mail_is_sure_and_only_that_one() -> None:
    assert ahead(wait(), mail("a"), mail("b")) == [("a", True)]
    assert ahead(wait(), wait("again", duration="1 day"), mail("a")) == []
    assert ahead(mail("a"), at="a") == [("a", True)]
    assert ahead(wait()) == []


@pytest.mark.parametrize("condition", ["stage == 'new'"])
def test_what_hangs_on_a_condition_is_not_sure(condition: str) -> None:
    fork = {"kind": "if", "id": "fork", "condition": condition, "then": [mail("a")], "otherwise": [mail("b")]}
    assert ahead(wait(), fork, mail("c")) == [("a", False), ("b", False)]
    assert ahead(wait(), mail("a", when=condition), mail("b")) == [("a", False), ("b", False)]
    until = wait(until=condition, at_most="3 days", then=[mail("a")], otherwise=[mail("b")])
    assert ahead(until) == [("a", False), ("b", False)]
