"""How people changed the mails that hand-offs prepare: per template how often it was sent as it is, edited or written
elsewhere, and the passages most often changed, in the template's own words, so that templates improve. Read-only; nothing
in it names a customer, as far as the template's own fields did."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select

from storage.handoff_mails import HANDOFF_MAIL
from storage.handoffs import Way

LOOKS_BACK = timedelta(days=180)
MOST_PASSAGES = 10
MOST_WORDINGS = 3


def report_edits(connection: Connection, now: datetime) -> list[dict[str, Any]]:
    """One row per template and language, the most used first; `passages`: `times`, `before` and the `after`s, the most
    frequent first."""
    columns = [HANDOFF_MAIL.c[name] for name in ("template", "locale", "way", "changes")]
    written = select(*columns).where(HANDOFF_MAIL.c.at >= now - LOOKS_BACK).order_by(HANDOFF_MAIL.c.handoff_id)
    groups: dict[tuple[str, str], list[Any]] = defaultdict(list)
    elsewhere: Counter[str] = Counter()
    for row in connection.execute(written):
        if row.way == Way.ELSEWHERE:
            elsewhere[row.template] += 1
        else:
            groups[row.template, row.locale or ""].append(row.changes)
    for template in elsewhere.keys() - {name for name, _ in groups}:
        groups[template, ""] = []
    rows = [_row(name, locale, sent, elsewhere[name]) for (name, locale), sent in groups.items()]
    return sorted(rows, key=lambda row: (-row["sent"] - row["elsewhere"], row["template"], row["locale"]))


def _row(name: str, locale: str, sent: Sequence[Sequence[Mapping[str, str]]], elsewhere: int) -> dict[str, Any]:
    edited = [changes for changes in sent if changes]
    return {
        "template": name,
        "locale": locale,
        "sent": len(sent),
        "as_is": len(sent) - len(edited),
        "edited": len(edited),
        "elsewhere": elsewhere,
        "passages": _passages(edited),
    }


def _passages(edited: Sequence[Sequence[Mapping[str, str]]]) -> list[dict[str, Any]]:
    """Those that stood in the template; what people only added counts as a passage of nothing."""
    wordings: dict[str, Counter[str]] = defaultdict(Counter)
    for changes in edited:
        for passage in changes:
            wordings[passage["before"]][passage["after"]] += 1
    often = sorted(wordings.items(), key=lambda found: (-found[1].total(), found[0]))[:MOST_PASSAGES]
    return [
        {
            "times": afters.total(),
            "before": before,
            "after": [{"times": times, "text": text} for text, times in afters.most_common(MOST_WORDINGS)],
        }
        for before, afters in often
    ]


def diff_of(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The passages as a unified diff per template: what stands there, and what people wrote instead."""
    for row in (row for row in rows if row["passages"]):
        file = f"{row['template']}.{row['locale']}.md"
        yield f"--- templates/emails/{file}"
        yield f"+++ {file} as sent, edited {row['edited']} of {row['sent']} times"
        for passage in row["passages"]:
            yield f"@@ {passage['times']} × @@"
            yield from (f"-{line}" for line in passage["before"].splitlines())
            for after in passage["after"]:
                yield from (f"+{line}" for line in after["text"].splitlines())
        yield ""
