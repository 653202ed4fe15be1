"""What the mail categories are called where readers choose among them, in English and Japanese. Data only; the categories
themselves are those of a template's front matter. Read by the preference page and the docs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryNames:
    """Texts by locale. `example`: what such mails are about, in a few words."""

    name: Mapping[str, str]
    example: Mapping[str, str]


MAIL_CATEGORIES: Mapping[str, CategoryNames] = {
    "lifecycle": CategoryNames(
        name={"en": "About your use and your contract", "ja": "ご利用・ご契約についてのご案内"},
        example={
            "en": "First steps, renewals, messages from your contact person",
            "ja": "初期設定のご案内、ご契約更新、担当者からのご連絡",
        },
    ),
    "education": CategoryNames(
        name={"en": "Tips and training", "ja": "活用のヒント・勉強会"},
        example={"en": "How-to videos, webinars, good practice", "ja": "使い方の動画、セミナー、活用のコツ"},
    ),
    "newsletter": CategoryNames(
        name={"en": "Newsletter", "ja": "ニュースレター"},
        example={"en": "News, customer stories, dates", "ja": "新機能、活用事例、イベントのお知らせ"},
    ),
    "survey": CategoryNames(
        name={"en": "Surveys", "ja": "アンケート"},
        example={"en": "Short questions on how it is going", "ja": "ご利用状況やご満足度についての短いアンケート"},
    ),
    "transactional": CategoryNames(
        name={"en": "Necessary messages", "ja": "お手続き上必要なお知らせ"},
        example={
            "en": "What the contract asks us to tell you",
            "ja": "ご契約やお手続きに関して、お送りする必要があるもの",
        },
    ),
}
