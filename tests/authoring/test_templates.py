"""Compiled templates: picking a language, missing fields, headers, drafts, HTML sources, the cache."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.authoring.templates import Templates, compile_templates, wrap_draft
from bot.authoring.workspace import published_workspace
from bot.errors import MissingField, TemplateRefused, UsageError
from tests.authoring.mails import LAYOUTS, NAMES, body_html, compile_one, context, render, source, template

HEADERS: list[str] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "header_injection.json").read_text(encoding="utf-8")
)["payloads"]


def in_languages(*locales: str) -> Templates:
    files = {f"templates/emails/mail.{locale}.md": source(locale) for locale in locales}
    return compile_templates({**LAYOUTS, **files}, names=(), functions=())[0]


@pytest.mark.parametrize(
    "have, wanted, taken",
    [
        (["en", "ja"], ["ja"], "ja"),
        (["en", "ja"], ["ja-JP"], "ja"),
        (["en", "ja"], ["ja_JP"], "ja"),
        (["en", "en-GB"], ["en-GB"], "en-GB"),
        (["en", "en-GB"], ["en-US"], "en"),
        (["ja-JP"], ["ja"], "ja-JP"),
        (["en", "ja"], ["fr", "ja"], "ja"),
        (["en", "ja"], ["fr"], "en"),
        (["fr", "ja"], [], "fr"),
    ],
)
def test_s35_language_is_exact_then_language_then_next_in_chain_then_any(
    have: Sequence[str], wanted: Sequence[str], taken: str
) -> None:
    templates = in_languages(*have)
    assert templates.pick("mail", wanted).locale == taken
    assert templates.languages("mail") == frozenset(have)


def test_an_unknown_template_is_named_with_those_that_exist() -> None:
    with pytest.raises(UsageError, match="have: mail"):
        in_languages("en").pick("male", ["en"])
    assert in_languages("en").languages("male") == frozenset()


@pytest.mark.parametrize("value", [None, ""])
def test_s35_none_and_empty_are_missing_and_named(value: object) -> None:
    with pytest.raises(MissingField) as missing:
        render("{{ contact.name }}様", contact={"name": value})
    assert missing.value.field == "contact.name"
    assert missing.value.where == "templates/emails/mail.ja.md"


@pytest.mark.parametrize(
    "text, field",
    [
        ("{{ csm.team }}", "csm.team"),
        ("{{ event.comment }}", "event.comment"),
        ("{{ event.a.b }}", "event.a.b"),
        ('{{ customer.attributes.since | date("long") }}', "customer.attributes.since"),
        ("{{ nps }}", "customer.nps"),
        ("[x]({{ event.link }})", "event.link"),
        ("{{ tier if nps }}", "customer.nps"),
    ],
)
def test_s35_an_absent_field_is_named_through_filters_links_and_bare_names(text: str, field: str) -> None:
    with pytest.raises(MissingField) as missing:
        render(text)
    assert missing.value.field == field


def test_s35_a_part_of_the_context_that_is_absent_is_a_missing_field_too() -> None:
    with pytest.raises(MissingField, match=r"csm\.name"):
        template("{{ csm.name }}").render({"customer": {}})


@pytest.mark.parametrize("value", [None, "", "  "])
def test_a_fallback_is_taken_for_nothing(value: str | None) -> None:
    assert body_html('{{ contact.name or "ご担当者" }}様', contact={"name": value}) == "<p>ご担当者様</p>"
    assert body_html('{{ contact.name | default("ご担当者") }}様', contact={"name": value}) == "<p>ご担当者様</p>"


def test_a_fallback_may_be_another_field() -> None:
    assert body_html("{{ csm.name or workspace.company }}", csm={"name": None}) == "<p>Hanabi Cloud</p>"


def test_a_missing_field_in_a_branch_that_is_not_taken_holds_nothing() -> None:
    assert body_html("{% if event.comment %}{{ event.comment }}{% else %}なし{% endif %}") == "<p>なし</p>"


@pytest.mark.parametrize("payload", HEADERS, ids=range(len(HEADERS)))
def test_a_name_can_neither_end_a_subject_line_nor_begin_a_header(payload: str) -> None:
    mail = render("x", subject="{{ customer.name }}様へ", customer={"name": payload})
    assert len(mail.subject.splitlines()) == 1
    assert all(character.isprintable() for character in mail.subject)
    assert len(mail.subject) <= 250
    assert "=?" not in mail.subject


@given(st.text(max_size=60))
@settings(max_examples=150, deadline=None)
def test_whatever_a_customer_is_called_the_mail_stays_one_subject_line_and_safe_html(name: str) -> None:
    try:
        mail = render(
            "**{{ customer.name }}** [x](https://h.example/{{ customer.name }})",
            subject="{{ customer.name }}",
            customer={"name": name},
        )
    except MissingField:
        assert not any(character.isprintable() and not character.isspace() for character in name)
        return
    assert len(mail.subject.splitlines()) <= 1
    inside = mail.html[mail.html.index("<strong>") + 8 : mail.html.index("</strong>")]
    assert "<" not in inside
    assert mail.html.count("<a ") == 1
    mail.html.encode()
    mail.text.encode()


def test_html_sources_keep_their_markup_and_get_a_text_part() -> None:
    body = (
        "<h1>{{ customer.name }}</h1>\n<table><tr><td>一</td></tr>{% if arr %}<tr><td>二</td></tr>{% endif %}</table>\n"
        '<p>本文<br>続き <a href="{{ event.url }}">動画</a></p><ul><li>点</li></ul>'
    )
    mail = render(body, syntax="html")
    assert "<h1>A&amp;B &lt;株&gt;</h1>" in mail.html
    assert "<tr><td>二</td></tr>" in mail.html
    assert 'href="https://v.example/?a=1&amp;b=2"' in mail.html
    assert mail.text == "A&B <株>\n\n一\n二\n\n本文\n続き 動画: https://v.example/?a=1&b=2\n\n- 点\n"


def test_a_whole_html_document_is_not_put_into_the_layout() -> None:
    mail = render("<html><head><style>p{color:red}</style></head><body><p>{{ tier }}</p></body></html>", syntax="html")
    assert "<main>" not in mail.html
    assert '<p style="color: red;">gold plan</p>' in mail.html.replace("color:red;", "color: red;")


def test_styles_are_inlined_and_media_rules_stay_and_nothing_is_loaded() -> None:
    layout = (
        "<html><head><style>p { color: #123456; } @media (max-width: 480px) { p { color: red } }</style></head>"
        "<body>{{ content }}</body></html>"
    )
    files = {**LAYOUTS, "templates/emails/_layout.html": layout, "templates/emails/mail.ja.md": source("{{ tier }}")}
    templates, findings = compile_templates(files, names=NAMES, functions=())
    html = templates.pick("mail", ["ja"]).render(context()).html
    assert findings == []
    assert '<p style="color: #123456;">gold plan</p>' in html
    assert "@media (max-width: 480px)" in html


def test_a_layout_without_a_place_for_the_mail_is_an_error_and_a_bare_one_is_used() -> None:
    files = {**LAYOUTS, "templates/emails/_layout.html": "<p>x</p>", "templates/emails/mail.ja.md": source("本文")}
    templates, findings = compile_templates(files, names=(), functions=())
    assert [(finding.file, finding.rule) for finding in findings] == [
        ("templates/emails/_layout.html", "template-layout")
    ]
    assert "本文" in templates.pick("mail", ["ja"]).render(context()).html


def test_missing_layouts_are_warned_of() -> None:
    templates, findings = compile_templates({"templates/emails/mail.ja.md": source("本文")}, names=(), functions=())
    assert [(finding.severity, finding.rule) for finding in findings] == [("warning", "template-layout")] * 2
    assert templates.pick("mail", ["ja"]).render(context()).text == "本文\n"


def test_one_bad_template_does_not_stop_the_others() -> None:
    files = {**LAYOUTS, "templates/emails/a.ja.md": source("{{ nobody }}"), "templates/emails/b.ja.md": source("x")}
    templates, findings = compile_templates(files, names=(), functions=())
    assert templates.names == {"b"}
    assert [finding.file for finding in findings] == ["templates/emails/a.ja.md"]


def test_the_same_template_in_two_files_is_refused_once() -> None:
    files = {**LAYOUTS, "templates/emails/a.ja.md": source("x"), "templates/emails/a.ja.html": source("<p>x</p>")}
    templates, findings = compile_templates(files, names=(), functions=())
    assert templates.names == {"a"}
    assert [finding.rule for finding in findings] == ["template-twice"]


def test_the_digest_follows_text_layout_and_nothing_else() -> None:
    first, again, other = (compile_one(source(text))[0] for text in ("x", "x", "y"))
    layout = compile_templates(
        {**LAYOUTS, "templates/emails/_layout.txt": "{{ content }}!", "templates/emails/mail.ja.md": source("x")},
        names=NAMES,
        functions=(),
    )[0]
    digests = [templates.pick("mail", ["ja"]).digest for templates in (first, again, other, layout)]
    assert digests[0] == digests[1]
    assert len(set(digests)) == 3


def test_a_template_is_compiled_once() -> None:
    assert template("same {{ tier }}") is template("same {{ tier }}")


def test_what_is_published_compiles_only_when_a_mail_needs_it() -> None:
    texts = {"wanted": "Hello {{ customer.name }}", "refused": "{% include 'x' %}"}
    files = {f"templates/emails/{name}.en.md": source(body) for name, body in texts.items()}
    templates = published_workspace({**LAYOUTS, **files}).templates
    wanted, refused = (templates.pick(name, ["en"]) for name in texts)
    assert wanted.category == refused.category == "lifecycle"
    assert "Hello A&B" in wanted.render(context()).text
    assert refused.refusal is not None
    with pytest.raises(TemplateRefused, match="include"):
        refused.render(context())


DRAFTED = source(
    "{{ contact.name }}様\n\n{% if arr %}\n**{{ customer.name }}**\n\n{% endif %}\n[動画]({{ event.url }})\n\n"
    "- 一\n{% if nps %}\n- 二\n{% endif %}",
    subject="{{ customer.name }}",
)


def test_a_draft_is_the_markdown_itself_with_values_filled_in() -> None:
    draft = compile_one(DRAFTED)[0].pick("mail", ["ja"]).draft(context())
    assert draft.subject == "A&B <株>"
    assert draft.body_markdown == "田中様\n\n**A&B \\<株\\>**\n\n[動画](https://v.example/?a=1&b=2)\n\n- 一\n"


def test_an_unedited_draft_renders_to_the_mail_it_came_from() -> None:
    templates = compile_one(DRAFTED)[0]
    mail = templates.pick("mail", ["ja"])
    draft = mail.draft(context())
    wrapped = wrap_draft(templates, draft.subject, draft.body_markdown, context(), "ja")
    assert wrapped.text == mail.render(context()).text
    assert wrapped.subject == mail.render(context()).subject
    assert "<strong>A&amp;B &lt;株&gt;</strong>" in wrapped.html


def test_what_a_person_types_into_a_draft_is_never_jinja_nor_html() -> None:
    templates = compile_one(source("x"))[0]
    typed = "{{ customer.name }} {% for x in y %} {# z #} <script>alert(1)</script> [x](javascript:alert(1))"
    mail = wrap_draft(templates, "件名 {{ a }}\r\nBcc: x@evil.example", typed, context(), "ja")
    assert mail.subject == "件名 {{ a }} Bcc: x@evil.example"
    assert "{{ customer.name }} {% for x in y %} {# z #} &lt;script&gt;" in mail.html
    assert "href" not in mail.html
    assert mail.text.startswith("{{ customer.name }} {% for x in y %} {# z #} <script>")


@given(
    st.dictionaries(
        st.sampled_from(["name", "tier", "arr"]),
        st.one_of(st.none(), st.integers(), st.text(alphabet="a <&", max_size=9)),
        max_size=3,
    )
)
@settings(max_examples=60, deadline=None)
def test_rendering_leaves_the_context_as_it_was(customer: dict[str, Any]) -> None:
    given_context = {"customer": dict(customer), "values": {}}
    template('{{ customer.name or "x" }}{{ tier or "y" }}{{ arr or 1 }}').render(given_context)
    assert given_context == {"customer": customer, "values": {}}
