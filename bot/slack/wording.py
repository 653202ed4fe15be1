"""Every sentence of the Slack cards and of the private answers, in English and Japanese, and dates as the reader writes
them. Pure. Names and texts of people are escaped before they are put in."""

from __future__ import annotations

from datetime import date, datetime

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_datetime

from bot.rules.zones import to_local
from bot.slack.form_words import FORM_WORDS
from bot.slack.plan_words import PLAN_WORDS

WORDS: dict[str, tuple[str, str]] = {
    "customer": ("Customer", "お客様"),
    "arr": ("ARR", "年間契約額"),
    "stage": ("Stage", "ステージ"),
    "due": ("Due", "期限"),
    "owner": ("Owner", "担当"),
    "contact": ("Talk to", "ご連絡先"),
    "why": ("Why", "理由"),
    "tasks": ("To do", "やること"),
    "nobody": ("nobody yet: whoever acknowledges becomes the owner", "未定（「対応する」を押した方が担当になります）"),
    "snoozed_until": ("snoozed until {until}", "{until}まで保留"),
    "named": ("{name}: {value}", "{name}：{value}"),
    "no_due": ("no due date", "期限なし"),
    "overdue": ("overdue", "期限超過"),
    "urgent": ("Urgent", "至急"),
    "acknowledge": ("Acknowledge", "対応する"),
    "snooze": ("Snooze", "後で"),
    "done": ("Done", "完了"),
    "list_title": ("{number} hand-offs for you", "対応依頼が{number}件あります"),
    "list_title_one": ("A hand-off for you", "対応依頼が1件あります"),
    "list_hint": (
        "To keep a note on one, reply below with its number first: “2 called them”.",
        "メモを残すには、このスレッドに番号から始めて返信してください（例：「2 電話しました」）。",
    ),
    "acknowledge_all": ("Acknowledge all", "すべて対応する"),
    "told_some": ("You took {done} of {number}.", "{number}件中{done}件を担当にしました。"),
    "told_none_left": (
        "Nothing on this list waits to be acknowledged any more.",
        "このリストに未対応の依頼はもうありません。",
    ),
    "which_one": (
        "Which one is this about? Reply again with its number first, as in “2 called them”. Nothing was stored yet.",
        "どの依頼についてのメモでしょうか。番号から始めて、もう一度返信してください（例：「2 電話しました」）。まだ保存していません。",
    ),
    "noted_for": ("Noted on {line}.", "{line}にメモを残しました。"),
    "open_card": ("Open the card", "カードを開く"),
    "has_own_card": ("see its own card below", "下の個別カードをご覧ください"),
    "act_by_command": (
        "Take it on with `journeybot handoffs acknowledge {number}`. Answers to this mail are not read.",
        "対応を始めるには `journeybot handoffs acknowledge {number}` を実行してください。このメールへの返信は読まれません。",
    ),
    "act_by_command_list": (
        "See each with `journeybot handoffs show NUMBER`. Answers to this mail are not read.",
        "詳細は `journeybot handoffs show 番号` でご確認ください。このメールへの返信は読まれません。",
    ),
    "reassign": ("Reassign", "担当を変更"),
    "dismiss": ("Dismiss", "対応不要"),
    "edit_send": ("Edit & send", "編集して送信"),
    "flag": ("Flag for the company", "全社案件にする"),
    "unflag": ("Take the flag off", "全社案件を解除"),
    "health": ("Health", "ヘルススコア"),
    "evidence": ("Evidence", "根拠"),
    "sent": ("Already sent", "送信済みのメール"),
    "more_tasks": ("and {n} more: `journeybot handoffs show`", "ほか{n}件：`journeybot handoffs show`"),
    **FORM_WORDS,
    **PLAN_WORDS,
    "from_journey": ("From the journey “{playbook}”", "ジャーニー「{playbook}」より"),
    "from_plan": ("From a success plan", "サクセスプランより"),
    "asked_by": ("{by} asks for this", "{by}さんからの依頼"),
    "since": ("running since {day}", "{day}に開始"),
    "by_event": ("begun by {event}", "きっかけ：{event}"),
    "act_acknowledged": ("{by} acknowledged this, {at}", "{by}さんが対応中（{at}）"),
    "act_mailed": ("{by} sent the mail to {to}, {at}", "{by}さんが{to}様宛てにメールを送信（{at}）"),
    "act_wrote_myself": ("{by} wrote the mail elsewhere, {at}", "{by}さんが別の手段でメールを送信（{at}）"),
    "act_unsent": (
        "The mail to {to} did not go: {why}, {at}. It may be written once more.",
        "{to}様宛てのメールは送信されませんでした：{why}（{at}）。もう一度作成できます。",
    ),
    "act_snoozed": (
        "{by} snoozed this until {until}, {at}: {reason}",
        "{by}さんが{until}まで保留（{at}）：{reason}",
    ),
    "act_ticked": ("{by} ticked tasks off: {done} of {of}, {at}", "{by}さんがやることをチェック：{done}／{of}（{at}）"),
    "act_flagged": ("{by} flagged this for the company, {at}", "{by}さんが全社案件にしました（{at}）"),
    "act_unflagged": ("{by} took the flag off, {at}", "{by}さんが全社案件を解除しました（{at}）"),
    "act_done": ("{by} closed this as done, {at}", "{by}さんが完了（{at}）"),
    "act_dismissed": ("{by} dismissed this, {at}: {reason}", "{by}さんが対応不要として終了（{at}）：{reason}"),
    "act_reassigned": ("{by} gave this to {owner}, {at}", "{by}さんが{owner}さんへ引き継ぎ（{at}）"),
    "act_escalated": (
        "Nobody took this in time: now with {owner}, {at}",
        "時間内に対応がなかったため、{owner}さんへ引き上げました（{at}）",
    ),
    "act_escalated_to_all": (
        "Nobody took this in time, {at}: whoever acknowledges it becomes the owner",
        "時間内に対応がありませんでした（{at}）。「対応する」を押した方が担当になります",
    ),
    "act_left": (
        "The owner has left: now with {owner}, {at}",
        "前の担当者が退職・異動したため、{owner}さんが担当します（{at}）",
    ),
    "act_left_to_all": (
        "The owner has left, {at}: whoever acknowledges it becomes the owner",
        "前の担当者が退職・異動しました（{at}）。「対応する」を押した方が担当になります",
    ),
    "act_nudged": (
        "Nobody is on this yet; at {until} it goes on to somebody else",
        "まだ対応が始まっていません。{until}になると別の方に引き上げます",
    ),
    "act_followed": (
        "The customer has another CSM: now with {owner}, {at}",
        "お客様の担当CSMが変わったため、{owner}さんに引き継ぎました（{at}）",
    ),
    "act_reminded": ("This is past its due time, {at}", "期限を過ぎています（{at}）"),
    "act_late": (
        "This stayed past its due time: now with {owner}, {at}",
        "期限後も未完了のため、{owner}さんへ引き上げました（{at}）",
    ),
    "act_covered": ("The owner is away: now with {owner}, {at}", "担当者が不在のため、{owner}さんが担当します（{at}）"),
    "act_woken": ("The snooze is over, {at}", "保留の期限になりました（{at}）"),
    "act_noted": ("{by} added a note, {at}", "{by}さんがメモを追加（{at}）"),
    "act_merged": ("A further reason was added, {at}", "新たな理由を追加しました（{at}）"),
    "act_raised": ("A further reason makes this more urgent, {at}", "新たな理由により緊急度が上がりました（{at}）"),
    "act_cause_ended": (
        "One of the reasons is over: {reason}, {at}",
        "理由の一つが解消しました：{reason}（{at}）",
    ),
    "act_withdrawn": (
        "Withdrawn, no longer needed: {reason}, {at}",
        "対応不要になったため取り下げました：{reason}（{at}）",
    ),
    "act_outlived": (
        "The journey is over ({reason}), {at}. Is this still needed?",
        "ジャーニーは終了しました（{reason}、{at}）。引き続き対応が必要かご確認ください。",
    ),
    "ended_goal": ("its goal is reached", "目標達成"),
    "ended_exited": ("ended by hand", "手動で終了"),
    "ended_contact_gone": ("the contact has left", "ご担当者の退職・異動"),
    "ended_plan_approved": ("the plan was agreed on", "プランの承認済み"),
    "ended_plan_ended": ("the plan is over", "プランの終了"),
    "ended_superseded": ("another journey took its place", "別のジャーニーに切り替え"),
    "act_other": ("{by}: {act}, {at}", "{by}さん：{act}（{at}）"),
    "outcome": ("outcome: {outcome}", "結果：{outcome}"),
    "message_link": ("Open the message in Slack", "元のメッセージを開く"),
    "copy": ("A copy, for your information: its owner acts on it.", "ご参考までの写しです。対応は担当者が行います。"),
    "moved": ("This hand-off has a newer card.", "この対応依頼は新しいカードに移りました。"),
    "moved_to": ("This hand-off is now with {owner}.", "この対応依頼は{owner}さんに移りました。"),
    "nobody_short": ("nobody", "担当者なし"),
    "told_taken": ("{by} acknowledged this already, {at}.", "すでに{by}さんが対応中です（{at}）。"),
    "told_finished": (
        "This hand-off is over ({state}, {by}, {at}), so nothing was changed.",
        "この対応依頼はすでに終了しています（{state}、{by}さん、{at}）。変更はありません。",
    ),
    "told_finished_by_itself": (
        "This hand-off is over ({state}, {at}), so nothing was changed.",
        "この対応依頼はすでに終了しています（{state}、{at}）。変更はありません。",
    ),
    "told_merged": (
        "This hand-off is part of another one that is open; act on that card. Nothing was changed.",
        "この対応依頼は別の未完了の依頼にまとめられています。そちらのカードで操作してください。変更はありません。",
    ),
    "told_too_late": (
        "It cannot be snoozed any further: it is due. Acknowledge it, or close it as done.",
        "期限のため、これ以上は保留にできません。「対応する」か「完了」を選んでください。",
    ),
    "told_not_yours": (
        "This is {by}'s: only they, their manager and their cover may act on it, or give it to you. Nothing was changed.",
        "この対応依頼は{by}さんの担当です。操作と担当の変更は、ご本人・上長・不在時の代理の方のみ可能です。変更はありません。",
    ),
    "told_stranger": (
        "If it is yours: journeybot does not know you in Slack yet. Ask whoever runs it to fill `slack_user_id` in csms.csv.",
        "ご自身の担当の場合：Slackユーザーが未登録です。csms.csv の `slack_user_id` に登録するよう管理者に依頼してください。",
    ),
    "told_has_it": (
        "{by} has this hand-off already. Nothing was changed.",
        "すでに{by}さんの担当です。変更はありません。",
    ),
    "told_unknown": (
        "This card belongs to no hand-off that we know; it may have been erased. Nothing was changed.",
        "このカードに対応する依頼が見つかりません（削除された可能性があります）。変更はありません。",
    ),
    "told_unknown_outcome": (
        "That outcome is not on this hand-off's list. Nothing was changed.",
        "その結果はこの対応依頼の選択肢にありません。変更はありません。",
    ),
    "told_error": (
        "That could not be recorded. Please try again in a minute; `journeybot handoffs` works too.",
        "記録できませんでした。1分ほどおいてもう一度お試しください（`journeybot handoffs` でも操作できます）。",
    ),
    "told_no_modal": (
        "Slack did not open the window in time. Please click again.",
        "画面を開けませんでした。もう一度押してください。",
    ),
    "state_open": ("open", "未対応"),
    "state_acknowledged": ("acknowledged", "対応中"),
    "state_done": ("done", "完了"),
    "state_dismissed": ("dismissed", "対応不要"),
    "state_merged": ("merged", "統合済み"),
    "state_withdrawn": ("withdrawn", "取り下げ"),
}


