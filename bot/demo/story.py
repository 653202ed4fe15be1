"""Prints the demo's summary with rich: who walked, what was sent, who was asked, what was not sent and why, three stories,
what to try next. Pure formatting of a DemoSummary; it reads neither database nor clock."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from bot.demo.summary import HOME_ZONE, DemoSummary, HealthCount, Story
from bot.insight.summary import HandoffCount, PlaybookCount, SignalCount, TemplateCount, UnsentCount
from bot.insight.timeline import StoryKind, StoryLine
from bot.rules.field_types import say
from bot.rules.zones import zone_of

LINES_PER_STORY = 16

SIGNS = {
    StoryKind.ENTERED: ("→", "cyan"),
    StoryKind.LEFT: ("←", "cyan"),
    StoryKind.SENT: ("✉", "green"),
    StoryKind.OPENED: ("○", "green"),
    StoryKind.CLICKED: ("●", "green"),
    StoryKind.BOUNCED: ("✗", "red"),
    StoryKind.UNSUBSCRIBED: ("✗", "red"),
    StoryKind.COMPLAINED: ("✗", "red"),
    StoryKind.NOT_SENT: ("✗", "red"),
    StoryKind.ASKED: ("☎", "yellow"),
    StoryKind.TAKEN: ("☎", "yellow"),
    StoryKind.DONE: ("✓", "yellow"),
    StoryKind.WITHDRAWN: ("☎", "dim"),
    StoryKind.STAGE: ("▲", "magenta"),
    StoryKind.PLAN: ("◇", "magenta"),
    StoryKind.REACHED: ("◆", "magenta"),
    StoryKind.MEETING: ("☷", "blue"),
    StoryKind.NOTE: ("✎", "blue"),
    StoryKind.ANSWER: ("★", "magenta"),
}

SENTENCES = {
    StoryKind.ENTERED: "enters {subject}",
    StoryKind.LEFT: "leaves {subject}: {detail}",
    StoryKind.SENT: "mail to {who}: {subject}",
    StoryKind.OPENED: "{who} opens: {subject}",
    StoryKind.CLICKED: "{who} clicks in: {subject}",
    StoryKind.BOUNCED: "comes back from {who}: {subject}",
    StoryKind.UNSUBSCRIBED: "{who} unsubscribes in: {subject}",
    StoryKind.COMPLAINED: "{who} calls it spam: {subject}",
    StoryKind.NOT_SENT: "not sent to {who}: {subject} ({detail})",
    StoryKind.ASKED: "{who} is asked: {subject}",
    StoryKind.TAKEN: "{who} is on it: {subject}",
    StoryKind.DONE: "{who} is done: {subject} → {detail}",
    StoryKind.WITHDRAWN: "no longer needed: {subject}",
    StoryKind.STAGE: "stage {detail} → {subject}",
    StoryKind.PLAN: "plan {subject}: {detail}",
    StoryKind.REACHED: "reached: {subject} ({detail})",
    StoryKind.MEETING: "meeting {subject} with {who}: {detail}",
    StoryKind.NOTE: "{who} notes: {subject}",
    StoryKind.ANSWER: "{who} answers {subject}: {detail}",
}


def print_summary(console: Console, summary: DemoSummary, *, command: str = "journeybot") -> None:
    console.print(Panel(_headline(summary), title=f"{summary.company}: what happened", title_align="left"))
    console.print(_playbooks(summary.playbooks))
    console.print(_mails(summary.mails))
    console.print(_handoffs(summary.handoffs))
    if summary.signals:
        console.print(_signals(summary.signals))
    if summary.health:
        console.print(_health(summary.health))
    if summary.unsent:
        console.print(_unsent(summary.unsent))
    for story in summary.stories:
        console.print(_story(story))
    console.print(Panel(_next_steps(summary, command), title="Try next", title_align="left"))


def _headline(summary: DemoSummary) -> Text:
    sent = sum(line.sent for line in summary.mails)
    walks = sum(line.entered for line in summary.playbooks)
    asked = sum(line.opened for line in summary.handoffs)
    return Text(
        f"{summary.days} days ({summary.first_day} to {summary.last_day}) in {summary.seconds:.0f} seconds.\n"
        f"{summary.customers} customers with {summary.contacts} contacts walked {walks} journeys: "
        f"{sent} mails went out, {asked} times a person was asked."
    )


def _table(title: str, *columns: str) -> Table:
    """The first column is text, the others are numbers."""
    table = Table(title=title, title_justify="left", title_style="bold", header_style="bold", box=None, pad_edge=False)
    for place, column in enumerate(columns):
        table.add_column(column, justify="left" if place == 0 else "right", overflow="fold")
    return table


def _playbooks(counts: tuple[PlaybookCount, ...]) -> Table:
    table = _table("Who walked", "playbook", "entered", "walking", "goal")
    table.add_column("other endings", overflow="fold")
    for count in sorted(counts, key=lambda count: (-count.entered, count.playbook)):
        others = ", ".join(f"{outcome} {number}" for outcome, number in count.others.items())
        held_out = f" ({count.held_out} held out)" if count.held_out else ""
        name = Text(say(count.title, "en")).append(f"  {count.playbook}", style="dim")
        table.add_row(name, f"{count.entered}{held_out}", str(count.active), str(count.goal), others)
    return table


def _mails(counts: tuple[TemplateCount, ...]) -> Table:
    table = _table("What was sent", "template", "sent", "opened", "clicked", "bounced")
    for count in counts:
        reads = (_share(count.opened, count.sent), _share(count.clicked, count.sent))
        table.add_row(count.template, str(count.sent), *reads, str(count.bounced or ""))
    return table


def _share(part: int, whole: int) -> str:
    return f"{part} ({part / whole:.0%})" if whole else str(part)


def _handoffs(counts: tuple[HandoffCount, ...]) -> Table:
    table = _table("Where a person stepped in", "kind", "asked", "acknowledged", "done", "waiting", "escalated")
    for count in counts:
        numbers = (count.opened, count.acknowledged, count.done, count.waiting, count.escalated)
        table.add_row(count.kind, *map(str, numbers))
    return table


def _signals(counts: tuple[SignalCount, ...]) -> Table:
    table = _table("What was noticed", "signal", "opened", "customers", "open now")
    for count in counts:
        table.add_row(count.signal, str(count.opened), str(count.customers), str(count.open or ""))
    return table


def _health(count: HealthCount) -> Text:
    moved = f"within 30 days {count.rose} rose and {count.fell} fell a band"
    return Text(f"Health: {count.green} green, {count.yellow} yellow, {count.red} red; {moved}")


def _unsent(counts: tuple[UnsentCount, ...]) -> Table:
    table = _table("What was not sent, or not yet", "state and reason", "mails")
    for count in counts:
        reason = f": {count.reason.replace('_', ' ')}" if count.reason not in ("", count.state) else ""
        table.add_row(f"{count.state}{reason}", str(count.count))
    return table


def _story(story: Story) -> Panel:
    zone = zone_of(HOME_ZONE)
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True, style="dim")
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for line in story.lines[:LINES_PER_STORY]:
        sign, style = SIGNS[line.kind]
        grid.add_row(_moment(line.at, zone), Text(sign, style=style), Text(sentence(line)))
    left = len(story.lines) - LINES_PER_STORY
    if left > 0:
        grid.add_row("", "", Text(f"… and {left} more lines", style="dim"))
    return Panel(grid, title=f"{story.headline}: {story.name} ({story.customer})", title_align="left")


def _moment(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).strftime("%a %d %b %H:%M")


def sentence(line: StoryLine) -> str:
    """One line of a story as a person reads it."""
    detail = line.detail.replace("_", " ") if line.kind is StoryKind.NOT_SENT else line.detail
    return SENTENCES[line.kind].format(subject=line.subject, who=line.who or "nobody", detail=detail or "–")


def _next_steps(summary: DemoSummary, command: str) -> Text:
    customer = summary.stories[0].customer if summary.stories else "CUSTOMER"
    tries = (
        (f"explain {customer}", "why it got what it got"),
        ("handoffs list", "who is still asked for what"),
        ("outbox list", "every mail and its state"),
        (f"report health --at {summary.last_day}T23:00", "how all fare; also signals, stages, coverage"),
        ("check", "after you edited playbooks/journeys/welcome.yml"),
    )
    width = max(len(what) for what, _ in tries) + 4
    return Text(
        f"The mails: {summary.outbox} (open any .eml file)\n"
        f"The workspace: {summary.folder}\n\n"
        f"cd {summary.folder}\n" + "".join(f"{command} {what:<{width}}{why}\n" for what, why in tries)
    )
