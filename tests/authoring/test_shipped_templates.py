"""The mails that come with journeybot: complete in both languages, renderable for everybody, and shaped for mail programs."""

from __future__ import annotations

import re
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from bot.authoring.template_filters import DATE_STYLES, FILTERS
from bot.authoring.template_source import CATEGORIES
from bot.authoring.templates import Templates, compile_templates, wrap_draft
from bot.authoring.workspace import load_workspace, read_files
from bot.errors import Finding
from bot.rules import vocabulary
from bot.rules.catalogue import Catalogue

FOLDER = Path(__file__).parents[2] / "templates" / "emails"
NAMES = sorted({path.name.split(".")[0] for path in FOLDER.glob("*.md")})
LANGUAGES = ("en", "ja")
NEWSLETTERS = {"monthly_newsletter", "case_newsletter", "case_newsletter_for_all"}
ASKING = {"survey_csat", "survey_nps", "survey_user_group"}
SURVEYS = {"low_nps", "nps_passive", "nps_reply", "nps_thanks", *ASKING}
NEEDS_A_CSM = {"new_csm", "csm_introduction"}


@cache
def shipped() -> tuple[Templates, list[Finding]]:
    files = {f"templates/emails/{path.name}": path.read_text(encoding="utf-8") for path in FOLDER.iterdir()}
    return compile_templates(files, names=vocabulary.names(), functions=vocabulary.functions())


#: What the calls of content.yml find: an item for each, and how far the reader is.
FOUND = {
    "content()": "five_settings",
    "content(place=2)": "reminders_evening_before",
    "content(place=3)": "reports_for_the_owner",
    "content(feature=weakest_feature)": "shifts_in_ten_minutes",
    'content(kind="case_study")': "case_salons",
    'content(kind="framework")': "frame_quiet_hour",
    'content(kind="release")': "copy_shifts",
}
NUMBERS = {
    'total("scouts_sent", days=30)': 14,
    'count("login", days=30)': 1260,
    'active_days("login", days=28)': 9,
    'metric("first_month_scouts")': 2,
    'curriculum("basics")': 0.5,
}


@cache
def catalogue() -> Catalogue:
    return load_workspace(read_files(FOLDER.parents[1])[0]).company.catalogue


def values_in(locale: str) -> dict[str, Any]:
    by_name = {f'content("{name}")': name for name in catalogue().items}
    viewed = {f'viewed("{name}")': name == "setup_video" for name in catalogue().items}
    return catalogue().with_parts({**NUMBERS, **FOUND, **by_name, **viewed}, locale)


def full_context(locale: str = "ja", **changes: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "customer": {
            "name": "あおぞら人材 & Co.",
            "renewal_date": date(2027, 6, 30),
            "attributes": {},
            "licenses_purchased": 50,
            "licenses_active": 12,
        },
        "contact": {"name": "田中 裕子", "title": "取締役"},
        "csm": {"name": "佐藤 美咲", "email": "sato@hanabi.example"},
        "workspace": {"company": "Hanabi Cloud"},
        "event": {"score": 4, "comment": "通知が<遅い>"},
        "mail": {
            "unsubscribe_url": "https://m.hanabi.example/u/abc",
            "preferences_url": "https://m.hanabi.example/p/abc",
            "survey_url": "https://m.hanabi.example/s/abc",
        },
        "today": date(2027, 4, 1),
        "values": values_in(locale),
    }
    return {**base, **changes}


def test_all_shipped_templates_compile_without_a_finding() -> None:
    templates, findings = shipped()
    assert findings == []
    assert templates.names == set(NAMES)
    assert len(NAMES) >= 16


@pytest.mark.parametrize("name", NAMES)
def test_every_mail_exists_in_english_and_japanese(name: str) -> None:
    assert shipped()[0].languages(name) == set(LANGUAGES)


@pytest.mark.parametrize("name", NAMES)
def test_both_languages_have_the_same_category_and_one_clear_ask(name: str) -> None:
    versions = [shipped()[0].pick(name, [language]) for language in LANGUAGES]
    assert len({version.category for version in versions}) == 1
    for version in versions:
        assert version.sources.html.count('<td class="button"') <= 1
        assert "href=" in version.sources.html


@pytest.mark.parametrize("name", NAMES)
def test_categories_follow_what_the_mail_is_for(name: str) -> None:
    category = shipped()[0].pick(name, ["en"]).category
    assert (category == "newsletter") == (name in NEWSLETTERS)
    assert (category == "survey") == (name in SURVEYS)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", NAMES)
