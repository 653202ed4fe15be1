"""Front matter, file names and languages of template files."""

from __future__ import annotations

import pytest

from bot.authoring.template_source import TemplateSource, is_template, read_source
from tests.authoring.mails import source

PATH = "templates/emails/welcome.ja.md"


def read(text: str, path: str = PATH) -> TemplateSource:
    found, findings = read_source(path, text)
    assert found is not None, findings
    return found


def test_front_matter_lines_are_raw_and_may_hold_colons_quotes_and_jinja() -> None:
    found = read('---\nsubject: 更新: {{ a | date("long") }} #1: "今"\npreheader: a: b\ncategory: survey\n---\nBody')
    assert found.subject.text == '更新: {{ a | date("long") }} #1: "今"'
    assert found.preheader.text == "a: b"
    assert found.category == "survey"
    assert found.body.text == "Body"


def test_the_body_knows_its_first_line_and_later_rules_do_not_end_the_front_matter() -> None:
    found = read("---\nsubject: s\npreheader: p\n---\none\n---\ntwo")
    assert found.body.line == 5
    assert found.body.text == "one\n---\ntwo"


def test_a_byte_order_mark_and_windows_line_ends_change_nothing() -> None:
    found = read("\ufeff---\r\nsubject: s\r\npreheader: p\r\n---\r\nBody\r\nmore")
    assert (found.subject.text, found.body.text) == ("s", "Body\nmore")


def test_the_category_is_lifecycle_when_none_is_written() -> None:
    assert read("---\nsubject: s\npreheader: p\n---\nx").category == "lifecycle"


@pytest.mark.parametrize(
    "text, line, rule, words",
    [
        ("Hello", 1, "template-front-matter", "does not begin"),
        ("", 1, "template-front-matter", "does not begin"),
        ("---\nsubject: s\nBody", 1, "template-front-matter", "not closed"),
        ("---\npreheader: s\n---\nBody", 1, "template-front-matter", "no subject"),
        ("---\nsubject:\n---\nBody", 1, "template-front-matter", "no subject"),
        ("---\nsubject： s\n---\nBody", 2, "template-front-matter", "full-width colon"),
        ("---\nsubject: s\n  goes on\n---\nBody", 3, "template-front-matter", "not `key: value`"),
        ("---\nsubject: s\nsubjekt: t\n---\nBody", 3, "template-front-matter", "`subjekt` is not a key"),
        ("---\nsubject: s\nsubject: t\n---\nBody", 3, "template-front-matter", "given twice"),
        ("---\nsubject: s\ncategory: spam\n---\nBody", 3, "template-category", "`spam`"),
        ("---\nsubject: s\n---\n" + "x" * 30_000, 1, "template-too-long", "longer than 24 KB"),
    ],
)
def test_each_fault_of_a_file_is_one_error_with_its_line(text: str, line: int, rule: str, words: str) -> None:
    found, findings = read_source(PATH, text)
    assert found is None
    errors = [finding for finding in findings if finding.severity == "error"]
    assert [(finding.line, finding.rule) for finding in errors] == [(line, rule)]
    assert words in errors[0].message
    assert errors[0].hint


def test_quotes_around_a_value_are_warned_of_because_they_would_be_sent() -> None:
    found, findings = read_source(PATH, '---\nsubject: "Hello"\npreheader: p\n---\nx')
    assert found is not None
    assert [(finding.rule, finding.severity, finding.line) for finding in findings] == [
        ("template-quotes", "warning", 2)
    ]


def test_a_mail_without_a_preheader_is_warned_of() -> None:
    _, findings = read_source(PATH, "---\nsubject: s\n---\nx")
    assert [(finding.rule, finding.severity) for finding in findings] == [("template-preheader", "warning")]


@pytest.mark.parametrize(
    "name", ["welcome.md", "Welcome.en.md", "welcome.EN.md", "welcome.en.us.md", "../x.en.md", ".en.md"]
)
def test_a_file_name_that_does_not_say_template_and_language_is_refused(name: str) -> None:
    found, findings = read_source(f"templates/emails/{name}", source("x"))
    assert found is None
    assert findings[0].rule == "template-file-name"


def test_a_file_name_carries_name_language_and_syntax() -> None:
    found = read(source("x"), "templates/emails/low_nps-2.zh-Hant.html")
    assert (found.name, found.locale, found.syntax) == ("low_nps-2", "zh-Hant", "html")


@pytest.mark.parametrize(
    "path, verdict",
    [
        ("templates/emails/a.en.md", True),
        ("templates/emails/a.md", True),
        ("templates/emails/_layout.html", False),
        ("templates/emails/README.md", False),
        ("templates/emails/a.png", False),
        ("playbooks/a.en.md", False),
    ],
)
def test_only_mail_files_are_templates(path: str, verdict: bool) -> None:
    assert is_template(path) is verdict
