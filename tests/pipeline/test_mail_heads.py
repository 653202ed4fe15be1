"""What leaves the house, by every channel: one way out in the head, and nothing that people wrote opens a header (the shared
vectors of header injection, as the names of everybody who is named in a mail)."""

from __future__ import annotations

from email import message_from_bytes
from email.policy import default

from bot.channels.mime import mime_bytes
from bot.channels.sendgrid_payload import payload
from bot.pipeline.published import Publications
from bot.webhooks.unsubscribe import MailLinks
from tests.cast import csm, customer, person
from tests.channels.letters import INJECTIONS
from tests.pipeline.scenes import journey
from tests.world import World

OURS = {"list-unsubscribe", "list-unsubscribe-post", "list-id"}
ALLOWED = OURS | {"from", "to", "subject", "date", "message-id", "mime-version", "content-type", "reply-to"}


def with_links(world: World) -> None:
    links = MailLinks(public_url="https://m.acme.example", keys=(b"k" * 40,), installation=world.app.installation)
    world.app._publications = Publications(links)


def test_names_open_no_header_in_any_channel(world: World) -> None:
    with_links(world)
    world.mail("hello")
    journey(world, "p", "- email: hello\n  from: csm")
    world.deploy()
    csm(world.database, "sato", name="Sato\r\nBcc: x@evil.example")
    for place, injection in enumerate(INJECTIONS):
        name = injection.replace("\0", "")  # PostgreSQL holds no such text
        customer(world.database, f"c{place}", world.now, name=name, stage="onboarding", csm="sato")
        person(world.database, f"c{place}", "tanaka", world.now, name=name, roles=("champion",))
    world.tick()
    assert len(world.channel.accepted) == len(INJECTIONS)
    for mail in world.channel.accepted:
        found = payload(mail)
        assert len(found["personalizations"][0]["to"]) == 1
        assert {name.lower() for name in found["headers"]} == OURS
        assert not any("\n" in value or "\r" in value for value in (*found["headers"].values(), found["subject"]))
        parsed = message_from_bytes(mime_bytes(mail, at=world.now), policy=default)
        names = [name.lower() for name in parsed]
        assert set(names) <= ALLOWED
        assert len(names) == len(set(names))
        assert parsed["List-Unsubscribe"].startswith("<https://m.acme.example/u/")
        assert parsed["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert parsed["List-Id"] == "<lifecycle.us.example>"
