"""Every sentence of the slash command, the shortcuts and their modals, in English and Japanese. Pure; names and texts of people
are escaped by whoever puts them in."""

from __future__ import annotations

from bot.slack.wording import is_japanese

WORDS: dict[str, tuple[str, str]] = {
    "help": (
        ("*What /journey can do*\n"
        "• `/journey customer NAME`: how a customer stands\n"
        "• `/journey handoffs`: your open hand-offs by due date\n"
        "• `/journey note CUSTOMER text`: a note on the timeline\n"
        "• `/journey pause CUSTOMER until DATE`: no journey acts on them until then; `/journey resume CUSTOMER` ends it\n"
        "• `/journey why CUSTOMER`: what was decided about them, and why\n"
        "Put names of several words in quotation marks: `/journey note \"Hinode Foods\" called them`. "
        "Dates: `2027-03-05`, `5 March`, `tomorrow`, `friday`, `in 2 weeks`. Only you see the answers."),
        ("*/journey でできること*\n"
        "• `/journey お客様 名前`：お客様の状況\n"
        "• `/journey 対応依頼`：あなたの未完了の対応依頼（期限順）\n"
        "• `/journey メモ お客様名 本文`：タイムラインにメモを残す\n"
        "• `/journey 一時停止 お客様名 3月5日まで`：その日までジャーニーを止める（`/journey 再開 お客様名` で再開）\n"
        "• `/journey 理由 お客様名`：何がなぜ決まったか\n"
        "空白を含む名前は「」で囲んでください：`/journey メモ 「Hinode Foods」 電話しました`。"
        "日付の例：`2027-03-05`、`3月5日`、`明日`、`金曜`、`来週月曜`、`2週間後`。回答はあなただけに表示されます。"),
    ),
    "unknown_verb": (
        "I do not know `{given}`. Nothing was changed.",
        "「{given}」という操作はありません。変更はありません。",
    ),
    "how_customer": ("Which customer? Write `/journey customer NAME`.", "`/journey お客様 名前` と入力してください。"),
    "how_note": (
        "Write `/journey note CUSTOMER text`. Nothing was stored.",
        "`/journey メモ お客様名 本文` と入力してください。メモは保存していません。",
    ),
    "how_pause": (
        "Write `/journey pause CUSTOMER until DATE`, as in `until 2027-03-05` or `until friday`. Nothing was paused.",
        "`/journey 一時停止 お客様名 3月5日まで` のように入力してください。停止していません。",
    ),
    "how_resume": ("Write `/journey resume CUSTOMER`.", "`/journey 再開 お客様名` と入力してください。"),
    "how_why": ("Which customer? Write `/journey why CUSTOMER`.", "`/journey 理由 お客様名` と入力してください。"),
    "not_a_day": (
        "`{given}` is no day that I can read. Write it as in `2027-03-05`, `5 March`, `friday` or `in 2 weeks`. Nothing was paused.",
        "「{given}」を日付として読み取れません。`3月5日`、`明日`、`2週間後` のように入力してください。停止していません。",
    ),
    "past_day": (
        "{day} is not in the future, so nothing was paused.",
        "{day}は未来の日付ではないため、停止していません。",
    ),
    "who_are_you": (
        ("journeybot does not know you yet, so nothing was shown or changed. Ask whoever runs it to put your member id "
        "`{user}` into `slack_user_id` of csms.csv."),
        ("journeybotに未登録のため、表示も変更も行いませんでした。csms.csv の `slack_user_id` に、あなたのメンバーID "
        "`{user}` を登録するよう管理者に依頼してください。"),
    ),
    "no_customer": ("There is no customer “{given}”.", "「{given}」というお客様は見つかりません。"),
    "nothing_done": ("Nothing was changed.", "変更はありません。"),
    "did_you_mean": ("Did you mean {names}?", "もしかして：{names}"),
    "several": (
        "“{given}” fits several customers. Use the key in brackets: {names}. Nothing was changed.",
        "「{given}」に該当するお客様が複数あります。かっこ内のキーで指定してください：{names}。変更はありません。",
    ),
    "and_more": ("and more", "ほか"),
    "noted": ("Noted on the timeline of {customer}.", "{customer}のタイムラインにメモを残しました。"),
    "paused_until": (
        ("{customer} stands still until {day} 00:00: no mail, no step. Facts are still taken in; "
        "`/journey resume {key}` ends it earlier."),
        ("{customer}のジャーニーを{day} 0:00まで停止しました（メールもステップも実行されません。データの取り込みは続きます）。"
        "`/journey 再開 {key}` で早めに再開できます。"),
    ),
    "resumed": ("The journeys of {customer} go on.", "{customer}のジャーニーを再開しました。"),
    "not_paused": ("{customer} was not paused.", "{customer}は停止されていませんでした。"),
    "no_handoffs": ("You have no open hand-offs.", "未完了の対応依頼はありません。"),
    "your_handoffs": ("*Your open hand-offs ({count})*", "*未完了の対応依頼（{count}件）*"),
    "more_in_home": ("{count} more in App Home", "ほか{count}件はホームタブにあります"),
    "act_in_home": ("Act on them on their cards or in App Home.", "操作はカードまたはホームタブから行えます。"),
    "not_deployed": (
        "Nothing is deployed yet, so there is nothing to explain.",
        "まだ何も公開されていないため、説明できることがありません。",
    ),
    "why_title": ("*Why: {customer}*", "*理由：{customer}*"),
    "now": ("*Now*", "*現在*"),
    "lately": ("*Lately*", "*最近*"),
    "more_in_explain": (
        "`journeybot explain {key}` tells all of it.",
        "すべて見るには `journeybot explain {key}` を実行してください。",
    ),
    "nothing_decided": ("Nothing was decided about them yet.", "まだ何も決定されていません。"),
    "health": ("Health", "ヘルス"),
    "renewal": ("Renewal", "契約更新"),
    "walking": ("Journeys", "ジャーニー"),
    "open_handoffs": ("Open hand-offs", "未完了の対応依頼"),
    "last_activities": ("Latest activities", "最近の動き"),
    "paused": ("Paused", "停止中"),
    "since_then": ("until {day}", "{day}まで"),
    "none": ("none", "なし"),
    "log_title": ("Log to timeline", "タイムラインに記録"),
    "handoff_title": ("Create hand-off", "対応依頼を作成"),
    "save": ("Save", "保存"),
    "create": ("Create", "作成"),
    "cancel": ("Cancel", "キャンセル"),
    "close": ("Close", "閉じる"),
    "field_customer": ("Customer", "お客様"),
    "type_a_name": ("Type a name", "名前を入力"),
    "field_note": ("Note", "メモ"),
    "field_task": ("What is to be done", "依頼内容"),
    "field_details": ("Details", "詳細"),
    "field_owner": ("Who does it", "担当者"),
    "field_due": ("Due", "期限"),
    "field_urgency": ("Urgency", "緊急度"),
    "urgency_high": ("High: at once", "高：すぐに通知"),
    "urgency_normal": ("Normal: in working hours", "通常：勤務時間内に通知"),
    "urgency_low": ("Low: next morning at 09:00", "低：翌朝9:00に通知"),
    "due_is_past": ("Choose today or a later day.", "本日以降の日付を選んでください。"),
    "handed_over": (
        "Hand-off for {customer} created; it goes to {owner}.",
        "{customer}の対応依頼を作成しました（担当：{owner}）。",
    ),
    "gone_customer": (
        "That customer is not here any more, so nothing was stored.",
        "そのお客様は存在しないため、保存していません。",
    ),
}  # fmt: skip


def phrase(word: str, locale: str, **parts: str) -> str:
    """The sentence in the reader's language, English where we have no other."""
    english, japanese = WORDS[word]
    return (japanese if is_japanese(locale) else english).format(**parts)
