"""Rendering: subject, HTML and text of the Japanese renewal mail against Jinja's bare sandboxed render of the very same
compiled sources over the same plain context. Target: ours ≥ 0.8 of the floor. Run: python -m tests.bench.bench_render"""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

from jinja2 import Template
from jinja2.sandbox import ImmutableSandboxedEnvironment

from bot.authoring.template_filters import FILTERS, LOCALISED
from bot.authoring.templates import CompiledTemplate, compile_templates

TARGET = 0.8
MAILS_PER_ROUND = 500
ROUNDS = 15
FOLDER = Path(__file__).parents[2] / "templates" / "emails"

CONTEXT: dict[str, Any] = {
    "customer": {
        "name": "株式会社あおぞら & Co.",
        "renewal_date": date(2027, 6, 30),
        "arr": 1_200_000,
        "attributes": {},
    },
    "contact": {"name": "田中 裕子", "title": "取締役"},
    "csm": {"name": "佐藤 美咲", "email": "sato@hanabi.example"},
    "workspace": {"company": "Hanabi Cloud"},
    "event": {},
    "mail": {"unsubscribe_url": "https://m.hanabi.example/u/abc?d=1", "preferences_url": None},
    "today": date(2027, 4, 1),
    "values": {},
}


def renewal_mail() -> CompiledTemplate:
    files = {f"templates/emails/{path.name}": path.read_text(encoding="utf-8") for path in FOLDER.iterdir()}
    templates, _ = compile_templates(files, names=(), functions=("count", "total"))
    return templates.pick("renewal_90_days", ["ja"])


def bare_templates(mail: CompiledTemplate) -> tuple[Template, Template, Template]:
    """The same three sources in Jinja's own environment: nothing of ours but the filters that they name."""
    plain, html = ImmutableSandboxedEnvironment(), ImmutableSandboxedEnvironment(autoescape=True)
    for environment in (plain, html):
        environment.globals["lang"] = mail.locale
        environment.filters |= {name: partial(FILTERS[name], locale=mail.locale) for name in LOCALISED}
        environment.filters |= {"_link": str, "_part": str}
    sources = mail.sources
    return plain.from_string(sources.subject), html.from_string(sources.html), plain.from_string(sources.text)


def mails_per_second(render: Callable[[], object]) -> float:
    started = perf_counter()
    for _ in range(MAILS_PER_ROUND):
        render()
    return MAILS_PER_ROUND / (perf_counter() - started)


def peak_kilobytes(render: Callable[[], object]) -> float:
    tracemalloc.start()
    for _ in range(MAILS_PER_ROUND):
        render()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 1024


def measure() -> tuple[float, float]:
    """Mails a second, ours and the floor: the best of rounds taken in turn, so that a busy machine hits both."""
    mail = renewal_mail()
    bare = bare_templates(mail)

    def floor() -> list[str]:
        return [template.render(CONTEXT) for template in bare]

    def ours() -> object:
        return mail.render(CONTEXT)

    gc.collect()
    rounds = [(mails_per_second(ours), mails_per_second(floor)) for _ in range(ROUNDS)]
    print(
        f"memory   ours {peak_kilobytes(ours):8.0f} KB   floor {peak_kilobytes(floor):8.0f} KB   ({MAILS_PER_ROUND} mails)"
    )
    return max(best for best, _ in rounds), max(best for _, best in rounds)


def main() -> None:
    ours, floor = measure()
    verdict = "ok" if ours / floor >= TARGET else "MISSED"
    print(
        f"render   ours {ours:8.0f} /s   floor {floor:8.0f} /s   ratio {ours / floor:.2f}   target {TARGET}   {verdict}"
    )


if __name__ == "__main__":
    main()
