"""What the demo's customers and colleagues say: NPS comments, ticket titles, meeting summaries, notes of closed
hand-offs, in Japanese and English. Invented sentences; biography.py and reactions.py choose among them."""

from __future__ import annotations

from dataclasses import dataclass

Both = tuple[str, str]
"""Japanese and English of the same sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What a ticket may be about."""

    kind: str
    title: Both


LOW_COMMENTS: tuple[Both, ...] = (
    (
        "動作が遅く、混雑時に予約の登録が間に合いません。",
        "It is slow, and at peak hours we cannot enter bookings in time.",
    ),
    ("問い合わせの返事がなかなか来ないので困っています。", "Support takes days to answer and we are left waiting."),
    (
        "スタッフが使い方を覚えられず、紙に戻りつつあります。",
        "The team never learned it and is drifting back to paper.",
    ),
    ("シフト表の公開で何度もエラーが出ます。", "Publishing the rota fails again and again."),
    ("担当の方が替わってから、相談しづらくなりました。", "Since our contact changed we do not know whom to ask."),
)
MIDDLE_COMMENTS: tuple[Both, ...] = (
    ("便利ですが、帳票の書式を変えられると助かります。", "Useful, but I wish I could change the report layout."),
    ("特に不満はありません。", "Nothing to complain about."),
    ("スマートフォンの画面がもう少し見やすいとうれしいです。", "The phone screen could be easier to read."),
)
HIGH_COMMENTS: tuple[Both, ...] = (
    ("予約の電話が減り、接客に集中できるようになりました。", "Fewer phone bookings, so we can look after our guests."),
    ("シフト作成が半日から30分になりました。", "Making the rota went from half a day to thirty minutes."),
    ("サポートの方がいつも親切です。", "The support team is always kind."),
)

TROUBLES: tuple[Trouble, ...] = (
    Trouble(kind="bug", title=("予約が二重に登録される", "Bookings are saved twice")),
    Trouble(kind="bug", title=("シフト公開時にエラーになる", "Publishing the rota fails")),
    Trouble(kind="bug", title=("画面の表示が遅い", "Pages load slowly")),
    Trouble(kind="question", title=("スタッフの権限を変更したい", "How to change staff permissions")),
    Trouble(kind="question", title=("予約データの書き出し方法", "How to export bookings")),
    Trouble(kind="question", title=("請求書の宛名を変更したい", "Change the name on the invoice")),
    Trouble(kind="request", title=("祝日の営業時間を一括で設定したい", "Set holiday hours for all shops at once")),
)

SUMMARIES: dict[str, Both] = {
    "kickoff": ("導入の目的と進め方を確認", "Agreed on goals and the way to get there"),
    "regular": ("利用状況と次の一か月の予定を確認", "Went through usage and the next month"),
    "ebr": ("成果の振り返りと来期の目標を確認", "Looked back at results and set next year's goals"),
}

CALLS: tuple[Both, ...] = (
    ("電話で近況を確認。特に困りごとはなし", "Checked in by phone; nothing in the way"),
    ("新しいスタッフの登録方法をご案内", "Showed them how to add new colleagues"),
    ("次回のお打ち合わせの議題を相談", "Agreed on what the next meeting is about"),
    ("繁忙期前の準備についてご質問あり、資料を送付", "Asked about the busy season; sent them the checklist"),
)

#: Names of churn.yml.
CHURN_REASONS: tuple[str, ...] = ("no_habit", "price", "missing_feature", "slow_support", "closed_business")
#: Outcomes of hand-offs whose owner has nothing to answer.
NOTHING_LEARNED = frozenset({"no answer"})

#: What colleagues write when they close a hand-off, by its outcome ("" for any other).
CLOSING_NOTES: dict[str, tuple[Both, ...]] = {
    "": (
        ("ご担当者とお話しし、次の対応を決めました。", "Spoke to them and agreed on the next step."),
        ("メールでご案内し、ご返信をいただきました。", "Wrote to them and got an answer."),
    ),
    "renewing": (("更新のご意向を確認。書類は来週お送りします。", "They want to renew; papers go out next week."),),
    "at risk": (
        ("費用対効果にご懸念あり。成果の資料を持って再訪します。", "They doubt the value; going back with figures."),
    ),
    "lost": (("解約のご意向が固い。引き継ぎを丁寧に行います。", "They have decided to leave; we part on good terms."),),
    "no answer": (("三度お電話しましたが不在でした。", "Called three times, nobody answered."),),
    "needs training": (
        ("現場の方が操作に不慣れ。研修をご希望です。", "The floor staff are unsure; they want a training."),
    ),
    "opportunity": (("新店舗の開店に合わせて追加をご検討中。", "They open a new shop and want more licences."),),
    "not now": (("今期は予算が決まっているとのこと。", "This year's budget is fixed."),),
    "coming back": (
        (
            "繁忙期で止まっていただけとのこと。来週から再開されます。",
            "A busy season, nothing more; they start again next week.",
        ),
    ),
    "will start": (("来週、店長と一緒に初期設定を行います。", "Setting it up with the manager next week."),),
    "started": (("お電話中に初回ログインまで完了しました。", "They signed in while we were on the phone."),),
    "watched together": (("画面を共有しながら一緒に視聴しました。", "Watched it together on a shared screen."),),
    "meeting booked": (("来週、30分のお時間をいただきました。", "Half an hour next week is booked."),),
    "needs the CSM": (
        ("今後の使い方のご相談もあり、担当に引き継ぎます。", "It is about more than this ticket; the CSM takes over."),
    ),
    "agreed": (("取材をご快諾いただきました。", "They are happy to be interviewed."),),
    "solved": (("修正版を適用し、お客様に確認いただきました。", "The fix is in and they have confirmed it."),),
    "answered": (("率直なお話を伺えました。社内に共有します。", "They spoke openly; sharing it with the team."),),
}


def spoken(both: Both, *, in_english: bool) -> str:
    return both[1] if in_english else both[0]
