"""Draws the pages behind a mail's unsubscribe link, in English or Japanese: plain HTML that works without scripts and loads
nothing. It shows what it is given and decides nothing. Before it: unsubscribe.py (the routes)."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from bot.rules.field_types import say
from bot.rules.mail_categories import MAIL_CATEGORIES
from bot.webhooks.preferences import Choice

PAGES = Path(__file__).with_name("pages")
LANGUAGES = {"en": "English", "ja": "日本語"}
STYLE = Markup((PAGES / "page.css").read_text(encoding="utf-8"))
_STYLE_HASH = base64.b64encode(hashlib.sha256(str(STYLE).encode()).digest()).decode()

#: The page may show our one style and post to itself. It must not run, load, be framed, or be kept anywhere.
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
}

WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "title": "Which mails would you like?",
        "to": "Mails to",
        "which": "Tick what you would like to get.",
        "always": "We still write to you where your contract asks for it, about an order or a security matter, say.",
        "save": "Save my choice",
        "none": "Unsubscribe from all",
        "saved": "Saved. It holds from now on.",
        "saved_none": "You are unsubscribed from all of these mails. It holds from now on.",
        "locked": "We have stopped mails to this address ourselves, because they came back or somebody asked us to. "
        "To get them again, please write to us.",
        "trial": "This link belongs to a test mail. Whatever you choose here changes nothing.",
        "done_title": "You are unsubscribed",
        "done": "You will get no more mails of this kind.",
        "gone_title": "There is nothing left to change",
        "gone": "We no longer keep this address, so no more mails will come to it.",
        "unknown_title": "This link does not work",
        "unknown": "It may have been cut off on the way. Please open it once more from the mail itself.",
        "unknown_more": "If that does not help, reply to the mail: we will stop the mails for you.",
        "bad_title": "That did not work",
        "bad": "We could not read the answer, and nothing was changed. Please open the link from the mail once more.",
    },
    "ja": {
        "title": "受け取るメールの設定",
        "to": "送信先：",
        "which": "受け取りたいメールにチェックを入れてください。",
        "always": "ご契約やお手続きに関する重要なお知らせは、配信を停止された場合もお送りすることがあります。",
        "save": "この内容で保存する",
        "none": "すべて配信停止する",
        "saved": "設定を保存しました。すぐに反映されます。",
        "saved_none": "すべてのメールの配信を停止しました。すぐに反映されます。",
        "locked": "このアドレスへのメールは、不達またはお申し出により弊社で停止しています。"
        "再開をご希望の場合は、お手数ですが弊社までご連絡ください。",
        "trial": "これはテストメールのリンクです。ここで変更しても、設定には反映されません。",
        "done_title": "配信を停止しました",
        "done": "今後、この種類のメールはお送りしません。",
        "gone_title": "変更できる設定はありません",
        "gone": "このアドレスの登録はすでに削除されています。今後メールが届くことはありません。",
        "unknown_title": "このリンクは使用できません",
        "unknown": "リンクが途中で切れている可能性があります。お手数ですが、メール内のリンクからもう一度お開きください。",
        "unknown_more": "それでも開けない場合は、届いたメールにそのままご返信ください。弊社で配信を停止いたします。",
        "bad_title": "処理できませんでした",
        "bad": "お送りいただいた内容を読み取れなかったため、設定は変更していません。メール内のリンクからもう一度お開きください。",
    },
}

JINJA = Environment(
    loader=FileSystemLoader(PAGES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)


def language_of(*wanted: str | None) -> str:
    """The first of the wanted locales that we speak; English else."""
    spoken = ((locale or "").replace("_", "-").lower().split("-")[0] for locale in wanted)
    return next((language for language in spoken if language in LANGUAGES), "en")


def masked(address: str) -> str:
    """`t…a@example.com`: enough for its owner, nothing for somebody who found the mail."""
    local, _, domain = address.partition("@")
    shown = f"{local[0]}…{local[-1]}" if len(local) > 2 else f"{local[:1]}…"
    return f"{shown}@{domain}"


def draw_choices(
    language: str,
    company: str,
    address: str,
    choices: Sequence[Choice],
    *,
    saved: bool = False,
    is_trial: bool = False,
) -> str:
    """The form with what stands; `saved`: it was just stored."""
    words = WORDS[language]
    is_any_on = any(choice.is_on for choice in choices)
    notice = words["trial"] if is_trial else words["locked"] if any(choice.is_locked for choice in choices) else ""
    return draw_template(
        "preferences.html",
        language,
        company,
        title=words["title"],
        words=words,
        saved=(words["saved"] if is_any_on else words["saved_none"]) if saved else "",
        notice=notice,
        address=masked(address),
        choices=[_shown(choice, language) for choice in choices],
        nothing_to_choose=all(choice.is_locked for choice in choices),
    )


def draw_message(language: str, company: str, *names: str, has_languages: bool = True) -> str:
    """A page of a title and paragraphs, by their names in WORDS."""
    title, *paragraphs = (WORDS[language][name] for name in names)
    return draw_page(language, company, title, paragraphs, has_languages=has_languages)


def draw_page(language: str, company: str, title: str, paragraphs: Sequence[str], *, has_languages: bool = True) -> str:
    """A page of a title and paragraphs."""
    return draw_template(
        "page.html", language, company, title=title, paragraphs=paragraphs, has_languages=has_languages
    )


def draw_template(name: str, language: str, company: str, *, has_languages: bool = True, **values: Any) -> str:
    """A page of ours from its file in pages/."""
    other = next(code for code in LANGUAGES if code != language) if has_languages else ""
    return JINJA.get_template(name).render(
        lang=language,
        company=company,
        style=STYLE,
        other_lang=other,
        other_language=LANGUAGES.get(other, ""),
        **values,
    )


def _shown(choice: Choice, language: str) -> dict[str, Any]:
    names = MAIL_CATEGORIES[choice.category]
    return {
        "category": choice.category,
        "name": say(names.name, language),
        "example": say(names.example, language),
        "is_on": choice.is_on,
        "is_locked": choice.is_locked,
    }
