"""How things stand now, and how many stand so, as sentences in English and Japanese: explain works these out, the journal does
not hold them. Data only; reason_sentences.py joins it with the others."""

from __future__ import annotations

from collections.abc import Mapping

#: reason (or count:reason, where the details differ from one to the next) → English, Japanese.
STANDING_SENTENCES: Mapping[str, tuple[str, str]] = {
    "sending_released": (
        "{by} let the host {host} send ({why}); {expired} mail(s) expired",
        "{by}さんがホスト {host} からの送信を許可しました（{why}）。期限切れにしたメール：{expired}通",
    ),
    "expired_at_release": (
        "Fell due before sending was released, and was not to be sent any more; it may have been sent before the restore",
        "送信再開の際に、期日を過ぎたメールとして送信を取りやめました（復元前に送信済みの可能性があります）",
    ),
    "condition_false": ("Does not enter: the condition does not hold", "開始条件に合っていません"),
    "condition_empty": (
        "Cannot be known: a value that the condition orders by size is empty",
        "判定できません：大小を比べる値が空です",
    ),
    "condition_unknown": (
        "Cannot be known: a feed is silent, the customer is too young, or a value is empty",
        "判定できません：データの取り込みが止まっている、契約から日が浅い、または値が空です",
    ),
    "still_open": (
        "Walked it, and the condition has not stopped holding since; enters when it turns true anew",
        "実施済みで、その後も条件に合ったままです。一度外れて再び合えば開始します",
    ),
    "walked_this_date": ("Walked it for this date already", "この日付については実施済みです"),
    "waits_for_event": (
        "Waits for the next `{event}`; the latest one ({last}) was looked at already",
        "次の `{event}` を待っています（直近の {last} は処理済み）",
    ),
    "waits_for_end": ("Waits for the end of the playbook `{event}`", "ジャーニー「{event}」の終了を待っています"),
    "handing_over": ("Is being handed over, or its worker was lost", "送信中、または処理が中断しています"),
    "feed_stale": (
        "Cannot be known: the feed {feeds} is silent, and a silent feed is not a silent customer",
        "判定できません：データ {feeds} の取り込みが止まっています（利用がないこととは区別します）",
    ),
    "too_young": (
        "Cannot be known yet: the customer is younger than the {days} days the condition looks back",
        "まだ判定できません：ご契約開始から、条件が見る{days}日間が経っていません",
    ),
    "not_mailable": (
        "The contact cannot be mailed in the category of the first mail ({category})",
        "最初のメールの種別（{category}）を送れないご担当者です",
    ),
    "no_contact": ("The customer has no contact who could walk", "対象となるご担当者が登録されていません"),
    "will_enter": ("Enters at the next tick", "次の処理で開始します"),
    "no_date": ("Has no date in `{anchor}`", "`{anchor}` の日付がありません"),
    "not_yet": ("Not yet: `{anchor}` falls on {day}", "まだ先です：`{anchor}` は {day} です"),
    "date_passed": (
        "Too late: `{anchor}` fell on {day}, and one may enter until {last_day} (`enter.within`)",
        "期限を過ぎています：`{anchor}` は {day}、開始できるのは {last_day} まででした（`enter.within`）",
    ),
    "event_never": ("Has never had the event `{event}`", "イベント `{event}` が一度もありません"),
    "event_filtered": (
        "The latest `{event}` ({last}) did not start it: the filter does not hold for it, or it came before the playbook was live",
        "直近の `{event}`（{last}）では開始しませんでした：条件に合わないか、公開前のイベントです",
    ),
    "moment_to_come": ("Not yet: the next moment is {moment}", "まだ先です：次回は {moment} です"),
    "moment_over": ("Its moment ({moment}) is over", "予定時刻（{moment}）を過ぎています"),
    "by_hand_only": ("Is entered by hand only: `journeybot enroll`", "手動でのみ開始します（`journeybot enroll`）"),
    "signal_open": ("`{signal}` is open since {since}", "`{signal}` が {since} から発生しています"),
    "signal_closed": (
        "Waits for a signal that is not open: {signals}",
        "シグナル {signals} の発生を待っています",
    ),
    "signal_walked": (
        "Was offered it when the signal opened; enters when the signal closes and opens anew",
        "シグナルの発生時に判定済みです。一度解消して再び発生すれば開始します",
    ),
    "not_live": (
        "The playbook is {state}; only live playbooks let people in",
        "このジャーニーは {state} です。公開中（live）のものだけが動きます",
    ),
    "due_now": ("Moves on at the next tick", "次の処理で先へ進みます"),
    "waits_for_time": ("Waits until {until}", "{until} まで待っています"),
    "waits_for_condition": (
        "Waits for `{condition}`, at the latest until {until}",
        "`{condition}` の成立を待っています（最長 {until} まで）",
    ),
    "waits_without_end": (
        "Waits for `{condition}`, as long as it takes",
        "`{condition}` の成立を待っています（期限なし）",
    ),
    "waits_for_mail": (
        "Waits for the mail `{template}`, which is {state}: {why}",
        "メール「{template}」の結果を待っています（{state}：{why}）",
    ),
    "waits_for_worker": ("Waits for its mail to be sent", "メールの送信を待っています"),
    "nobody_wakes": (
        "Nobody will ever wake this walk; run `journeybot doctor`",
        "このジャーニーを進めるきっかけがありません。`journeybot doctor` で確認してください",
    ),
    # The same for many at once, where the details differ from one to the next
    "count:handed_over": ("Handed over to a person ({kind})", "担当者に対応を依頼しました（{kind}）"),
    "count:logged": ("Noted on the timeline", "タイムラインに記録しました"),
    "count:set": ("Wrote values", "値を書き込みました"),
    "count:set_already": ("Nothing to write: the values stood already", "変更なし：値はすでに設定済みです"),
    "count:cap_mails": ("The person got as many mails as allowed", "ご担当者へのメールが上限に達していました"),
    "count:cap_surveys": ("The person was asked as often as allowed", "ご担当者へのアンケートが上限に達していました"),
    "count:cap_touches": ("The customer was contacted as often as allowed", "お客様へのご連絡が上限に達していました"),
    "count:room_kept": ("Made way for something more important", "優先度の高いご連絡のために見合わせました"),
    "count:same_mail_first": ("Waited for the same mail to the same address", "同じ宛先への同じメールを待ちました"),
    "count:same_mail": ("The same address got this mail already", "同じ宛先に送信済みのため送信しませんでした"),
    "count:cap_passed": (
        "Went over a cap on a person's word, or exempt",
        "担当者の判断または対象外のため上限を超えて送信しました",
    ),
    "count:capped_out": ("Found no room under a cap until they expired", "有効期限までに上限の空きがありませんでした"),
    "count:outside_window": ("Waited for the send window", "送信時間帯を待ちました"),
    "count:moment_missed": ("A scheduled moment was missed", "予定時刻を過ぎたため見送りました"),
    "count:nobody_to_write_to": ("Nobody at the customer could be written to", "送り先となるご担当者がいませんでした"),
    "count:cannot_render": (
        "The mail could not be made from `{template}`",
        "「{template}」からメールを作成できませんでした",
    ),
    "count:walk_fault": ("A step broke and was tried again", "手順でエラーが起き、再試行しました"),
    "count:playbook_fault": ("The playbook broke and was set aside", "ジャーニーの処理でエラーが起きました"),
    "count:rate_limited": ("The provider limited the rate", "送信数の制限を受けました"),
    "count:breaker": ("Not tried: the provider refuses our account", "アカウントが拒否されているため見合わせました"),
    "count:connect_error": ("The provider could not be reached", "配信サービスに接続できませんでした"),
    "count:deadline": ("Not handed over in time", "時間内に渡せませんでした"),
    "count:try_later": ("The server said: not now", "サーバーから一時的に断られました"),
    "count:write_error": ("The file could not be written", "ファイルに書き込めませんでした"),
    "count:unexpected_status": (
        "The provider answered something nobody expects",
        "配信サービスから想定外の応答がありました",
    ),
    "count:deployed": ("A version was published", "バージョンを公開しました"),
    "count:not_yet": ("Not yet: `{anchor}` lies ahead", "まだ先です：`{anchor}`"),
    "count:date_passed": (
        "Too late: `{anchor}` is past (`enter.within`)",
        "期限を過ぎています：`{anchor}`（`enter.within`）",
    ),
    "count:moment_to_come": ("Enter at the next scheduled moment", "次の予定時刻に開始します"),
    "count:waits_for_event": ("Wait for the next `{event}`", "次の `{event}` を待っています"),
    "count:will_enter": ("Enter at the next tick", "次の処理で開始します"),
}