def test_every_mail_renders_whole_in_html_and_text(name: str, language: str) -> None:
    mail = shipped()[0].pick(name, [language]).render(full_context(language))
    assert mail.subject
    assert len(mail.subject) <= 90
    assert re.search(r'class="preheader"[^>]*>\s*\w', mail.html)
    assert not re.search(r"\{[{%#]|[}%]\}|jbx+[elps]\d|\{button\}", mail.html + mail.text + mail.subject)
    assert not re.search(r"<(?:p|a|td|html|br)\b", mail.text)
    assert "Hanabi Cloud" in mail.text
    assert "https://m.hanabi.example/u/abc" in mail.html
    assert "https://m.hanabi.example/u/abc" in mail.text
    assert f'lang="{language}"' in mail.html


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", sorted(set(NAMES) - NEEDS_A_CSM - ASKING))
def test_a_tech_touch_customer_without_csm_and_contact_name_gets_a_whole_mail_too(name: str, language: str) -> None:
    context = full_context(language, csm={}, contact={"name": ""}, event={"score": 8}, mail={})
    mail = shipped()[0].pick(name, [language]).render(context)
    assert "None" not in mail.text
    assert "https://m.hanabi.example" not in mail.html


@pytest.mark.parametrize("name", NAMES)
def test_the_languages_are_not_mixed(name: str) -> None:
    english = shipped()[0].pick(name, ["en"])
    japanese = shipped()[0].pick(name, ["ja"])
    changes: dict[str, Any] = {
        "customer": {
            "name": "ACME",
            "renewal_date": date(2027, 6, 30),
            "licenses_purchased": 50,
            "licenses_active": 12,
        },
        "contact": {"name": "Kim"},
        "csm": {"name": "Lee", "email": "l@x.example"},
        "event": {"score": 4},
    }
    read = japanese.render(full_context("ja", **changes)).text
    assert not re.search("[ぁ-んァ-ヶ一-龠]", english.render(full_context("en", **changes)).text)
    assert len(re.findall("[ぁ-んァ-ヶ一-龠]", read)) > 100
    assert "Unsubscribe" not in read


def test_the_layout_is_made_for_mail_programs() -> None:
    html = shipped()[0].pick("renewal_90_days", ["ja"]).render(full_context()).html
    assert "max-width: 600px" in html
    assert re.search(r'<td class="card"[^>]*style="[^"]*padding: 36px', html)
    assert "@media (prefers-color-scheme: dark)" in html
    assert '<meta name="color-scheme" content="light dark">' in html
    assert "@media (max-width: 480px)" in html
    assert "<!--[if mso]>" in html
    assert "Hiragino" in html
    assert re.search(r'class="preheader"[^>]*display: none', html)
    assert len(html.encode()) < 100_000  # Gmail cuts a mail off at 102 KB
    assert not re.search(r"<(?:script|link|img)\b|url\(|@import", html)


def test_the_footer_has_no_links_that_are_not_given() -> None:
    html = shipped()[0].pick("welcome", ["en"]).render(full_context(mail={"unsubscribe_url": None})).html
    assert "Unsubscribe" not in html
    assert "Mail preferences" not in html


@pytest.mark.parametrize("name", ["renewal_at_risk", "low_nps", "usage_going_down", "new_csm", "meet_decision_maker"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_mail_prepared_for_a_person_survives_editing(name: str, language: str) -> None:
    templates = shipped()[0]
    compiled = templates.pick(name, [language])
    context = full_context(event={"score": 4, "comment": "遅い"})
    draft = compiled.draft(context)
    mail = wrap_draft(templates, draft.subject, draft.body_markdown, context, language)
    assert (mail.subject, mail.text) == (compiled.render(context).subject, compiled.render(context).text)
    assert 'class="button"' in mail.html


def test_the_page_about_templates_names_every_filter_date_style_and_category() -> None:
    page = (FOLDER.parents[1] / "docs" / "templates.md").read_text(encoding="utf-8")
    wanted = {*FILTERS} - {"d", "count"} | {*DATE_STYLES} | {*CATEGORIES}
    assert {word for word in wanted if not re.search(rf'[`"]{word}\b', page)} == set()


def test_the_example_of_the_page_about_templates_is_a_template() -> None:
    page = (FOLDER.parents[1] / "docs" / "templates.md").read_text(encoding="utf-8")
    example = page.split("```markdown\n")[1].split("```")[0]
    layouts = {f"templates/emails/{name}": (FOLDER / name).read_text() for name in ("_layout.html", "_layout.txt")}
    templates, findings = compile_templates(
        {"templates/emails/example.ja.md": example, **layouts},
        names=vocabulary.names(),
        functions=vocabulary.functions(),
    )
    assert not findings
    assert "2027年6月30日" in templates.pick("example", ["ja"]).render(full_context()).html
