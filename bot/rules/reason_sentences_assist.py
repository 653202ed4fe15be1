"""What the sender of a hand-off's mail is told before and after (e-mail assist), as sentences in English and Japanese. Data
only; reason_sentences.py joins it with the others."""

from __future__ import annotations

from collections.abc import Mapping

#: reason → English, Japanese.
ASSIST_SENTENCES: Mapping[str, tuple[str, str]] = {
    "handoff_mailed": (
        "{by} sent the mail of hand-off {handoff} to {to}",
        "{by}さんが対応依頼{handoff}のメールを{to}宛てに送信しました",
    ),
    "handoff_wrote_myself": (
        "{by} wrote the mail of hand-off {handoff} elsewhere",
        "{by}さんが対応依頼{handoff}のメールを別の手段で送りました",
    ),
    "handoff_unsent": (
        "The mail of hand-off {handoff} to {to} did not go ({why}): it may be written once more",
        "対応依頼{handoff}の{to}宛てのメールは送信されませんでした（{why}）。もう一度作成できます",
    ),
    "mail_by_hand": (
        "{by} wrote it and sent it from hand-off {handoff}",
        "{by}さんが対応依頼{handoff}から書いて送信しました",
    ),
    "mail_sent_already": ("{by} sent it already: {at}", "すでに{by}さんが送信済みです（{at}）"),
    "mail_written_elsewhere": (
        "{by} wrote it elsewhere already: {at}",
        "すでに{by}さんが別の手段で送っています（{at}）",
    ),
    "handoff_is_over": ("This hand-off is over ({by})", "この対応依頼は終了しています（{by}）"),
    "assist_nobody": (
        "Nobody at {customer} may get this mail: no address, no consent, or suppressed",
        "{customer}様には、このメールを送れる方がいません（アドレスなし、同意なし、または配信停止）",
    ),
    "assist_unsubscribed": (
        "{name} unsubscribed from mails of this kind ({category})",
        "{name}様は、この種類のメール（{category}）の配信を停止されています",
    ),
    "assist_bounce": ("Mails to {name} come back", "{name}様宛てのメールは届きません（不達）"),
    "assist_complaint": ("{name} reported our mails as spam", "{name}様から迷惑メールの報告を受けています"),
    "assist_no_consent": (
        "{name} has not agreed to mails of this kind ({category})",
        "{name}様から、この種類のメール（{category}）への同意をいただいていません",
    ),
    "assist_not_allowed": ("{name} must not be mailed", "{name}様にはメールをお送りできません"),
    "assist_empty": ("Subject and text must not be empty", "件名と本文を入力してください"),
    "assist_gaps": ("Still to fill: {gaps}", "未入力の箇所があります：{gaps}"),
    "assist_no_sender": (
        "Nobody signs it: the customer has no CSM with an address, and workspace.yml no sender",
        "差出人がいません（担当CSMのアドレスも、workspace.ymlの送信者も設定されていません）",
    ),
    "assist_paused": (
        "The customer, the contact or the playbook stands still: it goes when that is resumed",
        "お客様、ご担当者、またはプレイブックが一時停止中です。再開後に送信されます",
    ),
    "assist_frozen": ("No mail goes on this day: it leaves {until}", "配信停止日のため、{until}に送信されます"),
    "assist_odd_hour": (
        "It is {time} where the reader is, outside the usual hours; it goes at once all the same",
        "先方の現在時刻は{time}で、通常の送信時間外です。そのまま、すぐに送信されます",
    ),
    "assist_cap": (
        "Over the cap ({cap}, the last one {winner}); it goes all the same, and counts",
        "上限（{cap}、直近：{winner}）を超えますが、そのまま送信され、件数に数えられます",
    ),
    "assist_no_link": (
        "It waits until a link to unsubscribe is set up (JOURNEYBOT_PUBLIC_URL, JOURNEYBOT_SECRET_KEY)",
        "配信停止リンクの設定（JOURNEYBOT_PUBLIC_URL、JOURNEYBOT_SECRET_KEY）が済むまで待機します",
    ),
    "assist_language": (
        "Written in `{locale}`: there is no text in the reader's `{wanted}`",
        "先方の言語（{wanted}）の文面がないため、`{locale}`で作成しています",
    ),
}
