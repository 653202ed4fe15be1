"""Reasons about consent and erasure, as sentences in English and Japanese; part of reason_sentences.py. Data only."""

from __future__ import annotations

from collections.abc import Mapping

CONSENT_SENTENCES: Mapping[str, tuple[str, str]] = {
    "erased": ("Was erased on request", "ご本人の求めにより、登録を削除しました"),
    "customer_erased": (
        "{by} erased this customer: nothing personal is left",
        "{by}さんがこのお客さまのデータを削除しました（個人情報は残っていません）",
    ),
    "contact_erased": (
        "{by} erased this contact: nothing personal is left",
        "{by}さんがこのご担当者のデータを削除しました（個人情報は残っていません）",
    ),
    "everybody_said_no": (
        "Not sent: everybody it could go to ({to}) declined mails of this kind ({category})",
        "送信対象の方（{to}）全員がこの種類のメール（{category}）の受信を望んでいないため、送信していません",
    ),
    "no_unsubscribe_link": (
        "Waits: without JOURNEYBOT_PUBLIC_URL (https) and JOURNEYBOT_SECRET_KEY its reader could not unsubscribe",
        "配信停止リンクを付けられないため待機しています（JOURNEYBOT_PUBLIC_URL（https）とJOURNEYBOT_SECRET_KEYが必要です）",
    ),
    "unsubscribed_lifecycle": (
        "The reader unsubscribed from mails about getting on with the product",
        "ご利用のご案内メールの配信停止を受け付けました",
    ),
    "unsubscribed_education": (
        "The reader unsubscribed from tips and training",
        "活用のヒント・勉強会メールの配信停止を受け付けました",
    ),
    "unsubscribed_newsletter": (
        "The reader unsubscribed from the newsletter",
        "ニュースレターの配信停止を受け付けました",
    ),
    "unsubscribed_survey": (
        "The reader unsubscribed from surveys",
        "アンケートのお願いメールの配信停止を受け付けました",
    ),
    "unsubscribed_transactional": (
        "The reader unsubscribed from mails that the contract asks for",
        "契約上必要なお知らせメールの配信停止を受け付けました",
    ),
    "unsubscribed_optional": (
        "The reader unsubscribed from everything but mails that the contract asks for",
        "契約上必要なお知らせを除く、すべてのメールの配信停止を受け付けました",
    ),
    "unsubscribed_everything": (
        "The reader unsubscribed from every mail",
        "すべてのメールの配信停止を受け付けました",
    ),
    "subscribed_lifecycle": (
        "The reader asked for mails about getting on with the product again",
        "ご利用のご案内メールの配信再開を受け付けました",
    ),
    "subscribed_education": (
        "The reader asked for tips and training again",
        "活用のヒント・勉強会メールの配信再開を受け付けました",
    ),
    "subscribed_newsletter": (
        "The reader asked for the newsletter again",
        "ニュースレターの配信再開を受け付けました",
    ),
    "subscribed_survey": (
        "The reader asked for surveys again",
        "アンケートのお願いメールの配信再開を受け付けました",
    ),
    "subscribed_transactional": (
        "The reader asked for mails that the contract asks for again",
        "契約上必要なお知らせメールの配信再開を受け付けました",
    ),
    "subscribed_optional": (
        "The reader took back the unsubscription from all mails",
        "全体の配信停止の取り消しを受け付けました",
    ),
    "subscribed_everything": (
        "The reader took back the unsubscription from every mail",
        "全体の配信停止の取り消しを受け付けました",
    ),
    "suppressed_by_hand": (
        "{by} said that this address must not be mailed ({category})",
        "{by}さんがこのアドレスへの送信を止めました（{category}）",
    ),
    "allowed_by_hand": (
        "{by} allowed mails to this address again ({category})",
        "{by}さんがこのアドレスへの送信を再び認めました（{category}）",
    ),
}
