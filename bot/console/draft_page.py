"""Draws the page on which a hand-off's mail is edited and sent, in English or Japanese: a form that works without scripts, the
mail as its reader would get it beside it. It shows what it is given and decides nothing. Before it: drafts.py (the routes)."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

from bot.authoring.templates import RenderedMail
from bot.console.preference_page import HEADERS, JINJA, LANGUAGES, PAGES, STYLE, draw_page
from bot.pipeline.mail_outlook import Outlook
from bot.pipeline.prepared_mails import PreparedMail, WrittenMail

#: The mail in the frame brings its own styles; still nothing runs, loads, or is framed.
DRAFT_HEADERS: Mapping[str, str] = {
    **HEADERS,
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src https: data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
}
_STYLE = STYLE + Markup((PAGES / "draft.css").read_text(encoding="utf-8"))

DRAFT_WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "title": "Edit & send",
        "to": "To",
        "from": "From:",
        "not_allowed": "must not be mailed",
        "template": "Template",
        "switch": "Use it",
        "subject": "Subject",
        "body": "Text",
        "hint": "Markdown: **bold**, [words](https://…), a paragraph of only [words](https://…){button} is a button. "
        "[[…]] has to be filled before it can be sent.",
        "send": "Send",
        "preview": "Preview",
        "wrote": "I wrote it myself",
        "wrote_hint": "“I wrote it myself” sends nothing; the journey goes on as if this mail had been sent.",
        "kept": "You changed the text, so it was kept as it is.",
        "replace": "Replace my text",
        "cannot": "It cannot be sent:",
        "no_preview": "Write subject and text to see the mail.",
        "sent_title": "It is on its way",
        "sent": "The mail is in the outbox and leaves within moments. The hand-off stays yours until you close it as done.",
        "wrote_title": "Noted",
        "wrote_done": "You wrote this mail yourself. Nothing was sent, and the journey goes on.",
        "gone_title": "This link does not work any more",
        "gone": "Links to drafts end after a day. Open the mail once more from the hand-off’s card in Slack.",
        "problem_title": "That did not work",
        "bad": "We could not read the form, and nothing was changed. Please open the link once more.",
    },
    "ja": {
        "title": "メールを編集・送信",
        "to": "宛先",
        "from": "差出人：",
        "not_allowed": "送信不可",
        "template": "テンプレート",
        "switch": "使う",
        "subject": "件名",
        "body": "本文",
        "hint": "Markdown形式：**太字**、[文字](https://…)。1段落が [文字](https://…){button} だけの場合はボタンになります。"
        "[[…]] は送信前に必ず書き換えてください。",
        "send": "送信する",
        "preview": "プレビュー",
        "wrote": "自分で送りました",
        "wrote_hint": "「自分で送りました」を押すと、メールは送信されず、送信済みとしてジャーニーが先に進みます。",
        "kept": "本文が編集されているため、そのまま残しました。",
        "replace": "本文を置き換える",
        "cannot": "送信できません：",
        "no_preview": "件名と本文を入力すると、ここに表示されます。",
        "sent_title": "送信しました",
        "sent": "メールはまもなく送信されます。対応が済みましたら、Slackのカードで「完了」を押してください。",
        "wrote_title": "記録しました",
        "wrote_done": "ご自身での送信を記録しました。メールは送信されず、ジャーニーは先に進みます。",
        "gone_title": "このリンクは使用できません",
        "gone": "下書きのリンクは1日で無効になります。Slackのカードからもう一度お開きください。",
        "problem_title": "処理できませんでした",
        "bad": "送信内容を読み取れなかったため、何も変更していません。リンクをもう一度お開きください。",
    },
}


def draw_draft(
    language: str,
    zone: str,
    mail: PreparedMail,
    written: WrittenMail,
    outlook: Outlook,
    preview: RenderedMail | None,
    *,
    kept: bool = False,
) -> str:
    """`kept`: another template was chosen while the person's own text stands."""
    other = next(code for code in LANGUAGES if code != language)
    title = mail.handoff.title
    return JINJA.get_template("draft.html").render(
        lang=language,
        words=DRAFT_WORDS[language],
        company=mail.published.settings.company,
        style=_STYLE,
        other_lang=other,
        other_language=LANGUAGES[other],
        mail={
            "customer": mail.handoff.customer_name,
            "title": title.get(language) or next(iter(title.values()), mail.handoff.step),
            "sender": mail.from_line,
            "subject": written.subject,
            "body": written.body,
            "digest": written.drafted,
            "template": mail.template.name,
            "kept": kept,
        },
        readers=[
            {
                "key": reader.key,
                "label": reader.label,
                "is_allowed": reader.is_allowed,
                "is_chosen": mail.reader is not None and reader.key == mail.reader.key,
            }
            for reader in mail.readers
        ],
        offered=[
            {
                "name": offer.name,
                "label": offer.label(language),
                "is_chosen": offer.name == (written.wanted or mail.template.name),
            }
            for offer in mail.offered
        ],
        refusals=[notice.sentence(language, zone) for notice in outlook.refusals],
        warnings=[notice.sentence(language, zone) for notice in outlook.warnings],
        preview=preview,
    )


def draw_told(language: str, company: str, title: str, *texts: str) -> str:
    """A page of a title (by its name in DRAFT_WORDS) and sentences."""
    return draw_page(language, company, DRAFT_WORDS[language][title], texts)