def is_japanese(locale: str) -> bool:
    return locale.lower().startswith("ja")


def say(word: str, locale: str, **parts: str) -> str:
    """The sentence in the reader's language, English where we have no other."""
    english, japanese = WORDS[word]
    return (japanese if is_japanese(locale) else english).format(**parts)


def written_moment(at: datetime, timezone: str, locale: str) -> str:
    """Day and time as the reader's clock shows them: `Wed, 3 Mar 2027, 18:00`, `2027年3月3日(水) 18:00`."""
    local = to_local(at, timezone)
    if is_japanese(locale):
        return format_datetime(local, "y年M月d日(E) H:mm", locale="ja")
    return format_datetime(local, "EEE, d MMM y, HH:mm", locale=_english(locale))


def _english(locale: str) -> Locale:
    """The reader's locale as far as it is English; other languages read our English sentences."""
    try:
        found = Locale.parse(locale, sep="-" if "-" in locale else "_")
    except (UnknownLocaleError, ValueError):
        return Locale("en")
    return found if found.language == "en" else Locale("en")


def written_day(day: date, locale: str) -> str:
    """A day as the reader writes it: `Fri, 5 Mar 2027`, `2027年3月5日(金)`."""
    if is_japanese(locale):
        return format_date(day, "y年M月d日(E)", locale="ja")
    return format_date(day, "EEE, d MMM y", locale=_english(locale))
