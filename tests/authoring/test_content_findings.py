"""What `check` says about content.yml, products.yml and churn.yml, and about whoever names what they do not have."""

from __future__ import annotations

import pytest

from bot.authoring.workspace import load_workspace

CONTENT, PRODUCTS, CHURN = (f"playbooks/{name}.yml" for name in ("content", "products", "churn"))
A = 'items:\n  a: {title: A, kind: guide, url: "https://x.example/a"'
WHOLE = {
    CONTENT: f"{A}}}\ncurricula:\n  basics: [{{item: a, within: 3 days}}]\n",
    PRODUCTS: "core: {title: Core}\n",
    CHURN: "value_chain: [sales]\nreasons: {price: {title: Price, link: sales}, gone: {title: Gone, link: none}}\n",
}
PLAY = "title: T\nstate: live\nwalks: {walks}\nenter: {{manual: true}}\nsteps:\n{steps}\n"


def findings(files: dict[str, str]) -> list[tuple[str, int, str, str]]:
    found = [each for each in load_workspace(files).findings if not each.file.endswith(("_layout.html", "_layout.txt"))]
    return [(each.file.rpartition("/")[2], each.line, each.rule, each.hint) for each in found]


def test_whole_files_have_nothing_to_say_about() -> None:
    assert findings(WHOLE) == []


@pytest.mark.parametrize(
    ("file", "text", "line", "rule", "hint"),
    [
        (CONTENT, "items:\n  a: {title: A, kind: guide}\n", 2, "missing-key", "add `url:`"),
        (CONTENT, 'items:\n  a: {title: A, kind: guide, url: "x.example/a"}\n', 2, "wrong-value", "https://"),
        (CONTENT, f"{A}, minutes: -1}}\n", 2, "wrong-value", ""),
        (CONTENT, f"{A}, minits: 3}}\n", 2, "unknown-key", "did you mean `minutes`?"),
        (CONTENT, f"{A}, for: stag == 'x'}}\n", 2, "unknown-name", "did you mean `stage`?"),
        (CONTENT, f"{A}, for: unseen_content() > 1}}\n", 2, "ring", "viewed"),
        (CONTENT, f"{A}, for: metric('rate') > 1}}\n", 2, "unknown-name", "playbooks/metrics.yml"),
        (CONTENT, f'{A}}}\n  b: {{title: B, kind: k, url: "https://x.example/a"}}\n', 3, "same-address", "its own"),
        (CONTENT, f"{A}}}\ncurricula:\n  x: [{{item: b, within: 1 day}}]\n", 4, "unknown-name", "there are: a"),
        (CONTENT, f"{A}}}\ncurricula:\n  x: [{{item: a, within: 3 hours}}]\n", 4, "wrong-value", "days or weeks"),
        (CONTENT, f"{A}}}\ncurricula:\n  x: []\n", 4, "wrong-value", "add a lesson"),
        (CONTENT, "- a\n", 1, "wrong-type", ""),
        (PRODUCTS, "core: {for: arr > 1}\n", 1, "missing-key", "add `title:`"),
        (PRODUCTS, "core: {title: Core, for: could_own('x')}\n", 1, "ring", "owns"),
        (PRODUCTS, "core: {title: Core, for: clicked('x')}\n", 1, "no-walk", ""),
        (CHURN, "value_chain: [sales]\nreasons: {p: {title: P, link: sale}}\n", 2, "unknown-name", "`sales`?"),
        (CHURN, "value_chain: [sales, sales]\n", 1, "duplicate-key", ""),
        (
            CHURN,
            "reasons:\n  a: {title: A, link: none, words: w}\n  b: {title: B, link: none, words: w}\n",
            3,
            "no-effect",
            "",
        ),
    ],
)
def test_each_slip_has_its_line_its_rule_and_a_way_out(file: str, text: str, line: int, rule: str, hint: str) -> None:
    found = [each for each in findings({file: text}) if each[2] == rule]
    assert [each[:3] for each in found] == [(file.rpartition("/")[2], line, rule)], findings({file: text})
    assert hint in found[0][3]


@pytest.mark.parametrize(
    ("steps", "walks", "line", "rule", "hint"),
    [
        ("  - log: L\n    when: viewed('b')", "customer", 7, "unknown-name", "there are: a"),
        (
            "  - log: L\n    when: content(kind='guides') is none",
            "customer",
            7,
            "unknown-name",
            "did you mean `guide`?",
        ),
        ("  - log: L\n    when: overdue('basic') > 0", "contact", 7, "unknown-name", "did you mean `basics`?"),
        ("  - log: L\n    when: owns('cor')", "customer", 7, "unknown-name", "did you mean `core`?"),
        ("  - assign: basic\n    to: admin", "customer", 6, "unknown-name", "did you mean `basics`?"),
    ],
)
def test_who_names_what_is_not_there_is_told_the_nearest(
    steps: str, walks: str, line: int, rule: str, hint: str
) -> None:
    files = {**WHOLE, "playbooks/journeys/p.yml": PLAY.format(walks=walks, steps=steps)}
    found = [each for each in findings(files) if each[2] not in ("unknown-role", "no-contacts")]
    assert [each[:3] for each in found] == [("p.yml", line, rule)], found
    assert hint in found[0][3]


def test_reasons_to_choose_from_need_a_list() -> None:
    steps = "  - assign: basics\n  - handoff: Ask\n    ask: {churn_reason: churn_reasons}"
    play = {"playbooks/journeys/p.yml": PLAY.format(walks="contact", steps=steps)}
    assert findings({**WHOLE, **play}) == []
    assert [each[1:3] for each in findings({**WHOLE, **play, CHURN: ""})] == [(8, "unknown-name")]


def test_a_mail_that_names_an_item_which_is_not_there_is_told() -> None:
    head = "---\nsubject: S\npreheader: P\ncategory: lifecycle\n---\n"
    mail = {"templates/emails/m.en.md": head + '[Read]({{ content("b").url }}), {{ content("a").title }}\n'}
    assert [each[:3] for each in findings({**WHOLE, **mail})] == [("m.en.md", 1, "unknown-name")]
    wrong = {"templates/emails/m.en.md": head + '{{ content("a").link }}\n'}
    assert [(each[1], each[2]) for each in findings({**WHOLE, **wrong})] == [(6, "template-unknown")]
