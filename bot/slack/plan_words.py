"""The words of success plans in Slack, in English and Japanese. Data only; wording.py says them."""

from __future__ import annotations

PLAN_WORDS: dict[str, tuple[str, str]] = {
    "plan": ("Plan", "プラン"),
    "plan_now": ("Save", "保存する"),
    "plan_open": ("open", "未達"),
    "plan_met": ("reached", "達成"),
    "plan_dropped": ("taken out", "対象外"),
    "plan_tasks": ("To do for {number}", "目標{number}のタスク"),
    "plan_hint": ("{progress}, until {due}", "達成度{progress}、期限{due}"),
    "plan_hint_owner": ("{progress}, until {due}, {owner}", "達成度{progress}、期限{due}、担当{owner}"),
    "plan_why": ("Why is it taken out?", "対象外にする理由"),
    "plan_why_hint": (
        "Only when you take an objective out; it is kept in the journal.",
        "目標を対象外にする場合に入力してください。記録に残ります。",
    ),
    "plan_last": (
        "One objective must stay. To end the plan: `journeybot plans close {plan}`",
        "目標を1つは残してください。プランを終了するには `journeybot plans close {plan}` を実行してください。",
    ),
    "told_plan_unknown": ("There is no such plan here.", "このプランは見つかりません。"),
    "told_plan_over": (
        "This plan is over ({state}), so nothing was changed.",
        "このプランは終了しているため（{state}）、変更はありません。",
    ),
    "told_plan_not_yours": (
        "This plan is not yours: its owners, their managers and whoever covers for them may act on it. Nothing was changed.",
        "このプランを操作できるのは、担当者とその上司、代理の方です。変更はありません。",
    ),
    "told_plan_stale": (
        "The plan was changed meanwhile, so nothing was saved. Open it again.",
        "プランがほかで変更されたため、保存していません。もう一度開いてください。",
    ),
    "plan_state_achieved": ("achieved", "達成"),
    "plan_state_missed": ("missed", "未達成"),
    "plan_state_closed": ("closed", "終了"),
}
