"""What `workspace.yml` may say: the company's clock, languages, windows, caps, owners and everything else that holds for
all playbooks. Every key has a default, so a workspace without the file works. Read by workspace_file; used by every pass."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from bot.authoring.nearest import suggestion
from bot.authoring.template_source import CATEGORIES, Category
from bot.rules.business_days import parse_holiday_source, parse_regional_freeze
from bot.rules.durations import Duration, parse_clock, parse_day, parse_duration
from bot.rules.field_types import (
    LOCALE_PATTERN,
    ConditionText,
    DaysText,
    DurationText,
    HoursText,
    Part,
    Word,
    Words,
    read_list,
    readable_by,
    refused,
)
from bot.rules.fuses import Fuses
from bot.rules.pacing import Pace
from bot.rules.playbook import Exit
from bot.rules.reports import REPORTS, parse_report_schedule, report_name
from bot.rules.steps_model import key
from bot.rules.zones import zone_of

Zone = Annotated[str, readable_by(zone_of)]
HolidayName = Annotated[str, readable_by(parse_holiday_source)]
FreezeText = Annotated[str, readable_by(parse_regional_freeze)]
ClockText = Annotated[str, readable_by(parse_clock)]
HostName = Annotated[str, readable_by(lambda text: check_host(text))]
# One item may stand without brackets.
AS_LIST = BeforeValidator(read_list, json_schema_input_type=str | list[str])
Day = Annotated[date, BeforeValidator(lambda value: read_day(value))]
_ADDRESS = re.compile(r"[^\s@<>\"]+@[^\s@<>\"]+\.[^\s@<>\".]+|[^\s@<>\"]+@localhost")


def read_day(value: object) -> object:
    """`2027-05-01` → the date."""
    if not isinstance(value, str):
        return value
    try:
        return parse_day(value)
    except ValueError as refusal:
        message, _, hint = str(refusal).partition("; ")
        raise refused(message, hint) from None


def check_address(text: str) -> str:
    """Raises: ValueError."""
    if not _ADDRESS.fullmatch(text):
        raise ValueError(f"`{text}` is not an e-mail address; write it like `support@example.com`")
    return text


def check_locale(text: str) -> str:
    """Raises: ValueError."""
    if not text or not re.fullmatch(LOCALE_PATTERN, text):
        raise ValueError(f"`{text}` is not a language code; write it like `en`, `ja` or `pt-BR`")
    return text


def check_host(text: str) -> str:
    """Raises: ValueError."""
    if not re.fullmatch(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|[0-9a-f:.]+", text):
        raise ValueError(f"`{text}` is no host; write it in lower case and without https://, like `hooks.example.com`")
    return text


def read_cap(value: object) -> object:
    """`2 per 7 days` and `10 per day` → count and duration."""
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"(\d{1,6})\s+per\s+(.+)", value.strip())
    if match is None:
        raise refused(f"`{value}` is no cap", "write `2 per 7 days`")
    length = match[2] if match[2][0].isdigit() else f"1 {match[2]}"
    try:
        is_counted_in_shifts = parse_duration(length).business_minutes
    except ValueError as refusal:
        raise refused(str(refusal), "write `2 per 7 days`") from None
    if is_counted_in_shifts:
        raise refused(f"`{value}` counts working hours", "count days or hours, such as `1 per 12 hours`")
    return {"count": int(match[1]), "length": length}


class CapRule(Part):
    """At most so many within so long."""

    count: int = Field(ge=0, description="How many.")
    length: DurationText = Field(description="Within how long.")

    @property
    def per(self) -> Duration:
        return parse_duration(self.length)


def read_caps(value: object) -> object:
    """One cap, or a list of caps that all hold: `[1 per day, 3 per 7 days]`."""
    given = value if isinstance(value, list | tuple) else () if value is None else (value,)
    return tuple(read_cap(each) for each in given)


_CAP_SCHEMA = {"type": "string", "pattern": r"^[0-9]+ per .+$"}
_CAPS_SCHEMA = {"anyOf": [_CAP_SCHEMA, {"type": "array", "items": _CAP_SCHEMA}]}
Cap = Annotated[CapRule, BeforeValidator(read_cap), WithJsonSchema(_CAP_SCHEMA)]
CapList = Annotated[tuple[CapRule, ...], BeforeValidator(read_caps), WithJsonSchema(_CAPS_SCHEMA)]


class Sender(Part):
    """Who mails come from when no CSM signs."""

    name: str = Field("", description="The name readers see.")
    email: Annotated[str, readable_by(check_address)] | None = Field(None, description="The address mails come from.")


class Replies(Part):
    """Answers come to journeybot first, so that `replied(…)` knows them, and are handed to the CSM."""

    address: Annotated[str, readable_by(check_address)] | None = Field(
        None,
        description="An address at the domain of SendGrid's inbound parse; mails then ask to be answered there (Reply-To). "
        "Needs JOURNEYBOT_INBOUND_SECRET.",
    )


class CalendarSettings(Part):
    """The days on which nothing of ours happens."""

    holidays: Annotated[tuple[HolidayName, ...], AS_LIST] = Field((), description="`JP public`, `JP bank`, `US` …")
    freeze: Annotated[tuple[FreezeText, ...], AS_LIST] = Field(
        (),
        description="Dates on which no mail goes out, everywhere or in one country: `2026-12-28 to 2027-01-04`, "
        "`JP 2027-04-29 to 2027-05-05`. Hand-offs open all the same.",
    )


class SendWindow(Part):
    """When mails, and pings that ask to phone, may go out; local to the reader."""

    when: ConditionText | None = Field(None, description="For whom; the first window that holds wins.")
    days: DaysText = Field("monday to friday", description="`every day`, `monday to friday`, `monday, thursday`.")
    hours: HoursText = Field("09:00-18:00", description="`09:00-18:00`.")


class Caps(Part):
    """How much is too much (S15). Each may be one cap or a list of which all hold: `[1 per day, 3 per 7 days]`. `1 per day` and
    `7 days` count days of the calendar where the reader is, `12 hours` counts hours."""

    mails_per_contact: CapList = Field((), description="`2 per 7 days`: mails to one person (one address).")
    touches_per_customer: CapList = Field(
        (), description="`5 per 7 days`: mails sent, hand-offs done and meetings held, together."
    )
    surveys_per_contact: CapList = Field(
        (), description="`1 per 90 days`: mails of the category `survey` to one person."
    )
    handoffs_per_owner: Cap | None = Field(
        None,
        description="`10 per day`: messages that call one person on a day; what is above comes as one list at their next 09:00. "
        "Urgent hand-offs never wait.",
    )


class TouchPolicy(Part):
    """What a touch model means for mails."""

    review: Literal["csm", "none"] = Field("none", description="`csm`: the CSM reads every mail before it goes.")
    touches_a_month: float | None = Field(
        None,
        ge=0,
        le=1000,
        description="How often a person should be in touch with each of these customers: `2`, or `0.5` for every second month. "
        "`report activity` counts against it.",
    )


class Cover(Part):
    """Who stands in for an absent person."""

    first: Day = Field(description="The first day away.", json_schema_extra=key("from"))
    last: Day = Field(description="The last day away.", json_schema_extra=key("to"))
    by: Word = Field(description="The person who stands in.")


class Owners(Part):
    """Who owns hand-offs."""

    default: Word | None = Field(
        None, description="Owner for customers without a CSM: a person or `round_robin(team)`."
    )
    roles: tuple[Word, ...] = Field(
        ("csm",), description="Roles of ours: columns `owner.ae`, `owner.support` of customers.csv."
    )
    teams: dict[Word, Words] = Field(default_factory=dict, description="Teams and their people.")
    cover: dict[Word, Cover] = Field(default_factory=dict, description="Who is away, when, and who covers.")


class LimitCase(Part):
    """One size's threshold; a case without `when` is for everybody else."""

    when: ConditionText | None = Field(None, description="For whom.")
    value: float = Field(description="The threshold.", json_schema_extra=key("is"))


