"""Puts a masked body into the layout, inlines the CSS once, and refuses HTML that has no place in a mail. Never loads
anything from the network. Before: template_markdown; after: templates.py compiles the result."""

from __future__ import annotations

import html as html_text
import re
from html.parser import HTMLParser

import css_inline

from bot.authoring.template_masks import Masks
from bot.errors import TemplateRefused

PLAIN_LAYOUT = (
    '<!DOCTYPE html>\n<html lang="{{ lang }}"><head><meta charset="utf-8"><title>{{ subject }}</title></head>'
    "<body>{{ content }}</body></html>\n"
)
PLAIN_TEXT_LAYOUT = "{{ content }}\n"
PARTS = frozenset({"content", "preheader", "subject"})
"""What the layout's `{{ … }}` takes from the mail, put in when compiling."""

_FORBIDDEN = frozenset(
    [
        "script",
        "iframe",
        "object",
        "embed",
        "form",
        "input",
        "button",
        "textarea",
        "select",
        "link",
        "base",
        "applet",
        "frame",
        "frameset",
        "svg",
        "math",
        "video",
        "audio",
        "noscript",
        "template",
    ]
)
_URL_ATTRIBUTES = re.compile(r'(\s(?:href|src|background)=")([^"]*)(")')
_SAFE_URL = re.compile(r"(?:https?://|mailto:|tel:|cid:|#)", re.IGNORECASE)
_INLINER = css_inline.CSSInliner(load_remote_stylesheets=False, keep_style_tags=True, keep_at_rules=True)


class _Inspector(HTMLParser):
    """Raises TemplateRefused at the first thing that a mail must not hold."""

    def __init__(self, masks: Masks, first_line: int) -> None:
        super().__init__(convert_charrefs=True)
        self.masks, self.first_line, self.in_style = masks, first_line, False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.in_style = tag == "style"
        if tag in _FORBIDDEN:
            self._refuse(f"A mail cannot hold `<{tag}>`", "mail programs remove it; use text, tables and links")
        if self.masks.prefix in tag or any(self.masks.prefix in name for name, _ in attrs):
            self._refuse(
                "A tag `{{ }}` stands where HTML wants a name", "put it into text or into an attribute's value"
            )
        for name, value in attrs:
            self._inspect_attribute(tag, name, value or "")

    handle_startendtag = handle_starttag

    def _inspect_attribute(self, tag: str, name: str, value: str) -> None:
        masked = self.masks.any_mask.search(value) is not None
        if name.startswith("on") or (tag == "meta" and name == "http-equiv" and value.lower() == "refresh"):
            self._refuse(f"A mail cannot hold `{name}`", "mails cannot run anything")
        if self.masks.statement.search(value):
            self._refuse(f"The attribute `{name}` holds a statement `{{% %}}`", "put the `if` around the whole tag")
        if masked and name in ("style", "srcset", "action"):
            self._refuse(f"The attribute `{name}` cannot hold `{{{{ }}}}`", "use a class")
        is_address = name in ("href", "src", "background", "action", "srcset") and not masked and value.strip()
        if is_address and not _SAFE_URL.match(value.strip()):
            self._refuse(f"`{value.strip()[:40]}` is not an address for a mail", "begin it with https:// or mailto:")

    def handle_endtag(self, tag: str) -> None:
        self.in_style = False

    def handle_data(self, data: str) -> None:
        if self.in_style and self.masks.any_mask.search(data):
            self._refuse("A style sheet cannot hold `{{ }}`", "use a class")

    def handle_comment(self, data: str) -> None:
        if self.masks.any_mask.search(data) and not self.masks.statement.fullmatch(data):
            self._refuse("An HTML comment cannot hold `{{ }}`", "write {# … #} for notes")

    def _refuse(self, sentence: str, hint: str) -> None:
        line = self.first_line + self.getpos()[0] - 1
        raise TemplateRefused(sentence, line=line, rule="html", hint=hint)


def inspect_html(masked: str, masks: Masks, *, first_line: int = 1) -> None:
    """Raises: TemplateRefused for scripts, forms, handlers, unsafe addresses and Jinja where it could break out."""
    inspector = _Inspector(masks, first_line)
    inspector.feed(masked)
    inspector.close()


def is_whole_document(masked: str) -> bool:
    return re.search(r"<html[\s>]", masked, re.IGNORECASE) is not None


def fill_layout(layout: str, masks: Masks, parts: dict[str, str], *, text: bool = False) -> str:
    """The masked layout around the masked parts (`content` as it is, the others as text)."""
    masked = masks.hide(layout, as_comments=not text, keep_control=text)

    def part(mask: re.Match[str]) -> str:
        tag = masks.tags[int(mask[2])]
        name = tag[2:-2].strip("-+ ") if mask[1] == "e" else ""
        if name not in PARTS:
            return mask[0]
        return parts[name] if text or name == "content" else html_text.escape(parts[name])

    return masks.any_mask.sub(part, masked)


def inline_styles(document: str, masks: Masks) -> str:
    """The masked document with its CSS inlined and its links' masks marked. Raises: TemplateRefused."""
    inspect_html(document, masks)
    try:
        inlined = _INLINER.inline(document)
    except css_inline.InlineError as error:
        raise TemplateRefused("The styles cannot be inlined", rule="css", hint=str(error)) from error
    return _URL_ATTRIBUTES.sub(lambda found: found[1] + masks.in_url(found[2]) + found[3], inlined)
