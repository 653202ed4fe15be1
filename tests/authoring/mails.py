"""One sample context and short ways to compile a mail in a test. The Japanese customer has a name that HTML, Markdown and
URLs would all stumble over."""

from __future__ import annotations

from datetime import date
from typing import Any

from bot.authoring.template_mail import CompiledTemplate, RenderedMail
from bot.authoring.templates import Templates, compile_templates
from bot.errors import Finding

NAMES = frozenset(
    {"arr", "renewal_date", "stage", "tier", "nps", "days_in_stage", "today", "weakest_feature", "contact.last_seen"}
)
FUNCTIONS = frozenset({"count", "total", "days_until", "band", "plan", "aware", "at_start", "contact.has_role"})
LAYOUTS = {
    "templates/emails/_layout.html": "<!DOCTYPE html><html><head><title>{{ subject }}</title></head>"
    "<body><i>{{ preheader }}</i><main>{{ content }}</main></body></html>",
    "templates/emails/_layout.txt": "{{ content }}",
}


def context(**changes: Any) -> dict[str, Any]:
    """Plain data as the outbox gives it; `changes` replace single fields of a part."""
    base: dict[str, Any] = {
        "customer": {
            "name": "A&B <株>",
            "arr": 1_200_000,
            "stage": "adoption",
            "tier": "gold plan",
            "renewal_date": date(2027, 6, 30),
            "currency": "JPY",
            "tags": ["vip", "x<y"],
            "attributes": {"plan": "pro"},
        },
        "contact": {"name": "田中"},
        "csm": {"name": "佐藤", "email": "sato@hanabi.example"},
        "workspace": {"company": "Hanabi Cloud"},
        "event": {"url": "https://v.example/?a=1&b=2", "score": 4},
        "mail": {"unsubscribe_url": None, "preferences_url": None},
        "today": date(2027, 4, 1),
        "values": {},
    }
    return {
        part: {**value, **changes.get(part, {})} if isinstance(value, dict) else value for part, value in base.items()
    }


def source(body: str, *, subject: str = "件名", preheader: str = "前文") -> str:
    return f"---\nsubject: {subject}\npreheader: {preheader}\ncategory: lifecycle\n---\n{body}\n"


def compile_one(text: str, path: str = "templates/emails/mail.ja.md") -> tuple[Templates, list[Finding]]:
    return compile_templates({**LAYOUTS, path: text}, names=NAMES, functions=FUNCTIONS)


def template(body: str, *, subject: str = "件名", syntax: str = "md", locale: str = "ja") -> CompiledTemplate:
    templates, findings = compile_one(source(body, subject=subject), f"templates/emails/mail.{locale}.{syntax}")
    assert findings == []
    return templates.pick("mail", [locale])


def render(body: str, *, subject: str = "件名", syntax: str = "md", **changes: Any) -> RenderedMail:
    return template(body, subject=subject, syntax=syntax).render(context(**changes))


def body_html(body: str, *, syntax: str = "md", **changes: Any) -> str:
    """What stands inside the layout, without line ends."""
    html = render(body, syntax=syntax, **changes).html
    return html[html.index("<main>") + 6 : html.index("</main>")].replace("\n", "").strip()


def refusal(body: str, *, syntax: str = "md") -> Finding:
    """The one finding about a template that must be refused."""
    templates, findings = compile_one(source(body), f"templates/emails/mail.ja.{syntax}")
    assert not templates.names
    assert len(findings) == 1
    return findings[0]
