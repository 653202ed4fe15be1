"""What the real mail/send refuses with 400, as far as our payloads can go wrong; used by the fake provider. The
sentences follow SendGrid's published error list."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

RESERVED = frozenset(
    (
        *("x-sg-id", "x-sg-eid", "received", "dkim-signature", "content-type", "content-transfer-encoding"),
        *("to", "from", "subject", "reply-to", "cc", "bcc"),
    )
)
_ADDRESS = re.compile(r"[^\s@,;<>\"]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_TOP_LEVEL = frozenset(
    (
        *(
            "from",
            "subject",
            "personalizations",
            "content",
            "categories",
            "custom_args",
            "tracking_settings",
            "headers",
        ),
        *("reply_to", "reply_to_list", "attachments", "template_id", "sections", "send_at", "batch_id", "asm"),
        *("ip_pool_name", "mail_settings"),
    )
)


def faults(payload: object) -> list[dict[str, str | None]]:
    """`errors` as the API words them; empty for a payload it takes."""
    if not isinstance(payload, dict):
        return [_fault("Bad Request", None)]
    checks = (_unknown_keys, _people, _subject, _content, _headers, _custom_args, _categories)
    return [fault for check in checks for fault in check(payload)]


def _fault(message: str, field: str | None) -> dict[str, str | None]:
    return {"message": message, "field": field, "help": None}


def _unknown_keys(payload: Mapping[str, Any]) -> Iterator[dict[str, str | None]]:
    for key in payload.keys() - _TOP_LEVEL:
        yield _fault(f"Additional property {key} is not allowed", key)


def _people(payload: Mapping[str, Any]) -> Iterator[dict[str, str | None]]:
    if not _is_person(payload.get("from")):
        yield _fault("The from email does not contain a valid address.", "from.email")
    if "reply_to" in payload and not _is_person(payload["reply_to"]):
        yield _fault("The reply_to email does not contain a valid address.", "reply_to.email")
    personalizations = payload.get("personalizations")
    if not isinstance(personalizations, list) or not personalizations:
        yield _fault("The personalizations field is required and must have at least one personalization.", None)
        return
    for place, personalization in enumerate(personalizations):
        yield from _recipients(personalization, f"personalizations.{place}")


def _recipients(personalization: Mapping[str, Any], path: str) -> Iterator[dict[str, str | None]]:
    people = [person for kind in ("to", "cc", "bcc") for person in personalization.get(kind, [])]
    if not personalization.get("to"):
        yield _fault("The to array is required for all personalization objects.", f"{path}.to")
    if not all(_is_person(person) for person in people):
        yield _fault("Does not contain a valid address.", f"{path}.to.0.email")
        return
    addresses = [person["email"].lower() for person in people]
    if len(addresses) != len(set(addresses)):
        yield _fault("Each email address in the personalization block should be unique.", path)


def _is_person(person: object) -> bool:
    if not isinstance(person, dict) or not person.keys() <= {"email", "name"}:
        return False
    name, email = person.get("name", ""), person.get("email")
    return isinstance(email, str) and _ADDRESS.fullmatch(email) is not None and _is_one_line(name)


def _is_one_line(text: object) -> bool:
    return isinstance(text, str) and not re.search(r"[\r\n\0]", text)


def _subject(payload: Mapping[str, Any]) -> Iterator[dict[str, str | None]]:
    subject = payload.get("subject")
    if not subject or not _is_one_line(subject):
        yield _fault("The subject is required. You can get around this requirement if you use a template.", "subject")


def _content(payload: Mapping[str, Any]) -> Iterator[dict[str, str | None]]:
    parts: Sequence[Mapping[str, Any]] = payload.get("content") or []
    if not parts:
        yield _fault("Unless a valid template_id is provided, the content parameter is required.", "content")
    if any(not isinstance(part.get("value"), str) or not part["value"] for part in parts):
        yield _fault("The content value must be a string at least one character in length.", "content.0.value")
    kinds = [part.get("type") for part in parts]
    if kinds != sorted(kinds, key=lambda kind: kind != "text/plain"):
        yield _fault("If present, text/plain must be first, followed by text/html.", "content")


def _headers(payload: Mapping[str, Any]) -> Iterator[dict[str, str | None]]:
    for name, value in payload.get("headers", {}).items():
        if name.lower() in RESERVED:
            yield _fault(f"The header {name} is reserved and cannot be used.", f"headers.{name}")
        if not _is_one_line(value):
            yield _fault("The header values must be strings.", f"headers.{name}")


def _custom_args(payload: Mapping[str, Any]) -> Iterator[dict[str, str | None]]:
    for key, value in payload.get("custom_args", {}).items():
        if not key.isascii():
            yield _fault("The custom_args keys must not contain unicode characters.", "custom_args")
        if not isinstance(value, str):
            yield _fault("The custom_args values must be strings.", f"custom_args.{key}")


def _categories(payload: Mapping[str, Any]) -> Iterator[dict[str, str | None]]:
    categories = payload.get("categories", [])
    if len(categories) > 10 or len(categories) != len(set(categories)):
        yield _fault("You have exceeded the limit of 10 unique categories.", "categories")