class Feed(Part):
    """How fresh a source must be before "nothing happened" is believed (S2)."""

    complete_by: ClockText | None = Field(None, description="When yesterday's data is complete: `06:00`.")
    max_age: DurationText = Field("1 day", description="How old the newest fact may be.")

    @property
    def age(self) -> timedelta:
        """`max_age`, with a month as 30 days and a business day as one day."""
        length = parse_duration(self.max_age)
        days = length.months * 30 + length.days + length.business_days
        return timedelta(days=days, minutes=length.minutes + length.business_minutes)


class Webhooks(Part):
    """Which systems webhook steps may call."""

    hosts: Annotated[tuple[HostName, ...], AS_LIST] = Field((), description="The hosts, such as `hooks.example.com`.")
    private: Annotated[tuple[HostName, ...], AS_LIST] = Field(
        (), description="Those of them that may be at private addresses, and speak plain http."
    )


def check_report(text: str) -> str:
    """Raises: ValueError."""
    if report_name(text) not in REPORTS:
        raise ValueError(f"There is no report `{text}`; {suggestion(report_name(text), REPORTS)}")
    return text


_REPORT_SCHEMA = {"type": "string", "enum": sorted({*REPORTS, *(name.replace("-", "_") for name in REPORTS)})}
ReportText = Annotated[str, readable_by(check_report), WithJsonSchema(_REPORT_SCHEMA)]


