"""Draws the page on which a reader answers a survey, in English or Japanese: plain HTML that works without scripts, on a phone
first. It shows what it is given and decides nothing. Before it: surveys.py (the routes)."""

from __future__ import annotations

from collections.abc import Mapping

from bot.console.preference_page import draw_template
from bot.rules.field_types import say
from bot.rules.surveys import Survey

WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "send": "Send my answer",
        "comment": "Would you like to tell us more?",
        "optional": "optional",
        "stands": "You have answered already. You may change it here for 24 hours.",
        "thanks": "Thank you. Your answer has arrived.",
        "changed": "Thank you. Your answer was changed.",
        "too_late": "Thank you. Your first answer stands: it can be changed for 24 hours only.",
        "closed_title": "This survey is closed",
        "closed": "The question is not asked any more, so there is nothing to answer. Thank you all the same.",
        "gone_title": "There is nothing left to answer",
        "gone": "We no longer keep this address, so no answer is kept either.",
        "trial": "This link belongs to a test mail. Whatever you answer here is not kept.",
        "choose": "Please choose a score.",
    },
    "ja": {
        "send": "この内容で回答する",
        "comment": "よろしければ、理由をお聞かせください。",
        "optional": "任意",
        "stands": "すでにご回答いただいています。24時間以内であれば、こちらで変更できます。",
        "thanks": "ご回答ありがとうございました。",
        "changed": "ご回答を変更しました。ありがとうございました。",
        "too_late": "ご協力ありがとうございます。変更できるのは回答から24時間以内のため、最初のご回答のまま承りました。",
        "closed_title": "このアンケートは終了しました",
        "closed": "現在はご回答を受け付けておりません。ご協力いただき、ありがとうございました。",
        "gone_title": "回答できるアンケートはありません",
        "gone": "このアドレスの登録はすでに削除されているため、ご回答もお預かりできません。",
        "trial": "これはテストメールのリンクです。ご回答は保存されません。",
        "choose": "点数をお選びください。",
    },
}


def draw_question(
    language: str, company: str, survey: Survey, *, chosen: int | None, comment: str, notice: str = ""
) -> str:
    """The form. `chosen`: the score that the link named, or that stands; it is not an answer before it is sent."""
    words = WORDS[language]
    scores = list(survey.scores)
    return draw_template(
        "survey.html",
        language,
        company,
        title=say(survey.question, language),
        words=words,
        notice=notice,
        scores=scores,
        chosen=chosen,
        comment=comment,
        lowest=say(survey.lowest, language) if survey.lowest else "",
        highest=say(survey.highest, language) if survey.highest else "",
        follow_up=say(survey.follow_up, language) if survey.follow_up else words["comment"],
    )


def draw_word(language: str, company: str, name: str, more: str = "", *, title: str = "") -> str:
    """A page that says one thing by its name in WORDS."""
    words = WORDS[language]
    paragraphs = [words[name]] if title else []
    return draw_template(
        "page.html",
        language,
        company,
        title=title or words.get(f"{name}_title", words[name]),
        paragraphs=[
            *paragraphs,
            *([words[name]] if not title and f"{name}_title" in words else []),
            *([more] if more else []),
        ],
    )
