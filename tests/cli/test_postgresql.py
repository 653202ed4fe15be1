"""The same commands on PostgreSQL."""

from __future__ import annotations

import pytest

from tests.cli.conftest import MORNING, PUBLISHED, TICKED, Cli, call


def test_the_getting_started_path_on_postgresql(
    tmp_path: object, postgresql_database_url: str, monkeypatch: pytest.MonkeyPatch, cli: Cli
) -> None:
    folder = cli.folder.parent / "acme"
    call(["init", str(folder)])
    monkeypatch.setenv("JOURNEYBOT_DATABASE_URL", postgresql_database_url)
    acme = Cli(folder=folder)
    acme.run("import", str(folder / "example"), "--at", MORNING)
    acme.run("deploy", "--at", PUBLISHED)
    acme.run("tick", "--at", TICKED)
    states = {(row["customer"], row["template"]): row["state"] for row in acme.json("outbox", "list")}
    assert states == {
        ("umi-books", "renewal_90_days"): "accepted",
        ("umi-books", "nps_thanks"): "pending",
        ("mori-dental", "renewal_90_days"): "held",
        ("kawa-salon", "renewal_90_days"): "suppressed",
    }
    held = next(row["id"] for row in acme.json("outbox", "list") if row["customer"] == "mori-dental")
    acme.run("outbox", "approve", str(held), "--at", "2027-04-01T10:30")
    acme.run("tick", "--at", "2027-04-01T10:35")
    assert acme.json("outbox", "show", str(held))["state"] == "accepted"
    acme.run("send-test", "renewal_90_days", "--customer", "umi-books", "--to", "me@acme.example", "--event", "score=9")
    assert not (folder / ".journeybot" / "journeybot.db").exists()