class ScheduledReport(Part):
    """A report that is sent on its own."""

    report: ReportText = Field(description="Which report: `activity`, `stages`, `retention` … (docs/reports.md).")
    every: Annotated[str, readable_by(parse_report_schedule)] = Field(
        description="When, in the workspace's time zone: `monday 09:00`, `day 1 10:00`, `business day 08:30`."
    )
    to: Annotated[Words, Field(min_length=1)] = Field(
        description='To whom: `"#channel"`, a person or a team of ours, or `csm`: each CSM gets their own customers\'.'
    )


_TOUCH_REVIEW: dict[str, TouchPolicy] = {"high": TouchPolicy(review="csm"), "low": TouchPolicy(), "tech": TouchPolicy()}


class WorkspaceSettings(Part):
    """What holds for all playbooks."""

    company: str = Field("", description="Your company's name.")
    sender: Sender = Field(default_factory=Sender, description="Who mails come from when no CSM signs.")
    locale: Annotated[str, readable_by(check_locale)] = Field(
        "en", description="The language when neither contact nor customer has one."
    )
    timezone: Zone = Field("UTC", description="The time zone when neither contact, customer nor CSM has one.")
    calendar: CalendarSettings = Field(default_factory=CalendarSettings, description="Holidays and freeze dates.")
    windows: tuple[SendWindow, ...] = Field(
        (SendWindow(),), description="When mails may go out; the first that holds wins."
    )
    team_windows: dict[Word, tuple[SendWindow, ...]] = Field(
        default_factory=dict,
        description="Windows of a team (of csms.csv or `owners.teams`), for customers of its CSMs; they narrow `windows`.",
    )
    caps: Caps = Field(default_factory=Caps, description="How much is too much.")
    fuses: Fuses = Field(default_factory=Fuses, description="Bounds above which a person is asked.")
    pace: Pace = Field(default_factory=Pace, description="How fast mails may leave, all workers together.")
    touch: dict[Word, TouchPolicy] = Field(
        default_factory=lambda: dict(_TOUCH_REVIEW), description="One policy per touch model: high, low, tech."
    )
    owners: Owners = Field(default_factory=Owners, description="Who owns hand-offs.")
    contact_roles: Words = Field(
        (), description="Roles of contacts beside decision_maker, champion, admin and user; `check` knows them."
    )
    exit: tuple[Exit, ...] = Field((), description="Exits of every playbook that does not say `exit_on_churn: false`.")
    limits: dict[Word, tuple[LimitCase, ...]] = Field(
        default_factory=dict, description='Thresholds per size, read by `limit("x")`; the first case that holds wins.'
    )
    feeds: dict[Word, Feed] = Field(default_factory=dict, description="How fresh a source must be to be believed.")
    reports: tuple[ScheduledReport, ...] = Field((), description="Which report goes when to whom.")
    webhooks: Webhooks = Field(default_factory=Webhooks, description="Which systems webhook steps may call.")
    replies: Replies = Field(default_factory=Replies, description="Where readers' answers go.")
    consent: Annotated[tuple[Category, ...], AS_LIST] = Field(
        CATEGORIES, description="The mail categories a contact accepts when the import says nothing."
    )
    stage_from: Literal["playbooks", "import"] = Field(
        "playbooks", description="`import`: the CRM leads the stage, and stages.yml only reports (S17)."
    )

    def windows_of_teams(self) -> tuple[tuple[str, SendWindow], ...]:
        """Team and window, in the order in which they are tried."""
        return tuple((team, window) for team, windows in self.team_windows.items() for window in windows)

    def limit_cases(self) -> Mapping[str, tuple[tuple[str | None, float], ...]]:
        """The thresholds as (condition or None, value), as conditions read them."""
        return {name: tuple((case.when, case.value) for case in cases) for name, cases in self.limits.items()}

    def feed_ages(self) -> Mapping[str, timedelta]:
        """How old each feed may be before its silence means nothing."""
        return {name: feed.age for name, feed in self.feeds.items()}
