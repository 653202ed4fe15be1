"""The reasons of decisions about success plans, as sentences in English and Japanese. Data only; reasons.py reads them."""

from __future__ import annotations

from collections.abc import Mapping

PLAN_SENTENCES: Mapping[str, tuple[str, str]] = {
    "plan_opened": (
        "Opened the plan {title} ({plan}) with {objectives} objectives, due {due}",
        "プラン「{title}」（{plan}）を目標{objectives}件で開始しました。期限：{due}",
    ),
    "plan_stands": (
        "{title} ({plan}) is {state}: {progress} reached, {behind} behind, due {due}",
        "「{title}」（{plan}、{state}）：達成度{progress}、遅れ{behind}、期限{due}",
    ),
    "plan_open_already": (
        "A plan of the kind {plan} is open already, so none was opened",
        "「{plan}」のプランがすでに進行中のため、新しく開始しませんでした",
    ),
    "plan_not_for_left": (
        "The customer has left by the exits of workspace.yml, so no plan of the kind {plan} was opened",
        "お客様は workspace.yml の終了条件により離脱済みのため、「{plan}」のプランを開始しませんでした",
    ),
    "plan_unknown": (
        "plans.yml has no plan {plan} any more, so none was opened",
        "plans.yml に「{plan}」のプランがないため、開始しませんでした",
    ),
    "plan_approved": ("{by} agreed to the plan {title}", "{by}さんがプラン「{title}」を承認しました"),
    "plan_declined": (
        "{by} did not agree to the plan {title}, so it was closed",
        "{by}さんがプラン「{title}」を承認しなかったため、終了しました",
    ),
    "plan_shared": (
        "{by} shared the plan {title} with the customer",
        "{by}さんがプラン「{title}」をお客様と共有しました",
    ),
    "objective_met": (
        "Reached “{objective}” of the plan {title}: {because}",
        "プラン「{title}」の目標「{objective}」を達成しました：{because}",
    ),
    "objective_done": (
        "{by} said that “{objective}” of the plan {title} is reached",
        "{by}さんがプラン「{title}」の目標「{objective}」を達成としました",
    ),
    "objective_reopened": (
        "{by} opened “{objective}” of the plan {title} again",
        "{by}さんがプラン「{title}」の目標「{objective}」を再開しました",
    ),
    "objective_added": (
        "{by} added “{objective}” to the plan {title}",
        "{by}さんがプラン「{title}」に目標「{objective}」を追加しました",
    ),
    "objective_dropped": (
        "{by} took “{objective}” out of the plan {title}: {because}",
        "{by}さんがプラン「{title}」から目標「{objective}」を外しました：{because}",
    ),
    "plan_task_ticked": (
        "{by} ticked off “{task}” of “{objective}” in the plan {title}",
        "{by}さんがプラン「{title}」の目標「{objective}」のタスク「{task}」を完了にしました",
    ),
    "plan_task_unticked": (
        "{by} took the tick off “{task}” of “{objective}” in the plan {title}",
        "{by}さんがプラン「{title}」の目標「{objective}」のタスク「{task}」を未完了に戻しました",
    ),
    "plan_changed": (
        "{by} changed the plan {title}: {changes}",
        "{by}さんがプラン「{title}」を変更しました：{changes}",
    ),
    "plan_review_asked": (
        "Asked {owner} to go through the plan {title}",
        "{owner}さんにプラン「{title}」の見直しを依頼しました",
    ),
    "plan_achieved": (
        "Achieved the plan {title}: all {met} objectives reached",
        "プラン「{title}」を達成しました（目標{met}件すべて）",
    ),
    "plan_missed": (
        "Missed the plan {title}: its last day passed with {met} objectives reached and {open} open",
        "プラン「{title}」は期限までに達成できませんでした（達成{met}件、未達{open}件）",
    ),
    "plan_closed": ("{by} closed the plan {title}: {because}", "{by}さんがプラン「{title}」を終了しました：{because}"),
    "plan_customer_left": (
        "Closed the plan {title} with {met} objectives reached and {open} open: the customer has left",
        "お客様が離脱したため、プラン「{title}」を終了しました（達成{met}件、未達{open}件）",
    ),
    "plan_kind_removed": (
        "Closed the plan {title}: plans.yml has no plan {plan} any more",
        "plans.yml から「{plan}」がなくなったため、プラン「{title}」を終了しました",
    ),
}
