"""Markdown with Jinja in it: what reaches the reader in HTML and in text."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.authoring.template_masks import Masks
from bot.errors import RenderFailed
from tests.authoring.mails import body_html, compile_one, refusal, render, source, template

LINK = "[動画]({{ event.url }})"


def test_jinja_in_a_links_target_is_a_link() -> None:
    assert body_html(LINK) == '<p><a href="https://v.example/?a=1&amp;b=2">動画</a></p>'


def test_the_text_part_writes_a_link_as_text_and_url() -> None:
    assert render(LINK).text == "動画: https://v.example/?a=1&b=2\n"


def test_values_are_escaped_once_in_html_and_not_at_all_in_text_and_subject() -> None:
    mail = render("**{{ customer.name }}** & {{ customer.name }}", subject="{{ customer.name }}")
    assert "<strong>A&amp;B &lt;株&gt;</strong> &amp; A&amp;B &lt;株&gt;" in mail.html
    assert mail.text == "A&B <株> & A&B <株>\n"
    assert mail.subject == "A&B <株>"


def test_a_value_inside_a_target_is_percent_encoded_in_html_and_text() -> None:
    mail = render("[開く](https://h.example/?q={{ customer.name }}&p={{ tier }})")
    assert 'href="https://h.example/?q=A%26B%20%3C%E6%A0%AA%3E&amp;p=gold%20plan"' in mail.html
    assert "開く: https://h.example/?q=A%26B%20%3C%E6%A0%AA%3E&p=gold%20plan" in mail.text


@pytest.mark.parametrize(
    "target",
    [
        "javascript:alert(1)",
        " javascript:alert(1)",
        "data:text/html,x",
        "//evil.example",
        "java\nscript:x",
        'https://x" onclick="y',
    ],
)
def test_a_value_that_is_no_web_or_mail_address_never_becomes_a_link(target: str) -> None:
    with pytest.raises(RenderFailed, match=r"event\.url"):
        render(LINK, event={"url": target})


def test_a_mail_address_may_be_a_links_target() -> None:
    assert 'href="mailto:sato@hanabi.example"' in render("[返信](mailto:{{ csm.email }})").html


@pytest.mark.parametrize("target", ["java{{ event.url }}", "/path/{{ tier }}", "{% if arr %}https://x{% endif %}"])
def test_a_target_that_does_not_begin_as_an_address_is_refused(target: str) -> None:
    assert refusal(f"[x]({target})").rule == "template-link"


def test_single_line_breaks_are_kept() -> None:
    mail = render("一行目\n二行目\n\n別の段落")
    assert "<p>一行目<br>\n二行目</p>\n<p>別の段落</p>" in mail.html
    assert mail.text == "一行目\n二行目\n\n別の段落\n"


@pytest.mark.parametrize("underline", ["-----", "---", "=====", "="])
def test_an_underlined_line_is_no_heading(underline: str) -> None:
    mail = render(f"佐藤\n{underline}\nHanabi")
    assert "<h1" not in mail.html
    assert "<h2" not in mail.html
    assert "佐藤" in mail.text


@pytest.mark.parametrize(
    "written, expected",
    [
        ("**「重要」**です", "<strong>「重要」</strong>です"),
        ("これは**「重要」**です", "これは<strong>「重要」</strong>です"),
        ("**更新日（必須）**を確認", "<strong>更新日（必須）</strong>を確認"),
        ("**完了。**次へ", "<strong>完了。</strong>次へ"),
        ("これは*「注意」*です", "これは<em>「注意」</em>です"),
        ("金額は**100%**です", "金額は<strong>100%</strong>です"),
        ('これは**"A"**です', "これは<strong>&quot;A&quot;</strong>です"),
        ("**{{ customer.tier }}**様", "<strong>gold plan</strong>様"),
        ("**「{{ customer.tier }}」**です", "<strong>「gold plan」</strong>です"),
        ("a **bold** b", "a <strong>bold</strong> b"),
        ("2 * 3 * 4", "2 * 3 * 4"),
        ("snake_case_name", "snake_case_name"),
    ],
)
def test_emphasis_works_beside_japanese_punctuation(written: str, expected: str) -> None:
    assert body_html(written).replace('"A"', "&quot;A&quot;") == f"<p>{expected}</p>"


def test_raw_html_in_markdown_is_shown_and_not_obeyed() -> None:
    assert "&lt;script&gt;" in body_html("<script>alert(1)</script>")


def test_indentation_makes_no_code() -> None:
    assert "<pre" not in render("段落\n\n    字下げした行").html


@pytest.mark.parametrize(
    "literal", [r"\{\{ customer.name \}\}", "&#123;&#123; customer.name }}", '{{ "{{" }} customer.name }}']
)
def test_braces_that_markdown_or_a_string_produces_stay_text(literal: str) -> None:
    assert body_html(literal) == "<p>{{ customer.name }}</p>"


def test_a_paragraph_that_is_only_a_marked_link_becomes_a_button() -> None:
    mail = render("[開く](https://h.example/{{ customer.attributes.plan }}){button}")
    assert '<td class="button"><a href="https://h.example/pro" class="button">開く</a></td>' in mail.html or (
        '<td class="button"><a class="button" href="https://h.example/pro">開く</a></td>' in mail.html
    )
    assert "{button}" not in mail.html
    assert mail.text == "開く: https://h.example/pro\n"


def test_an_address_written_out_is_a_link_and_ends_before_japanese_punctuation() -> None:
    mail = render("手順は https://h.example/a?b=1 です。\nhttps://h.example/x。")
    assert '<a href="https://h.example/a?b=1">https://h.example/a?b=1</a> です' in mail.html
    assert '<a href="https://h.example/x">https://h.example/x</a>。' in mail.html
    assert mail.text == "手順は https://h.example/a?b=1 です。\nhttps://h.example/x。\n"


IF_PARAGRAPH = '前\n\n{% if stage == "adoption" %}\n中\n\n{% else %}\n別\n\n{% endif %}\n後'


def test_an_if_around_paragraphs_survives() -> None:
    assert body_html(IF_PARAGRAPH) == "<p>前</p><p>中</p><p>後</p>"
    assert body_html(IF_PARAGRAPH, customer={"stage": "x"}) == "<p>前</p><p>別</p><p>後</p>"
    assert render(IF_PARAGRAPH).text == "前\n\n中\n\n後\n"


IF_ITEM = '- 一\n{% if stage == "adoption" %}\n- 二\n{% endif %}\n- 三'


def test_an_if_around_a_list_item_keeps_one_list() -> None:
    assert body_html(IF_ITEM) == "<ul><li>一</li><li>二</li><li>三</li></ul>"
    assert body_html(IF_ITEM, customer={"stage": "x"}) == "<ul><li>一</li><li>三</li></ul>"
    assert render(IF_ITEM).text == "・一\n・二\n・三\n"


def test_an_if_around_a_whole_list_leaves_nothing_behind() -> None:
    text = "前\n\n{% if nps %}\n- 一\n- 二\n{% endif %}\n\n後"
    assert body_html(text) == "<p>前</p><p>後</p>"
    assert body_html(text, customer={"nps": 9}) == "<p>前</p><ul><li>一</li><li>二</li></ul><p>後</p>"


def test_an_if_around_items_and_a_paragraph_stays_well_formed() -> None:
    text = "- 一\n\n{% if nps %}\n段落\n\n- 二\n{% endif %}\n\n- 三"
    assert body_html(text) == "<ul><li>一</li></ul><ul><li>三</li></ul>"
    assert (
        body_html(text, customer={"nps": 9})
        == "<ul><li>一</li></ul><p>段落</p><ul><li>二</li></ul><ul><li>三</li></ul>"
    )


FOR_ITEMS = "{% for tag in customer.tags %}\n- {{ loop.index }} {{ tag }}\n{% endfor %}"


def test_a_for_around_an_item_makes_one_list() -> None:
    assert body_html(FOR_ITEMS) == "<ul><li>1 vip</li><li>2 x&lt;y</li></ul>"
    assert render(FOR_ITEMS).text == "・1 vip\n・2 x<y\n"


IF_LINE = "一行目\n{% if nps %}\n追加\n{% endif %}\n最後"


def test_an_if_around_a_line_of_a_paragraph_does_not_split_the_paragraph() -> None:
    assert body_html(IF_LINE, customer={"nps": 9}) == "<p>一行目<br>追加<br>最後</p>"
    assert body_html(IF_LINE) == "<p>一行目<br>最後</p>"
    assert render(IF_LINE, customer={"nps": 9}).text == "一行目\n追加\n最後\n"


def test_an_if_around_the_last_line_of_a_paragraph_leaves_no_break_behind() -> None:
    text = "一行目\n{% if nps %}\n追加\n{% endif %}"
    assert body_html(text) == "<p>一行目</p>"
    assert body_html(text, customer={"nps": 9}) == "<p>一行目<br>追加</p>"


def test_an_if_inside_a_sentence_and_a_heading_and_a_quote_survives() -> None:
    text = "## 見出し{% if nps %}A{% endif %}\n\n> 引用 {{ customer.tier }}\n\n**{% if arr %}太字{% endif %}**"
    assert (
        body_html(text) == "<h2>見出し</h2><blockquote><p>引用 gold plan</p></blockquote><p><strong>太字</strong></p>"
    )


def test_ordered_lists_tables_rules_and_quotes_have_a_text_form() -> None:
    text = "# 題\n\n1. 一\n2. 二\n   - 中\n\n| a | b |\n|---|---|\n| 1 | {{ tier }} |\n\n---\n\n> 引用\n> 続き"
    assert render(text).text == (
        "■ 題\n\n1. 一\n2. 二\n  ・中\n\na | b\n1 | gold plan\n\n------------------------\n\n> 引用\n> 続き\n"
    )


def test_english_lists_use_dashes() -> None:
    mail = template("- one\n- two", locale="en").render({"customer": {}})
    assert mail.text == "- one\n- two\n"


def test_comments_leave_no_trace() -> None:
    assert render("前\n{# a note {{ x }} #}\n後").text == "前\n後\n"


def test_blank_eating_marks_do_not_glue_blocks_together() -> None:
    assert render("前\n\n{%- if arr -%}\n中\n\n{%- endif -%}\n後").text == "前\n\n中\n\n後\n"


@given(st.text(alphabet="ab*_[](){}%#<>&-=\n |!`~「」。1.:/h", max_size=80))
@settings(max_examples=150, deadline=None)
def test_no_text_whatsoever_stops_the_compiler(text: str) -> None:
    templates, findings = compile_one(source(text))
    assert templates.names or findings


@given(
    st.lists(
        st.sampled_from(["{{ a }}", "{% if a %}", "{% endif %}", "{{ '}}' }}", "x", "\n", "{", "jbxe0z"]), max_size=12
    )
)
@settings(max_examples=80, deadline=None)
def test_masking_and_showing_gives_the_text_back(parts: list[str]) -> None:
    text = " ".join(parts)
    masks = Masks(text)
    assert masks.show(masks.hide(text)) == text
