"""Every sentence of App Home, the review of a coming mail and the daily digest, in English and Japanese. Pure; names and texts
of people are escaped by whoever puts them in."""

from __future__ import annotations

from bot.slack.wording import is_japanese

WORDS: dict[str, tuple[str, str]] = {
    "unknown_person": (
        ("*journeybot does not know you yet.*\nAsk whoever runs it to put your member id `{user}` into `slack_user_id` of "
        "csms.csv and to import it. Then your hand-offs and customers stand here."),
        ("*journeybotにまだ登録されていません。*\ncsms.csv の `slack_user_id` にあなたのメンバーID `{user}` "
        "を登録して取り込むよう、管理者に依頼してください。登録後、対応依頼と担当のお客様がここに表示されます。"),
    ),
    "your_handoffs": ("Your hand-offs", "対応依頼"),
    "counts": ("{open} open · {late} overdue", "未完了 {open}件 · 期限超過 {late}件"),
    "no_handoffs": (
        "Nothing waits for you. :tada:",
        "対応待ちの依頼はありません :tada:",
    ),
    "your_plans": ("Your success plans", "サクセスプラン"),
    "plan_count": (
        "{open} open, the {shown} furthest behind",
        "進行中 {open}件（遅れの大きい順に{shown}件）",
    ),
    "changed": ("Your customers that changed colour", "色が変わったお客様"),
    "changed_since": ("in the last {days} days", "直近{days}日間"),
    "no_change": ("None in the last {days} days.", "直近{days}日間はありません。"),
    "change": (
        "{face} *{customer}*: {old} → {new} ({value}), {day}",
        "{face} *{customer}*：{old} → {new}（{value}）、{day}",
    ),
    "band_green": ("green", "緑"),
    "band_yellow": ("yellow", "黄"),
    "band_red": ("red", "赤"),
    "band_none": ("no value", "値なし"),
    "coming": ("What the machine sends to your customers in the next 7 days", "今後7日間に自動送信されるメール"),
    "coming_truth": (
        ("Windows, caps, consent and what customers do may delay or stop a mail; “perhaps” depends on a condition. Who enters a "
        "journey meanwhile is not known yet; what is paused is left out."),
        ("送信時間帯、上限、配信同意、お客様の行動によって遅れたり送られなかったりします。「条件次第」は条件で決まるものです。"
        "これから始まるジャーニーと停止中のものは含みません。"),
    ),
    "no_mails": ("Nothing, as far as is known today.", "現時点で予定はありません。"),
    "mail": ("*{customer}*{contact} · {what}\n{when} · {playbook}", "*{customer}*{contact} · {what}\n{when} · {playbook}"),
    "from_time": ("from {at}", "{at}以降"),
    "perhaps": ("perhaps", "条件次第"),
    "or": (" or ", " または "),
    "is_held": (":pause_button: on hold", ":pause_button: 保留中"),
    "for_review": (":eyes: waits for your review until {until}", ":eyes: {until}までに確認が必要です"),
    "waits_for_you": (":eyes: waits for your review", ":eyes: 確認待ち"),
    "waits": (":warning: waits: {reason}", ":warning: 保留中：{reason}"),
    "hold": ("Hold", "保留"),
    "release": ("Release", "保留を解除"),
    "review": ("Review", "内容を確認"),
    "earlier": ("‹ Earlier", "‹ 前へ"),
    "later": ("Later ›", "次へ ›"),
    "page": ("{first}–{last} of {count}", "{count}件中 {first}–{last}"),
    "refresh": ("Refresh", "更新"),
    "digest_on": ("Daily digest at 09:00: on", "毎朝9:00のまとめ：オン"),
    "digest_off": ("Daily digest at 09:00: off", "毎朝9:00のまとめ：オフ"),
    "as_of": ("As of {at}", "{at}時点"),
    "review_title": ("Coming mail", "送信予定のメール"),
    "loading": ("One moment …", "読み込み中…"),
    "close": ("Close", "閉じる"),
    "to": ("To", "宛先"),
    "from": ("From", "差出人"),
    "subject": ("Subject", "件名"),
    "as_of_today": (
        "Written with today's facts; it is written anew when it goes.",
        "現在のデータで作成した内容です。送信時に改めて作成されます。",
    ),
    "as_it_goes": ("This is the text that goes.", "この内容で送信されます。"),
    "cannot_write": ("It cannot be written yet: {error}", "まだ作成できません：{error}"),
    "missing_field": (
        "It cannot be written yet: `{field}` is empty for this customer.",
        "まだ作成できません：このお客様の `{field}` が未入力です。",
    ),
    "no_longer": (
        "It is not waiting any more: it was sent, or is not needed.",
        "このメールは送信済みか不要になったため、待機していません。",
    ),
    "approve": ("Approve and send", "承認して送信"),
    "skip": ("Do not send", "送信しない"),
    "held_now": (
        "Held. Release it in App Home; it expires like any other mail.",
        "保留にしました。ホームタブで解除できます（期限を過ぎると失効します）。",
    ),
    "released_now": ("Released: it goes when it is due.", "保留を解除しました。予定どおり送信されます。"),
    "approved_now": ("Approved: it goes with the next tick.", "承認しました。まもなく送信されます。"),
    "skipped_now": ("It is not sent; the journey goes on.", "送信しません。ジャーニーは続きます。"),
    "too_late": (
        "That was too late: the mail left already, is on its way this moment, or its journey is over. Nothing was changed.",
        "間に合いませんでした。メールは送信済みか送信中、またはジャーニーが終了しています。変更はありません。",
    ),
    "weekly_whole": ("Every hand-off has one owner and one end", "対応依頼はすべて、担当者と結果が1つずつそろっています"),
    "weekly_broken": ("Hand-offs without one owner or one end", "担当者または結果が1つに定まらない対応依頼があります"),
    "weekly_line": (
        ("*{week}*: {opened} opened · {done} done · {dismissed} dismissed · {withdrawn} withdrawn · {open} open · "
        "{unowned} without an owner · {overdue} overdue"),
        ("*{week}*：新規 {opened}件 · 完了 {done}件 · 却下 {dismissed}件 · 取り下げ {withdrawn}件 · 未完了 {open}件 · "
        "担当者なし {unowned}件 · 期限超過 {overdue}件"),
    ),
    "weekly_example": ("{face} {what} ({week}): {ids}", "{face} {what}（{week}）：{ids}"),
    "weekly_lost": ("without an owner and nowhere to be seen", "担当者がなく、どこにも表示されていない"),
    "weekly_without_end": ("finished without an end", "終了日時の記録がない"),
    "weekly_two_ends": ("with more than one end", "結果が2つ以上ある"),
    "weekly_unowned": ("without an owner, in the channel", "担当者なし（チャンネルに表示中）"),
    "weekly_overdue": ("overdue", "期限超過"),
    "weekly_not_posted": ("not in Slack", "Slackに未表示"),
    "weekly_end": (
        "`journeybot report invariants` says more; `journeybot handoffs show` and a number show one.",
        "詳しくは `journeybot report invariants`、1件ずつは `journeybot handoffs show 番号` で確認できます。",
    ),
    "digest_title": ("Good morning, {name}", "{name}さん、おはようございます"),
    "digest_late": ("Overdue: {count}", "期限超過：{count}件"),
    "digest_today": ("Due today: {count}", "本日期限：{count}件"),
    "digest_open": ("Open in total: {count}", "未完了の合計：{count}件"),
    "digest_changed": ("Changed colour since yesterday", "昨日から色が変わったお客様"),
    "digest_mails": ("Mails that go today", "本日送信予定のメール"),
    "digest_reviews": ("Mails that wait for your review", "確認待ちのメール"),
    "digest_more": ("and {count} more in App Home", "ほか{count}件はホームタブへ"),
    "digest_end": (
        "You can switch this off in App Home.",
        "このまとめはホームタブでオフにできます。",
    ),
}  # fmt: skip


def home_phrase(word: str, locale: str, **parts: str) -> str:
    """The sentence in the reader's language, English where we have no other."""
    english, japanese = WORDS[word]
    return (japanese if is_japanese(locale) else english).format(**parts)


def band_words(band: str | None, locale: str) -> str:
    word = f"band_{band}" if band in ("green", "yellow", "red") else "band_none"
    return home_phrase(word, locale)
