"""Every reason the machine ever gives, as a sentence in English and Japanese. Slots in braces are filled from the decision's
details. A reason that means two things has the verdict before it (`fault:worker_lost`). Data only; reasons.py reads it."""

from __future__ import annotations

from collections.abc import Mapping

from bot.rules.reason_sentences_assist import ASSIST_SENTENCES
from bot.rules.reason_sentences_consent import CONSENT_SENTENCES
from bot.rules.reason_sentences_content import CONTENT_SENTENCES
from bot.rules.reason_sentences_fuses import FUSE_SENTENCES
from bot.rules.reason_sentences_people import PEOPLE_SENTENCES
from bot.rules.reason_sentences_plans import PLAN_SENTENCES
from bot.rules.reason_sentences_stages import STAGE_SENTENCES
from bot.rules.reason_sentences_standing import STANDING_SENTENCES

#: reason (or verdict:reason) → English, Japanese.
SENTENCES: Mapping[str, tuple[str, str]] = {
    # Entering
    "enter": ("Entered the playbook", "ジャーニーを開始しました"),
    "existing": (
        "Matched already when the playbook went live (`existing: skip`); enters when it has stopped matching and matches again",
        "公開時にすでに条件に合っていたため対象外です（`existing: skip`）。一度外れて再び合えば開始します",
    ),
    "old": (
        "The occasion was too long ago when we learned of it (`enter.within`), so it starts nothing",
        "届いた時点で発生から時間が経ちすぎていたため（`enter.within`）、開始しません",
    ),
    "too_late": (
        "Its time to enter passed while it waited (`enter.within`)",
        "待っている間に開始できる期間（`enter.within`）を過ぎました",
    ),
    "filter": ("The `when` beside the trigger does not hold", "開始条件（`when`）に合いません"),
    "contact_gone": (
        "The contact has left or cannot be reached any more",
        "ご担当者が退職されたか、連絡できなくなりました",
    ),
    "already_walking": ("Is walking this playbook already", "すでにこのジャーニーの途中です"),
    "walked_before": (
        "Walked it before, and nobody enters twice (`again: never`)",
        "以前に実施済みです（`again: never`）",
    ),
    "walked_lately": (
        "Walked it too short a time ago (`again: after …`)",
        "前回から間もないため開始しません（`again: after …`）",
    ),
    "walked_often_enough": (
        "Walked it as many times as allowed (`again: at most …`)",
        "実施回数の上限に達しています（`again: at most …`）",
    ),
    "date_moved": (
        "The date only moved: a walk for it began lately, so no second one starts",
        "日付が変わっただけで、同じ件のジャーニーが最近始まっているため、二度は開始しません",
    ),
    "would_leave_at_once": (
        "Its goal or an exit holds already, so it would leave at once",
        "目標または終了条件をすでに満たしているため、開始しません",
    ),
    "paused_until": (
        "Stands still until {until}, then goes on by itself",
        "{until}まで一時停止し、その後は自動で再開します",
    ),
    "paused": ("Paused: nothing happens until somebody resumes it", "一時停止中です。再開されるまで何も行いません"),
    "exclusive_taken": (
        "`{winner}`, of the same group, is walking with this customer; waits for its end",
        "同じグループのジャーニー「{winner}」が進行中のため、終わるのを待っています",
    ),
    "one_at_a_time": (
        "Several occasions came together; one after the other",
        "きっかけが重なったため、ひとつずつ順に開始します",
    ),
    "closed_before_entry": (
        "The condition stopped holding while it waited",
        "待っている間に条件から外れました",
    ),
    "moment_missed": (
        "The scheduled moment {moment} was missed by more than `within`, so it is left out",
        "予定時刻（{moment}）を `within` 以上過ぎていたため、今回は見送りました",
    ),
    "playbook_fault": (
        "The playbook broke and was set aside; it looks at everybody again next time. {error}",
        "ジャーニーの処理でエラーが起きたため中断しました。次回、全員を見直します。{error}",
    ),
    "derivation_fault": (
        "The {kind} `{name}` could not be worked out and keeps what it was; it looks at everybody again next time. {error}",
        "{kind} `{name}` の計算でエラーが起きたため、前回の値のままです。次回、全員を見直します。{error}",
    ),
    # Walking
    "when_does_not_hold": ("Skipped: `{condition}` does not hold", "条件に合わないため飛ばしました：`{condition}`"),
    "holdout": (
        "Walks silently: belongs to the holdout that measures the lift",
        "効果測定の対照グループのため、実際には行いません",
    ),
    "mail_owed": ("A mail is owed", "メールの送信を予定しました"),
    "nobody_to_write_to": (
        "Nobody at the customer can be written to ({to}); a person is asked",
        "送り先となるご担当者がいません（{to}）。担当者に確認を依頼しました",
    ),
    "handed_over": ("Handed over to {owner} ({kind})", "{owner}さんに対応を依頼しました（{kind}）"),
    "handoff_merged": ("Added to hand-off {handoff}, which is open already", "未完了の対応依頼{handoff}にまとめました"),
    "handoff_raised": (
        "Added to hand-off {handoff}, which becomes more urgent",
        "未完了の対応依頼{handoff}にまとめ、緊急度を上げました",
    ),
    "handoff_cause_ended": (
        "One reason of hand-off {handoff} is over ({reason}); the others stand",
        "対応依頼{handoff}の理由の一つが解消しました（{reason}）。ほかの理由は残っています",
    ),
    "logged": ("Noted: {text}", "記録：{text}"),
    "set": ("Wrote {values}", "書き込みました：{values}"),
    "set_already": ("Nothing to write: {values} stands already", "変更なし：すでに {values} です"),
    "child_not_live": (
        "Not given to `{playbook}`: it is not live",
        "ジャーニー「{playbook}」は公開中ではないため、開始を依頼しませんでした",
    ),
    "enrolled": ("Given an occasion to enter `{playbook}`", "ジャーニー「{playbook}」の開始を依頼しました"),
    "then": ("`{condition}` holds", "条件に合いました：`{condition}`"),
    "else": ("`{condition}` does not hold", "条件に合いませんでした：`{condition}`"),
    "arm": ("Fell to the arm `{arm}`", "グループ「{arm}」に振り分けました"),
    "waited": ("The waiting time is over", "待ち時間が終わりました"),
    "until_holds": ("What it waited for has come true: `{condition}`", "待っていた条件が成立しました：`{condition}`"),
    "mail_was_not_sent": (
        "Waits for nothing: the mail it asks about was not sent (`{condition}`)",
        "対象のメールが送信されなかったため、待たずに先へ進みました（`{condition}`）",
    ),
    "deadline_passed": (
        "Waited long enough: `{condition}` did not come true",
        "期限までに成立しませんでした：`{condition}`",
    ),
    "goal": ("Reached the goal", "目標を達成しました"),
    "exit": ("Left: {outcome}", "途中で終了しました：{outcome}"),
    "superseded": (
        "Made way: `{winner}` is of the same group, more important, and does not wait (`preempt`)",
        "同じグループで優先度の高いジャーニー「{winner}」に譲って終了しました（`preempt`）",
    ),
    "completed": ("Came to the end of the playbook", "最後まで進みました"),
    "ended": ("Ended with the outcome `{outcome}`", "結果「{outcome}」で終了しました"),
    "walk_fault": (
        "This step broke and was set aside for an hour; the others go on. {error}",
        "この手順でエラーが起きたため1時間後に再試行します（ほかのお客様には影響しません）。{error}",
    ),
    # Before a mail leaves
    "expired": ("Too late to be welcome: it waited until it expired", "有効期限を過ぎたため送信しませんでした"),
    "late": (
        "Dropped: our own downtime made it too late (`late`)",
        "システム停止により遅くなりすぎたため送信しませんでした（`late`）",
    ),
    "outside_window": ("Waits for the send window, {until}", "送信時間帯になるまで待っています（{until}）"),
    # Guards: caps, and one mail for one address
    "cap_mails": (
        "This person got as many mails as the cap allows ({cap}), the last one {winner}; tried again {until}",
        "ご担当者へのメールが上限（{cap}）に達しています（直近：{winner}）。再試行：{until}",
    ),
    "cap_surveys": (
        "This person was asked as often as the cap allows ({cap}), last by {winner}; tried again {until}",
        "ご担当者へのアンケートが上限（{cap}）に達しています（直近：{winner}）。再試行：{until}",
    ),
    "cap_touches": (
        "The customer was contacted as often as the cap allows ({cap}), last by {winner}; tried again {until}",
        "お客様へのご連絡が上限（{cap}）に達しています（直近：{winner}）。再試行：{until}",
    ),
    "room_kept": (
        "The last room under the cap ({cap}) is kept for {winner}, which is due today and goes first; tried again {until}",
        "上限（{cap}）の残り枠は、本日予定の優先度の高い{winner}のために空けています。再試行：{until}",
    ),
    "same_mail_first": (
        "The same mail to the same address is just going out as {winner}; looked at again {until}",
        "同じ宛先への同じメールを{winner}として送信中です。再確認：{until}",
    ),
    "same_mail": (
        "Not sent: the same address got this very mail as {winner}",
        "同じ宛先に同じ内容を{winner}として送信済みのため、送信しませんでした",
    ),
    "cap_passed": (
        "Goes over the cap ({cap}, the last one {winner}): a person sends it, or its step is exempt",
        "上限（{cap}、直近：{winner}）を超えますが、担当者による送信または上限の対象外（`cap: exempt`）のため送信します",
    ),
    "capped_out": (
        "Dropped: found no room under the cap ({cap}) before it expired; the room went to {winner}",
        "有効期限までに上限（{cap}）の空きがなかったため送信しませんでした（枠の使用：{winner}）",
    ),
    "no_usable_address": ("The contact has no usable mail address", "ご担当者に有効なメールアドレスがありません"),
    "address_changed": (
        "The contact's address changed at this moment; looked at once more",
        "送信の直前に連絡先のアドレスが変わったため、あらためて確認します",
    ),
    "not_allowed": (
        "Must not be mailed: no consent, unsubscribed, bounced, or gone",
        "配信の同意がない、配信停止、不達、または退職のため送信できません",
    ),
    "missing_field": (
        "`{field}` has no value in `{template}`; the mail waits and the CSM is asked",
        "「{template}」の `{field}` が未入力のため保留し、担当CSMに確認を依頼しました",
    ),
    "cannot_render": (
        "The mail cannot be made from `{template}`: {error}",
        "「{template}」からメールを作成できません：{error}",
    ),
    "review": ("Waits for the CSM to read and approve it", "担当CSMの確認を待っています"),
    "held_by_hand": ("Waits because a person holds it", "担当者が保留にしています"),
    "held_by_hand_expired": ("Nobody let it go on in time", "期限までに保留が解除されませんでした"),
    "released": ("A person let it go on", "保留が解除されました"),
    "ready": ("May go", "送信できます"),
    "template_held": (
        "Waits with its template: `{template}` lacks a field for too many, and somebody is asked",
        "テンプレート「{template}」で未入力の項目が多いため、担当者の確認が済むまで保留しています",
    ),
    "template_held_expired": (
        "Waited with its template until it expired",
        "テンプレートの確認待ちのまま期限を過ぎたため、送信しません",
    ),
    "template_tried_again": (
        "Tried again: its template is no longer held",
        "テンプレートの保留が解けたため、あらためて送信します",
    ),
    "other_language": (
        "Written in `{locale}`: `{template}` is not there in `{wanted}`",
        "「{template}」に `{wanted}` 版がないため、`{locale}` で作成しました",
    ),
    "facts_changed": (
        "Tried again: facts about the customer changed",
        "お客様の情報が更新されたため、もう一度試します",
    ),
    "review_expired": ("Nobody approved it in time", "期限までに承認されませんでした"),
    "missing_field_expired": ("The missing field was not filled in time", "期限までに未入力の項目が埋まりませんでした"),
    "nobody_to_write_to_expired": ("Nobody to write to was found in time", "期限までに送り先が見つかりませんでした"),
    "walk_ended": ("Cancelled: the walk ended before it could go", "ジャーニーが終了したため取り消しました"),
    "expired_in_pause": ("Fell due during a pause and is not caught up", "一時停止中に期限を迎えたため、送信しません"),
    "transport_denied": (
        "The provider refuses our account ({answer}); nothing is sent until somebody acts",
        "配信サービスにアカウントを拒否されました（{answer}）。対処されるまで送信を止めています",
    ),
    "transport_slowed": (
        "The provider asks us to slow down ({answer}); sending goes on later",
        "配信サービスから送信を控えるよう求められました（{answer}）。後ほど再開します",
    ),
    # What became of a mail
    "accepted": ("The provider took it", "配信サービスが受け付けました"),
    "evidence": (
        "The provider's own events prove that it was taken",
        "配信サービスからの通知により、受け付け済みと確認できました",
    ),
    "rate_limited": ("The provider limits the rate; tried again {until}", "送信数の制限を受けました。再試行：{until}"),
    "breaker": (
        "Not tried: the provider refuses our account; again {until}",
        "アカウントが拒否されているため見合わせました。再試行：{until}",
    ),
    "connect_error": (
        "The provider could not be reached; tried again {until}",
        "配信サービスに接続できませんでした。再試行：{until}",
    ),
    "deadline": ("Not handed over in time; tried again {until}", "時間内に渡せませんでした。再試行：{until}"),
    "try_later": ("The server said: not now; tried again {until}", "サーバーから一時的に断られました。再試行：{until}"),
    "write_error": (
        "The file could not be written; tried again {until}",
        "ファイルに書き込めませんでした。再試行：{until}",
    ),
    "unauthorized": (
        "The provider does not accept our key or login",
        "配信サービスの認証に失敗しました（キーまたはログイン）",
    ),
    "forbidden": ("The provider does not allow our account to send", "このアカウントでの送信が許可されていません"),
    "credits": ("The provider's credits are used up", "配信サービスの利用枠を使い切りました"),
    "unsupported": ("The server cannot do what we need", "サーバーが必要な機能に対応していません"),
    "bad_request": ("The provider refused this mail for good", "配信サービスがこのメールを拒否しました"),
    "too_large": ("The mail is too large for the provider", "メールのサイズが上限を超えています"),
    "rejected": ("The server refused this mail for good", "サーバーがこのメールを拒否しました"),
    "unsendable": (
        "The mail cannot leave as it is (its address or a header)",
        "宛先またはヘッダーに問題があり送信できません",
    ),
    "timeout": (
        "No answer came after it was handed over: its fate is unknown, so it is not sent again",
        "送信後に応答がなく、届いたか不明です。二重送信を避けるため再送しません",
    ),
    "reset": (
        "The connection broke after it was handed over: its fate is unknown, so it is not sent again",
        "送信後に接続が切れ、届いたか不明です。二重送信を避けるため再送しません",
    ),
    "server_error": (
        "The provider failed after it was handed over: its fate is unknown, so it is not sent again",
        "送信後に配信サービスでエラーが起き、届いたか不明です。二重送信を避けるため再送しません",
    ),
    "unexpected_status": (
        "The provider answered something nobody expects ({status})",
        "配信サービスから想定外の応答がありました（{status}）",
    ),
    "deferred:worker_lost": (
        "The worker that prepared it was lost before anything left; tried again",
        "送信前に処理が中断したため、もう一度試します",
    ),
    "fault:worker_lost": (
        "The worker was lost while handing it over: its fate is unknown, so it is not sent again",
        "送信中に処理が中断し、届いたか不明です。二重送信を避けるため再送しません",
    ),
    "worker_lost": ("The worker that had it was lost", "処理が中断しました"),
    "killed_its_worker": (
        "Set aside: three workers were lost over it; somebody should look at it",
        "処理が3回中断したため隔離しました。確認が必要です",
    ),
    "no_evidence": (
        "No sign from the provider in 25 hours; a person decides: resend or skip",
        "25時間たっても届いた形跡がありません。再送するか見送るかを判断してください",
    ),
    "mail_processed": ("The provider is processing it", "配信サービスが処理中です"),
    "mail_deferred": ("The reader's server asked for patience", "相手のサーバーが受信を保留しています"),
    "mail_delivered": ("Was delivered", "届きました"),
    "mail_opened": ("Was opened", "開封されました"),
    "mail_clicked": ("A link in it was clicked", "リンクがクリックされました"),
    "mail_replied": ("Was answered", "返信がありました"),
    "mail_bounced": ("Bounced; the address is not used again", "不達でした。このアドレスには今後送信しません"),
    "mail_dropped": ("The provider dropped it", "配信サービスが送信を取りやめました"),
    "mail_complained": (
        "Was reported as spam; the address is not used again",
        "迷惑メールとして報告されました。このアドレスには今後送信しません",
    ),
    "mail_blocked": (
        "The reader's server refused it for now; the address is good",
        "相手のサーバーが一時的に受信を拒否しました。アドレスは有効です",
    ),
    "mail_group_unsubscribed": (
        "The reader unsubscribed from mails of this kind",
        "この種類のメールの配信停止の手続きがありました",
    ),
    "mail_resubscribed": (
        "The reader asked the provider for mails again; our preference page decides",
        "配信サービス側で配信再開の手続きがありました。実際の配信は当方の配信設定に従います",
    ),
    "mail_clicked_by_machine": (
        "The click turned out to be a mail scanner's; it does not count",
        "クリックはメール検査システムによるものと分かりました。集計には含めません",
    ),
    "mail_replied_by_word": (
        "{by} said that the reader answered: {note}",
        "{by}さんが、返信があったと記録しました：{note}",
    ),
    "mail_unsubscribed": ("The reader unsubscribed", "配信停止の手続きがありました"),
    **CONSENT_SENTENCES,
    **FUSE_SENTENCES,
    "mail_machine": (
        "A machine, not a person, touched it ({kind}); this never counts",
        "人ではなく機械による反応です（{kind}）。集計には含めません",
    ),
    **ASSIST_SENTENCES,
    **PEOPLE_SENTENCES,
    **STAGE_SENTENCES,
    **PLAN_SENTENCES,
    **CONTENT_SENTENCES,
    **STANDING_SENTENCES,
}
