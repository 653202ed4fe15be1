"""The words of the forms behind a card's buttons, in English and Japanese. Data only; wording.py says them."""

from __future__ import annotations

FORM_WORDS: dict[str, tuple[str, str]] = {
    "snooze_now": ("Snooze", "保留にする"),
    "reassign_now": ("Reassign", "担当を変更する"),
    "done_now": ("Done", "完了にする"),
    "dismiss_now": ("Dismiss", "対応不要にする"),
    "form_waiting": ("One moment…", "読み込み中…"),
    "form_close": ("Close", "閉じる"),
    "form_cancel": ("Cancel", "キャンセル"),
    "form_until": ("Until", "いつまで"),
    "form_at_most": ("At most until it is due: {due}", "期限（{due}）まで保留にできます"),
    "form_why": ("Why can it wait?", "保留にする理由"),
    "form_whom": ("Who takes over?", "新しい担当者"),
    "form_they_are_told": (
        "They get the card, and their time to acknowledge starts anew.",
        "新しい担当者にカードが届き、対応開始までの期限は数え直しになります。",
    ),
    "form_outcome": ("Outcome", "結果"),
    "form_note": ("Note", "メモ"),
    "form_note_hint": ("Goes to the customer's timeline.", "お客様のタイムラインに残ります。"),
    "form_cause": ("Why is it not needed?", "対応不要の理由"),
    "form_cause_hint": (
        "Goes to the report on useless alerts, so that such alerts become fewer.",
        "不要な通知の集計に使い、同じような通知を減らします。",
    ),
    "form_details": ("In a few words", "補足"),
    "form_choose": ("Choose one", "選択してください"),
    "form_say_why": (
        "Say it in a few words: others read it on the card.",
        "理由を入力してください（カードに表示されます）。",
    ),
    "form_past": ("Choose a time that is still to come.", "これからの日時を選んでください。"),
    "form_number": ("Write a number.", "数字で入力してください。"),
    "yes": ("Yes", "はい"),
    "no": ("No", "いいえ"),
    "cause_false_alarm": ("False alarm: the reason is not true", "誤検知（実際とは異なる）"),
    "cause_already_handled": ("Already handled", "対応済み"),
    "cause_duplicate": ("The same as another one", "重複"),
    "cause_not_worth_it": ("True, but not worth a person's time", "事実だが、対応の必要性が低い"),
    "cause_other": ("Something else", "その他"),
}
