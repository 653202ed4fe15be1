"""Markdown to HTML and to plain text, from one token stream, with Jinja masked. Line breaks stay, underlines make no
headings, emphasis works beside Japanese punctuation, raw HTML stays text. Never sees a value of a customer.
Before: template_masks; after: template_html wraps and inlines."""

from __future__ import annotations

import re
from collections.abc import Sequence

from markdown_it import MarkdownIt
from markdown_it.parser_inline import ParserInline
from markdown_it.renderer import RendererHTML
from markdown_it.ruler import RuleOptionsType
from markdown_it.rules_block import StateBlock
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.rules_inline.state_inline import Scanned
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

from bot.authoring.template_blocks import arrange_statements, merge_lists
from bot.authoring.template_masks import Masks

BUTTON_MARK = "{button}"
"""A paragraph that is only `[Label](target){button}` becomes a button."""

_JAPANESE = re.compile("[ᄀ-ᇿ⺀-鿿ꥠ-꥿가-퟿豈-﫿︰-﹏＀-￯\U00020000-\U0003fffd]")
_PUNCTUATION = re.compile(r"[^\w\s]|_")
_BARE_URL = re.compile(
    r"https?://[^\s<>\"'「」『』（）()、。，．！？【】]+[^\s<>\"'「」『』（）()、。，．！？【】.,;:!?]"
)
_TARGET = re.compile(r"(\]\()([^)\s]+)")


class JapaneseInline(StateInline):
    """CommonMark decides by neighbours whether `**` may open or close; its rule takes 」 for the end of an English
    sentence, so `**「重要」**です` stays literal. Here Japanese characters do not block either side
    (the amendment known as CJK-friendly emphasis)."""

    def scanDelims(self, start: int, canSplitWord: bool) -> Scanned:  # noqa: N802, N803  (the library's names)
        end = start
        while end < self.posMax and self.src[end] == self.src[start]:
            end += 1
        before = self.src[start - 1] if start else " "
        after = self.src[end] if end < self.posMax else " "
        free_before, free_after = _is_free(before), _is_free(after)
        opens = not after.isspace() and (not _is_western_mark(after) or free_before or _is_western_mark(before))
        closes = not before.isspace() and (not _is_western_mark(before) or free_after or _is_western_mark(after))
        can_open = opens and (canSplitWord or not closes or _is_western_mark(before))
        can_close = closes and (canSplitWord or not opens or _is_western_mark(after))
        return Scanned(can_open, can_close, end - start)


def _is_western_mark(character: str) -> bool:
    return _PUNCTUATION.match(character) is not None and _JAPANESE.match(character) is None


def _is_free(character: str) -> bool:
    return character.isspace() or _JAPANESE.match(character) is not None


class _Inline(ParserInline):
    def parse(self, src: str, md: MarkdownIt, env: EnvType, tokens: list[Token]) -> list[Token]:
        state = JapaneseInline(src, md, env, tokens)
        self.tokenize(state)
        for rule in self.ruler2.getRules(""):
            rule(state)
        return state.tokens


