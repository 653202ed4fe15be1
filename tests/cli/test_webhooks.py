"""`webhooks list` and `show` as a person types them."""

from __future__ import annotations

import json

from sqlalchemy import update

from bot.settings import Settings
from storage.database import Database
from storage.webhook_calls import CALL
from tests.cli.conftest import TICKED, Cli

PLAY = """title: Tell the CRM
state: live
walks: customer
enter: {manual: true}
steps:
  - webhook: https://hooks.example.com/x
    id: tell
    body: {seats: licenses_purchased}
"""


def test_a_call_is_listed_with_its_tries_and_shown_with_what_it_tells(walked: Cli) -> None:
    assert walked.run("webhooks", "list").out == "No webhook calls.\n"
    settings = walked.folder / "playbooks/workspace.yml"
    settings.write_text(
        settings.read_text(encoding="utf-8") + "\nwebhooks: {hosts: [hooks.example.com]}\n", encoding="utf-8"
    )
    walked.write("playbooks/journeys/tell_crm.yml", PLAY)
    walked.run("deploy", "--at", TICKED)
    walked.run("enroll", "tell_crm", "--customer", "yama-gym", "--at", TICKED)
    walked.run("tick", "--at", TICKED)
    (call,) = walked.json("webhooks", "list")
    assert (call["customer"], call["step"], call["state"], call["attempts"]) == ("yama-gym", "tell", "pending", 0)
    database = Database(Settings.load(walked.folder).database_url)
    with database.write() as connection:
        connection.execute(update(CALL).values(attempts=2, fault="answered 503"))
    database.dispose()
    shown = walked.run("webhooks", "show", str(call["id"])).out
    assert f"webhook-id:   {call['webhook_id']}" in shown
    assert "last answer:  answered 503" in shown
    assert json.loads(shown[shown.index("{") :])["customer"] == "yama-gym"
    assert walked.json("webhooks", "show", str(call["id"]))["data"]["step"] == "tell"
    assert (
        walked.json("webhooks", "list", "--state", "failed", "--customer", "yama-gym", "--playbook", "tell_crm") == []
    )
    assert "pending, claimed, delivered, failed" in walked.run("webhooks", "list", "--state", "lost", code=2).err
    assert "`journeybot webhooks list` has their numbers" in walked.run("webhooks", "show", "99", code=2).err
