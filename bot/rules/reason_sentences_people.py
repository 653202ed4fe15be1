"""What people did to mails, hand-offs and journeys, as sentences in English and Japanese. Data only; reason_sentences.py joins
it with the others."""

from __future__ import annotations

from collections.abc import Mapping

#: reason (or verdict:reason) → English, Japanese.
PEOPLE_SENTENCES: Mapping[str, tuple[str, str]] = {
    "approved": ("Approved; it may go", "承認されました。送信できます"),
    "resent": ("Sent anew on somebody's word", "担当者の判断で再送します"),
    "resumed": ("Resumed", "再開しました"),
    "mail_approved": ("{by} approved it", "{by}さんが承認しました"),
    "mail_held": ("{by} wants it to wait", "{by}さんが保留にしました"),
    "mail_released": ("{by} let it go on", "{by}さんが保留を解除しました"),
    "mail_edited": ("{by} rewrote it", "{by}さんが本文を書き換えました"),
    "mail_rejected": ("{by} decided not to send it: {note}", "{by}さんが送信しないことにしました：{note}"),
    "mail_skipped": ("{by} skipped it: {note}", "{by}さんが送信を見送りました：{note}"),
    "mail_resent": (
        "{by} asked to send it again; it was {before}",
        "{by}さんが再送を指示しました（それまで：{before}）",
    ),
    "operated:paused": ("Somebody paused this ({kind})", "一時停止しました（{kind}）"),
    "deployed": (
        "Version {version} was published ({state}); {followed} inside follow it, {stayed} stay on theirs",
        "バージョン{version}を公開しました（{state}）。途中の{followed}件は新しい版へ、{stayed}件は元の版のまま進みます",
    ),
    "handoff_acknowledged": ("{by} is on it (hand-off {handoff})", "{by}さんが対応中です（対応依頼{handoff}）"),
    "handoff_asked": (
        "{by} asked {owner} for hand-off {handoff}",
        "{by}さんが{owner}さんに対応依頼{handoff}を出しました",
    ),
    "handoff_snoozed": (
        "{by} put hand-off {handoff} off until {until}: {reason}",
        "{by}さんが対応依頼{handoff}を{until}まで保留しました：{reason}",
    ),
    "handoff_done": (
        "{by} closed hand-off {handoff} as done: {outcome}",
        "{by}さんが対応依頼{handoff}を完了しました：{outcome}",
    ),
    "handoff_dismissed": (
        "{by} closed hand-off {handoff} as not needed: {reason}",
        "{by}さんが対応依頼{handoff}を対応不要として終了しました：{reason}",
    ),
    "handoff_reassigned": (
        "{by} gave hand-off {handoff} to {owner}",
        "{by}さんが対応依頼{handoff}を{owner}さんに引き継ぎました",
    ),
    "handoff_escalated": (
        "Nobody took hand-off {handoff} in time: now with {owner}",
        "対応依頼{handoff}に時間内の対応がなかったため、{owner}さんへ引き上げました",
    ),
    "handoff_left": (
        "{before} has left: hand-off {handoff} is now with {owner}",
        "{before}さんの退職・異動により、対応依頼{handoff}は{owner}さんが担当します",
    ),
    "handoff_nudged": (
        "Hand-off {handoff} is not acknowledged yet: {owner} was reminded before it goes on at {until}",
        "対応依頼{handoff}がまだ確認されていないため、{until}の引き上げ前に{owner}さんへ再度お知らせしました",
    ),
    "handoff_followed": (
        "The customer has another CSM: hand-off {handoff} is now with {owner}",
        "お客様の担当CSMが変わったため、対応依頼{handoff}を{owner}さんに引き継ぎました",
    ),
    "handoff_reminded": (
        "Hand-off {handoff} is past its due time: {owner} was reminded",
        "対応依頼{handoff}が期限を過ぎたため、{owner}さんに再度お知らせしました",
    ),
    "handoff_late": (
        "Hand-off {handoff} stayed past its due time: now with {owner}",
        "対応依頼{handoff}が期限後も未完了のため、{owner}さんへ引き上げました",
    ),
    "handoff_covered": (
        "{before} is away: hand-off {handoff} is now with {owner}",
        "{before}さんが不在のため、対応依頼{handoff}は{owner}さんが担当します",
    ),
    "handoff_woken": ("The snooze of hand-off {handoff} is over", "対応依頼{handoff}の保留期限になりました"),
    "handoff_flagged": (
        "{by} flagged hand-off {handoff}: it needs the company's attention",
        "{by}さんが対応依頼{handoff}を全社で注視すべき案件としてフラグしました",
    ),
    "handoff_unflagged": (
        "{by} took the flag off hand-off {handoff}",
        "{by}さんが対応依頼{handoff}のフラグを外しました",
    ),
    "handoff_ticked": (
        "{by} ticked tasks of hand-off {handoff} off: {done} of {of}",
        "{by}さんが対応依頼{handoff}のやることをチェックしました：{done}／{of}",
    ),
    "handoff_noted": ("{by} wrote on hand-off {handoff}: {note}", "{by}さんが対応依頼{handoff}にメモしました：{note}"),
    "handoff_withdrawn": (
        "Hand-off {handoff} was withdrawn, no longer needed: {reason}",
        "対応依頼{handoff}は不要になったため取り下げました：{reason}",
    ),
    "handoff_outlived": (
        "The walk is over ({reason}), and somebody is on hand-off {handoff}: asked whether it is still needed",
        "ジャーニーは終了しました（{reason}）。対応中の対応依頼{handoff}について、引き続き必要か確認しています",
    ),
    "asked_lately": (
        "Not asked: a survey went to this person lately (`ask_again_after` in surveys.yml)",
        "最近アンケートをお送りしたため、今回は見送りました（surveys.yml の `ask_again_after`）",
    ),
    "count:asked_lately": ("Asked a survey lately", "最近アンケートを送付済みです"),
}