def _statement_line(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Block rule: a line of nothing but `{% %}` stands between blocks instead of inside a paragraph."""
    masks: Masks = state.env["masks"]
    line = state.getLines(start, start + 1, 0, False)
    if not masks.only_statements.fullmatch(line):
        return False
    if not silent:
        state.line = start + 1
        for mask in masks.statement.finditer(line):
            token = state.push("jinja", "", 0)
            token.content, token.info = mask[0], masks.keyword(int(mask[1]))
            token.map = [start, start + 1]
    return True


def _mark_buttons(state: StateCore) -> None:
    """Core rule: turns the paragraphs that are a button into button tokens."""
    for before, inline, after in zip(state.tokens, state.tokens[1:], state.tokens[2:], strict=False):
        children = inline.children or []
        if before.type != "paragraph_open" or len(children) < 3 or children[0].type != "link_open":
            continue
        if children[-1].content.strip() != BUTTON_MARK or children[-2].type != "link_close":
            continue
        if sum(child.type == "link_open" for child in children) == 1:
            before.type, after.type = "button_open", "button_close"
            before.hidden = after.hidden = False
            children.pop()
            children[0].attrSet("class", "button")


def _mark_tables(state: StateCore) -> None:
    """Core rule: the layout styles an author's tables, not those that buttons are made of. A head without words goes."""
    head: list[Token] = []
    kept: list[Token] = []
    for token in state.tokens:
        if token.type == "table_open":
            token.attrSet("class", "data")
        if head or token.type == "thead_open":
            head.append(token)
        else:
            kept.append(token)
        if token.type == "thead_close":
            kept += head if any(cell.content for cell in head) else []
            head = []
    state.tokens = kept


def _link_bare_urls(state: StateCore) -> None:
    """Core rule: an address written out is a link too."""
    for block in state.tokens:
        if block.type != "inline" or not block.children:
            continue
        linked: list[Token] = []
        inside = 0
        for child in block.children:
            inside += {"link_open": 1, "link_close": -1}.get(child.type, 0)
            linked += [child] if inside or child.type != "text" else _with_links(child)
        block.children = linked


def _with_links(text: Token) -> list[Token]:
    parts: list[Token] = []
    at = 0
    for url in _BARE_URL.finditer(text.content):
        opening = Token("link_open", "a", 1, attrs={"href": url[0]}, markup="autolink")
        parts += [_text(text.content[at : url.start()]), opening, _text(url[0]), Token("link_close", "a", -1)]
        at = url.end()
    return [*parts, _text(text.content[at:])] if parts else [text]


def _text(content: str) -> Token:
    return Token("text", "", 0, content=content)


def _build_parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "breaks": True, "maxNesting": 20}).enable(["table"])
    parser.disable(["lheading", "code"])
    parser.inline = _Inline()
    parser.inline.ruler.disable(["html_inline", "linkify", "strikethrough"])
    parser.inline.ruler2.disable(["strikethrough"])
    terminates: RuleOptionsType = {"alt": ["paragraph", "reference", "blockquote", "list", "table"]}
    parser.block.ruler.before("table", "jinja", _statement_line, terminates)
    parser.core.ruler.push("bare_urls", _link_bare_urls)
    parser.core.ruler.push("buttons", _mark_buttons)
    parser.core.ruler.push("tables", _mark_tables)
    parser.add_render_rule("jinja", _render_statement)
    parser.add_render_rule("button_open", _render_button_open)
    parser.add_render_rule("button_close", _render_button_close)
    return parser


def _render_statement(
    renderer: RendererHTML, tokens: Sequence[Token], at: int, options: OptionsDict, env: EnvType
) -> str:
    return tokens[at].content + "\n"


def _render_button_open(
    renderer: RendererHTML, tokens: Sequence[Token], at: int, options: OptionsDict, env: EnvType
) -> str:
    return (
        '<table role="presentation" class="button" cellspacing="0" cellpadding="0" border="0"><tr><td class="button">'
    )


def _render_button_close(
    renderer: RendererHTML, tokens: Sequence[Token], at: int, options: OptionsDict, env: EnvType
) -> str:
    return "</td></tr></table>\n"


_PARSER = _build_parser()


def parse_markdown(masked: str, masks: Masks) -> list[Token]:
    """Block tokens of a masked body; statement lines are tokens of type `jinja` (keyword in `info`)."""
    return merge_lists(_PARSER.parse(arrange_statements(masked, masks), {"masks": masks}))


def html_of(tokens: Sequence[Token], masks: Masks) -> str:
    """HTML with masks; statements as comments, which no HTML parser moves."""
    html = _PARSER.renderer.render(tokens, _PARSER.options, {"masks": masks})
    pieces = re.split(r"(<[^>]*>)", html)
    return "".join(piece if at % 2 else masks.statement.sub(r"<!--\g<0>-->", piece) for at, piece in enumerate(pieces))


def draft_of(masked: str, masks: Masks) -> str:
    """The Markdown itself, for a person to edit: statement lines leave no empty lines, link targets stay checked."""
    lines = [line if masks.only_statements.fullmatch(line) else line + "\n" for line in masked.split("\n")]
    return _TARGET.sub(lambda found: found[1] + masks.in_url(found[2]), "".join(lines))
