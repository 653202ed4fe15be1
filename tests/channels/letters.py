"""Messages and a collector of answers for the channels' tests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import get_ident

from bot.channels.base import Answer, MailChannel, Outcome, Outgoing

FAR_AWAY = 1e12
"""A deadline that no monotonic clock of a test reaches."""
INJECTIONS: list[str] = json.loads(
    Path(__file__).parents[1].joinpath("vectors", "header_injection.json").read_text("utf-8")
)["payloads"]


def letter(
    reference: str = "m1",
    *,
    to_email: str = "hana@kaisha.example",
    to_name: str | None = "佐藤 花",
    from_email: str = "aoki@vendor.example",
    from_name: str | None = "Aoki, Ken (CS)",
    reply_to_email: str | None = None,
    reply_to_name: str | None = None,
    subject: str = "契約更新90日前のご案内",
    html: str = "<p>こんにちは</p>",
    text: str = "こんにちは\n",
    category: str = "lifecycle",
    headers: dict[str, str] | None = None,
    deadline: float = FAR_AWAY,
) -> Outgoing:
    return Outgoing(
        reference=reference,
        to_email=to_email,
        to_name=to_name,
        from_email=from_email,
        from_name=from_name,
        reply_to_email=reply_to_email,
        reply_to_name=reply_to_name,
        subject=subject,
        document=html,
        text=text,
        category=category,
        headers=headers or {},
        deadline=deadline,
    )


def letters(count: int) -> list[Outgoing]:
    return [letter(f"m{number}", to_email=f"person{number}@kaisha.example") for number in range(count)]


class Answers:
    """Collects answers by reference; refuses a second one for the same message, and any from another thread."""

    def __init__(self) -> None:
        self.by_reference: dict[str, Answer] = {}
        self._thread = get_ident()

    def __call__(self, message: Outgoing, answer: Answer) -> None:
        assert message.reference not in self.by_reference, "answered twice"
        assert get_ident() == self._thread
        self.by_reference[message.reference] = answer

    def __getitem__(self, reference: str) -> Answer:
        return self.by_reference[reference]

    def __len__(self) -> int:
        return len(self.by_reference)

    def counts(self) -> dict[tuple[Outcome, str], int]:
        found: dict[tuple[Outcome, str], int] = {}
        for answer in self.by_reference.values():
            key = (answer.outcome, answer.reason)
            found[key] = found.get(key, 0) + 1
        return found


def answers_of(channel: MailChannel, batch: list[Outgoing]) -> Answers:
    """Sends the batch; every message must have got its answer."""
    answers = Answers()
    channel.send(batch, answers)
    assert len(answers) == len(batch)
    return answers


def answer_of(channel: MailChannel, message: Outgoing) -> Answer:
    return answers_of(channel, [message])[message.reference]


@contextmanager
def closing(channel: MailChannel) -> Iterator[None]:
    try:
        yield
    finally:
        channel.close()
