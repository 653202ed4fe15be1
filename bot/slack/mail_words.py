"""What the modal of a hand-off's mail says, in English and Japanese. Data, and the choice between the two."""

from __future__ import annotations

from bot.slack.wording import is_japanese

#: Titles and buttons of a modal have at most 24 characters.
MAIL_WORDS: dict[str, tuple[str, str]] = {
    "title": ("Edit & send", "メールを編集・送信"),
    "loading": ("One moment…", "読み込んでいます…"),
    "sending": ("Sending…", "送信しています…"),
    "about": ("For *{customer}*: {title}", "*{customer}* 様：{title}"),
    "from": ("From: {sender}", "差出人：{sender}"),
    "to": ("To", "宛先"),
    "not_allowed": ("must not be mailed", "送信不可"),
    "template": ("Template", "テンプレート"),
    "subject": ("Subject", "件名"),
    "body": ("Text", "本文"),
    "body_hint": (
        "Markdown: **bold**, [words](https://…). [[…]] has to be filled before it can be sent.",
        "Markdown形式（**太字**、[文字](https://…)）。[[…]]は送信前に必ず書き換えてください。",
    ),
    "preview": ("Preview", "プレビュー"),
    "send": ("Send", "送信する"),
    "cancel": ("Cancel", "キャンセル"),
    "back": ("Back", "戻る"),
    "close": ("Close", "閉じる"),
    "wrote_myself": ("I wrote it myself", "自分で送りました"),
    "wrote_title": ("Nothing will be sent", "メールは送信されません"),
    "wrote_text": (
        "The journey hears that this mail is done, and goes on.",
        "このメールは送信済みとして扱われ、ジャーニーが先に進みます。",
    ),
    "wrote_yes": ("I wrote it", "送信済みにする"),
    "wrote_no": ("Not yet", "戻る"),
    "kept": (
        "You changed the text, so it was kept as it is. To write it anew for this choice:",
        "本文が編集されているため、そのまま残しました。選択に合わせて書き直す場合：",
    ),
    "replace": ("Replace my text", "本文を置き換える"),
    "gaps": ("Still to fill: {gaps}", "未入力の箇所があります：{gaps}"),
    "cannot": ("*It cannot be sent:* {why}", "*送信できません：* {why}"),
    "note": ("Please note: {what}", "ご確認ください：{what}"),
    "sent": (
        "It is on its way to {to}. The hand-off is yours until you close it as done.",
        "{to}様宛てに送信しました。対応が済みましたら、カードの「完了」を押してください。",
    ),
    "wrote": (
        "Noted: you wrote it yourself. The journey goes on.",
        "ご自身での送信を記録しました。ジャーニーは先に進みます。",
    ),
    "too_long": (
        "This text has {length} characters, and Slack takes {most}. Please edit it in the console.",
        "この本文は{length}文字あり、Slackの上限（{most}文字）を超えています。コンソールで編集してください。",
    ),
    "open_console": ("Open it in the console", "コンソールで開く"),
    "no_console": (
        "No console is set up (JOURNEYBOT_PUBLIC_URL, JOURNEYBOT_SECRET_KEY). From the command line: `{command}`",
        "コンソールが設定されていません（JOURNEYBOT_PUBLIC_URL、JOURNEYBOT_SECRET_KEY）。コマンドラインからは `{command}`",
    ),
    "not_yours": (
        "This hand-off is {owner}'s: the owner, their manager and whoever covers for them may send its mail.",
        "この対応依頼の担当は{owner}さんです。メールを送信できるのは、担当者、その上長、代理の方です。",
    ),
}


def mail_word(word: str, locale: str, **parts: str) -> str:
    english, japanese = MAIL_WORDS[word]
    return (japanese if is_japanese(locale) else english).format(**parts)
