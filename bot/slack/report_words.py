"""How each report is told in Slack and by mail: its title, whose line it is, which figures, in English and Japanese. The command line
shows every column; here stands what fits a phone. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from bot.slack.wording import is_japanese


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """`title` in English and Japanese; `names`: the columns that say whose line it is; `figures`: those told; `only`: the column
    that must hold something for a line to be told; `below`: a list in the row, and what of each entry is named."""

    title: tuple[str, str]
    names: tuple[str, ...]
    figures: tuple[str, ...]
    only: str | None = None
    below: tuple[str, str] | None = None


LAYOUTS: dict[str, Layout] = {
    "activity": Layout(
        title=("Touches of the last 30 days", "直近30日の顧客接点"),
        names=("csm",),
        figures=("touches", "target", "share", "before", "untouched", "late"),
        below=("without_a_touch", "customer"),
    ),
    "churn-reasons": Layout(
        title=("Why customers left within a year", "直近1年の解約理由"),
        names=("link", "reason"),
        figures=("customers", "arr", "revenue_share"),
    ),
    "content": Layout(
        title=("What customers read and watch", "コンテンツの閲覧状況"),
        names=("item",),
        figures=("customers", "aware_share", "viewed", "minutes_in_30_days", "characters"),
    ),
    "coverage": Layout(
        title=("Where nobody acts", "対応するジャーニーがない箇所"),
        names=("stage", "signal"),
        figures=("open",),
        only="hole",
    ),
    "edits": Layout(
        title=("How prepared mails are changed", "準備メールの修正状況"),
        names=("template", "locale"),
        figures=("sent", "as_is", "edited", "elsewhere"),
    ),
    "features": Layout(
        title=("How features are used", "機能の利用状況"),
        names=("feature",),
        figures=("green", "yellow", "red", "green_share"),
    ),
    "handoffs": Layout(
        title=("How hand-offs ended", "対応依頼の結果"),
        names=("playbook", "step"),
        figures=("opened", "done", "dismissed", "withdrawn", "unfinished", "useless"),
    ),
    "health": Layout(
        title=("Health", "ヘルス"), names=("name",), figures=("green", "yellow", "red", "mean", "rose", "fell")
    ),
    "invariants": Layout(
        title=("One owner and one end per hand-off", "対応依頼の担当者と結果"),
        names=("week",),
        figures=("opened", "done", "dismissed", "open", "unowned", "overdue", "lost"),
    ),
    "metric-discovery": Layout(
        title=("What the first days tell of who stays", "初期の利用と継続の関係"),
        names=("measure",),
        figures=("at_least", "stayed_who_reached", "stayed_of_others", "stayed", "left"),
        only="at_least",
    ),
    "nps": Layout(
        title=("NPS", "NPS"), names=("by", "group"), figures=("nps", "answers", "promoters", "passives", "detractors")
    ),
    "plans": Layout(
        title=("Success plans", "サクセスプラン"),
        names=("kind",),
        figures=("open", "progress", "plans_behind", "achieved", "missed"),
        below=("examples", "customer"),
    ),
    "playbooks": Layout(
        title=("What journeys reach", "ジャーニーの成果"),
        names=("playbook",),
        figures=("entered", "inside", "goal_rate", "goal_rate_held_out"),
    ),
    "retention": Layout(
        title=("What stays: retention by month", "月ごとの継続率"),
        names=("month",),
        figures=("customers", "customers_lost", "grr", "nrr", "revenue_churn", "ltv"),
    ),
    "signals": Layout(
        title=("Signals", "シグナル"),
        names=("signal",),
        figures=("open", "opened_in_7_days", "closed_in_7_days", "arr"),
    ),
    "stages": Layout(
        title=("Stages", "ステージ"),
        names=("stage",),
        figures=("people", "overdue", "median_days", "completion", "renewal_of_movers", "renewal_of_others"),
        below=("stuck_at", "check"),
    ),
    "whitespace": Layout(
        title=("What customers could own", "提案できる製品"),
        names=("product",),
        figures=("own", "could_own", "arr"),
        below=("customers", "customer"),
    ),
}
#: Shares from 0 to 1, told as per cent.
SHARES = frozenset(
    {
        "share", "revenue_share", "aware_share", "green_share", "useless", "goal_rate", "goal_rate_held_out", "grr", "nrr",
        "revenue_churn", "completion", "renewal_of_movers", "renewal_of_others",
        "stayed_who_reached", "stayed_of_others",
    }
)  # fmt: skip
WORDS: dict[str, tuple[str, str]] = {
    "touches": ("touches", "接点"),
    "target": ("target", "目標"),
    "share": ("of the target", "達成率"),
    "before": ("30 days before", "前の30日"),
    "untouched": ("customers without a touch", "接点なし"),
    "late": ("overdue hand-offs", "期限超過の依頼"),
    "customers": ("customers", "社数"),
    "arr": ("ARR", "年間契約額"),
    "revenue_share": ("of the revenue", "売上比率"),
    "aware_share": ("know of it", "認知率"),
    "viewed": ("viewed it", "閲覧社数"),
    "minutes_in_30_days": ("minutes in 30 days", "30日の視聴分数"),
    "characters": ("characters", "文字数"),
    "open": ("open", "未完了"),
    "sent": ("sent", "送信"),
    "as_is": ("as they are", "修正なし"),
    "edited": ("edited", "修正あり"),
    "elsewhere": ("written elsewhere", "別途送信"),
    "green": ("green", "緑"),
    "yellow": ("yellow", "黄"),
    "red": ("red", "赤"),
    "green_share": ("green of those known", "緑の割合"),
    "opened": ("opened", "新規"),
    "done": ("done", "完了"),
    "dismissed": ("dismissed", "却下"),
    "withdrawn": ("withdrawn", "取り下げ"),
    "unfinished": ("unfinished", "未完了"),
    "useless": ("useless", "不要の割合"),
    "mean": ("mean", "平均"),
    "rose": ("rose", "改善"),
    "fell": ("fell", "悪化"),
    "unowned": ("without an owner", "担当者なし"),
    "overdue": ("overdue", "期限超過"),
    "lost": ("nowhere to be seen", "表示なし"),
    "nps": ("NPS", "NPS"),
    "answers": ("answers", "回答"),
    "promoters": ("promoters", "推奨者"),
    "passives": ("passives", "中立者"),
    "detractors": ("detractors", "批判者"),
    "progress": ("progress in %", "進捗(%)"),
    "plans_behind": ("behind", "遅れ"),
    "achieved": ("achieved", "達成"),
    "missed": ("missed", "未達"),
    "entered": ("entered", "開始"),
    "inside": ("inside", "進行中"),
    "goal_rate": ("reached the goal", "目標達成率"),
    "goal_rate_held_out": ("without the journey", "対照群"),
    "customers_lost": ("lost", "解約"),
    "grr": ("GRR", "GRR"),
    "nrr": ("NRR", "NRR"),
    "revenue_churn": ("revenue churn", "売上解約率"),
    "ltv": ("lifetime value", "LTV"),
    "opened_in_7_days": ("new in 7 days", "7日間の新規"),
    "closed_in_7_days": ("closed in 7 days", "7日間で解消"),
    "people": ("customers", "社数"),
    "median_days": ("days (median)", "日数(中央値)"),
    "completion": ("moved on", "完了率"),
    "renewal_of_movers": ("renewed, of those who moved on", "完了した顧客の更新率"),
    "renewal_of_others": ("renewed, of the others", "その他の更新率"),
    "at_least": ("from", "基準値"),
    "stayed_who_reached": ("stayed, of those who reached it", "達成した顧客の継続率"),
    "stayed_of_others": ("stayed, of the others", "その他の継続率"),
    "stayed": ("stayed", "継続"),
    "left": ("left", "解約"),
    "own": ("own it", "契約中"),
    "could_own": ("could own it", "提案可能"),
    "signals.open": ("open", "発生中"),
    "coverage.open": ("customers", "社数"),
    "plans.open": ("open", "進行中"),
    "all": ("all", "全体"),
    "nobody": ("without a CSM", "担当CSMなし"),
    "more_lines": ("and {count} more", "ほか{count}件"),
    "your_customers": ("{title}: your customers", "{title}（担当のお客様）"),
    "end": ("`journeybot report {name}` says more.", "詳しくは `journeybot report {name}` で確認できます。"),
}


def report_phrase(word: str, locale: str, **parts: str) -> str:
    """The word in the reader's language, English where we have no other."""
    english, japanese = WORDS[word]
    return (japanese if is_japanese(locale) else english).format(**parts)


def figure_phrase(report: str, column: str, locale: str) -> str:
    """What a figure is called; a column may mean another thing in another report."""
    named = f"{report}.{column}"
    return report_phrase(named if named in WORDS else column, locale)


def report_title(name: str, locale: str, *, of_one: bool) -> str:
    english, japanese = LAYOUTS[name].title
    title = japanese if is_japanese(locale) else english
    return report_phrase("your_customers", locale, title=title) if of_one else title
