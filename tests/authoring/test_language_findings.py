"""Texts that lack a language which others of the workspace have."""

from __future__ import annotations

from textwrap import dedent

from bot.authoring.company import read_company
from bot.authoring.language_findings import check_languages
from bot.errors import Finding
from tests.authoring.files import parsed, with_steps

BOTH = ("templates/emails/hello.en.md", "templates/emails/hello.ja.md")


def check(steps: str, paths: tuple[str, ...] = BOTH, locale: str = "en") -> list[Finding]:
    return check_languages([parsed(with_steps(steps))], read_company({})[0], paths, locale)


def test_a_text_without_a_language_is_for_everybody() -> None:
    assert check("  - handoff: Call\n    tasks: [Read, Phone]\n  - log: Done") == []


def test_each_text_that_lacks_a_language_is_told_at_its_line() -> None:
    findings = check(
        "  - handoff: {en: Call, ja: 電話}\n    tasks:\n      - {en: Read, ja: 読む}\n      - {en: Phone}\n  - log: {ja: 済}"
    )
    assert [(found.path, found.line, found.rule, found.severity) for found in findings] == [
        ("steps[0].tasks[1]", 9, "missing-language", "warning"),
        ("steps[1].log", 10, "missing-language", "warning"),
    ]
    assert findings[0].message == "This text is not there in `ja`, which this workspace speaks"
    assert findings[0].hint == "write `{en: …, ja: …}`"


def test_a_title_lacks_a_language_as_well() -> None:
    book = parsed(with_steps("  - log: x").replace("title: Test", "title: {en: Test}"))
    assert [(found.path, found.line) for found in check_languages([book], read_company({})[0], BOTH, "en")] == [
        ("title", 1)
    ]


def test_a_template_that_lacks_a_language_is_told_with_the_file_to_write() -> None:
    (found,) = check("  - log: x", (*BOTH, "templates/emails/bye.en.md"))
    assert (found.file, found.rule, found.severity) == ("templates/emails/bye.en.md", "missing-language", "warning")
    assert found.message == "The template `bye` is not there in `ja`, which this workspace speaks"
    assert found.hint == "write templates/emails/bye.ja.md"


def test_a_region_counts_as_its_language() -> None:
    assert (
        check("  - log: {en-GB: x, ja: y}", (*BOTH, "templates/emails/bye.en-US.md", "templates/emails/bye.ja.md"))
        == []
    )


def test_the_language_of_the_workspace_is_wanted_where_texts_have_any() -> None:
    assert [found.path for found in check("  - log: {en: x}", (), "ja")] == ["steps[0].log"]
    assert check("  - log: x", (), "ja") == []


def test_what_people_read_of_the_companys_files_is_there_in_every_language() -> None:
    files = {
        "content.yml": """
            items:
              film:
                title: {en: Film}
                kind: video
                url: https://help.example/film
                analysis: {ja: 分析}
        """,
        "products.yml": "core: {title: {ja: コア}}",
        "churn.yml": "{value_chain: [sales], reasons: {other: {title: {en: Other}, link: sales}}}",
        "stages.yml": "[{stage: one, title: {en: One}}]",
        "plans.yml": """
            account:
              title: For everybody
              due: 30 days
              objectives: [{title: {en: Case, ja: 事例}, tasks: [{en: Ask}]}]
        """,
    }
    company, found = read_company({f"playbooks/{name}": dedent(text) for name, text in files.items()})
    assert found == []
    assert {(each.file.removeprefix("playbooks/"), each.path) for each in check_languages([], company, BOTH, "en")} == {
        ("content.yml", "items.film.title"),
        ("content.yml", "items.film.analysis"),
        ("products.yml", "core.title"),
        ("churn.yml", "reasons.other.title"),
        ("stages.yml", "[0].title"),
        ("plans.yml", "account.objectives[0].tasks[0]"),
    }
