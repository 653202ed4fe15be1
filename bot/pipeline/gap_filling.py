"""Filling the gaps of a draft by name: `customer.renewal_date=2027-06-30` is a value for the template, so its filters and
conditions see it; a gap that the template leaves to its sender takes the words as they are. Pure. Used by `handoffs draft
--set` and `outbox edit --set`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from bot.authoring.assist import gap, gaps_in
from bot.authoring.template_drafts import AssistDraft
from bot.errors import UsageError

_NUMBER = re.compile(r"-?\d{1,12}(\.\d{1,6})?")


def fill_gaps(
    fills: Mapping[str, str], context: Mapping[str, Any], draft: Callable[[Mapping[str, Any]], AssistDraft]
) -> AssistDraft:
    """Raises: UsageError for a name that is no gap, RenderFailed for a value that the template cannot write."""
    first = draft(context)
    known = first.gaps
    for name in fills:
        if name not in known:
            have = ", ".join(f"`{found}`" for found in known)
            raise UsageError(
                f"The mail has no gap `{name}`", hint=f"it has {have}" if have else "it has none: leave --set out"
            )
    fields = {name: value for name, value in fills.items() if name in first.missing}
    filled = draft(_with_values(context, fields)) if fields else first
    for name, words in fills.items():
        if name not in fields:
            filled = replace(
                filled,
                subject=_put(filled.subject, name, words),
                body_markdown=_put(filled.body_markdown, name, words),
            )
    return filled


def read_fills(given: list[str]) -> dict[str, str]:
    """`name=value` pairs. Raises: UsageError."""
    fills = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name.strip() or not value.strip():
            raise UsageError(f"`{text}` fills nothing", hint="write --set name=value, such as --set event.score=9")
        fills[name.strip()] = value.strip()
    return fills


def check_no_gaps(*texts: str) -> None:
    """Raises: UsageError naming what is still open."""
    open_ = gaps_in(*texts)
    if open_:
        raise UsageError(
            f"Still to fill: {', '.join(gap(name) for name in open_)}", hint="write what belongs there, or delete it"
        )


def _put(text: str, name: str, words: str) -> str:
    return re.sub(r"\[\[\s*" + re.escape(name) + r"\s*\]\]", lambda _: words, text)


def _with_values(context: Mapping[str, Any], fields: Mapping[str, str]) -> dict[str, Any]:
    """The context with these fields; it is copied where it changes."""
    changed = dict(context)
    for path, text in fields.items():
        value = _value(text)
        root, *rest = path.split(".") if "(" not in path else ["values", path]
        if not rest:
            changed[root] = value
            continue
        changed[root] = _deep(changed.get(root) or {}, rest, value)
    return changed


def _deep(place: Any, path: list[str], value: Any) -> dict[str, Any]:
    inner = dict(place) if isinstance(place, Mapping) else {}
    name, *rest = path
    inner[name] = _deep(inner.get(name) or {}, rest, value) if rest else value
    return inner


def _value(text: str) -> Any:
    if not _NUMBER.fullmatch(text):
        return text
    return float(text) if "." in text else int(text)
