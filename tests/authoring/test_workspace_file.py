"""workspace.yml: every key of the example, defaults for a workspace without the file, findings with their repair."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from bot.authoring.workspace_file import (
    SendWindow,
    TouchPolicy,
    WorkspaceSettings,
    load_workspace_settings,
    parse_workspace_settings,
)
from bot.errors import Finding
from bot.rules.durations import parse_duration

FILE = "playbooks/workspace.yml"
EXAMPLE = Path(__file__).parent.parent / "vectors" / "plays" / "workspace.yml"


def loaded(text: str) -> WorkspaceSettings:
    settings, findings = load_workspace_settings(text, FILE)
    assert findings == []
    assert settings is not None
    return settings


def findings_of(text: str) -> list[Finding]:
    return load_workspace_settings(f"company: x\n{text}\n", FILE)[1]


def test_the_example_of_the_practice_reads_as_written() -> None:
    settings = loaded(EXAMPLE.read_text(encoding="utf-8"))
    assert (settings.company, settings.locale, settings.timezone) == ("Hanabi Cloud", "ja", "Asia/Tokyo")
    assert settings.sender.email == "support@hanabi.example"
    assert settings.calendar.holidays == ("JP public", "JP bank")
    assert settings.calendar.freeze == ("2026-12-28 to 2027-01-04",)
    assert settings.windows[0] == SendWindow(when='industry == "restaurant"', days="every day", hours="14:00-17:00")
    assert settings.touch["high"] == TouchPolicy(review="csm")
    assert settings.exit[0].outcome == "lost"
    assert settings.owners.teams["digital"] == ("sato", "suzuki")
    cover = settings.owners.cover["sato"]
    assert (cover.first, cover.last, cover.by) == (date(2027, 5, 1), date(2027, 5, 9), "suzuki")
    assert (settings.reports[0].report, settings.reports[0].to) == ("retention", ("#cs-leaders",))


def test_caps_are_a_count_within_a_duration() -> None:
    caps = loaded(EXAMPLE.read_text(encoding="utf-8")).caps
    (mails,) = caps.mails_per_contact
    assert (mails.count, mails.per) == (2, parse_duration("7 days"))
    assert caps.handoffs_per_owner is not None
    assert (caps.handoffs_per_owner.count, caps.handoffs_per_owner.per) == (10, parse_duration("1 day"))


def test_limits_and_feeds_are_what_conditions_read() -> None:
    settings = loaded(EXAMPLE.read_text(encoding="utf-8"))
    assert settings.limit_cases()["tickets_30_days"] == (
        ("licenses_purchased >= 500", 40),
        ("licenses_purchased >= 100", 20),
        (None, 8),
    )
    assert settings.feed_ages() == {
        "login": timedelta(days=1),
        "usage": timedelta(days=1),
        "tickets": timedelta(hours=6),
        "meetings": timedelta(days=7),
    }


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing yet\n"])
def test_a_workspace_without_settings_has_all_defaults(text: str) -> None:
    settings = loaded(text)
    assert settings == WorkspaceSettings()
    assert (settings.company, settings.locale, settings.timezone) == ("", "en", "UTC")
    assert settings.windows == (SendWindow(when=None, days="monday to friday", hours="09:00-18:00"),)
    assert (settings.caps.mails_per_contact, settings.exit, settings.owners.default) == ((), (), None)
    assert settings.touch["high"].review == "csm"


def test_s38_the_fuses_have_a_share_and_a_factor() -> None:
    fuses = WorkspaceSettings().fuses
    assert (fuses.enter_share, fuses.send_factor) == (0.2, 3.0)
    off = loaded("fuses: {enter: off, send: off}").fuses
    assert (off.enter_share, off.send_factor) == (None, None)
    assert (
        loaded("fuses: {enter: 5% of customers per day, send: 2.5 x the average of the last 4 weeks}").fuses.send_factor
        == 2.5
    )


def test_one_item_may_stand_without_brackets() -> None:
    settings = loaded("calendar: {holidays: US, freeze: 2027-01-01}\nconsent: lifecycle\n")
    assert (settings.calendar.holidays, settings.calendar.freeze) == (("US",), ("2027-01-01",))
    assert settings.consent == ("lifecycle",)


def test_settings_survive_being_stored() -> None:
    settings = loaded(EXAMPLE.read_text(encoding="utf-8"))
    assert WorkspaceSettings.model_validate_json(settings.model_dump_json()) == settings


@pytest.mark.parametrize(
    ("text", "path", "words"),
    [
        ("timezon: Asia/Tokyo", "timezon", "did you mean `timezone`?"),
        ("timezone: Tokyo", "timezone", "Asia/Tokyo"),
        ("locale: Japanese", "locale", "language code"),
        ("sender: {email: nobody}", "sender.email", "support@example.com"),
        ('sender: {email: "a@b.c\\nBcc: x@y.z"}', "sender.email", "e-mail address"),
        ("calendar: {holidays: [XX public]}", "calendar.holidays[0]", "JP public"),
        ("calendar: {freeze: soon}", "calendar.freeze", "2027-09-30"),
        ("windows: {hours: 09:00-18:00}", "windows", "must be a list"),
        ("windows: [{hours: 9 to 5}]", "windows[0].hours", "not a time of day"),
        ("windows: [{when: a = b}]", "windows[0].when", "a == b"),
        ("caps: {mails_per_contact: 2 a week}", "caps.mails_per_contact", "`2 per 7 days`"),
        ("caps: {mails_per_contact: 2 per fortnight}", "caps.mails_per_contact", "`2 per 7 days`"),
        ("caps: {mail_per_contact: 2 per day}", "caps.mail_per_contact", "`mails_per_contact`"),
        ("touch: {high: {review: yes}}", "touch.high.review", "one of: csm, none"),
        ("touch: {high: csm}", "touch.high", "must be a mapping"),
        ("limits: {x: [{is: many}]}", "limits.x[0].is", "must be a number"),
        ("limits: {x: [{when: renewed}]}", "limits.x[0].is", "is missing"),
        ("limits: {x: 3}", "limits.x", "must be a list"),
        ("feeds: {login: {max_age: old}}", "feeds.login.max_age", "not a duration"),
        ("feeds: {login: {complete_by: early}}", "feeds.login.complete_by", "time of day"),
        ("fuses: {enter: lots}", "fuses.enter", "20% of customers per day"),
        ("reports: [{report: health, every: sometimes, to: csm}]", "reports[0].every", "at what time"),
        ("consent: [lifecylce]", "consent[0]", "did you mean `lifecycle`?"),
        ("exit: [{outcome: x}]", "exit[0].when", "is missing"),
        ("owners: {default: round_robin(nobody)}", "owners.default", "no team `nobody`"),
        (
            "owners: {default: round_robin(digitl), teams: {digital: [sato]}}",
            "owners.default",
            "did you mean `digital`?",
        ),
        ("owners: {cover: {sato: {from: 2027-05-09, to: 2027-05-01, by: mori}}}", "owners.cover.sato", "swap"),
        ("owners: {cover: {sato: {from: 2027-05-01, to: 2027-05-09, by: sato}}}", "owners.cover.sato", "themselves"),
        ("owners: {cover: {sato: {from: may, to: 2027-05-09, by: mori}}}", "owners.cover.sato.from", "not a date"),
    ],
)
def test_a_wrong_setting_is_one_finding_with_its_line_and_repair(text: str, path: str, words: str) -> None:
    findings = findings_of(text)
    assert [(finding.line, finding.path, finding.severity) for finding in findings] == [(2, path, "error")], findings
    assert words in f"{findings[0].message} {findings[0].hint}"


def test_conditions_of_the_settings_are_listed_with_their_places() -> None:
    _, source, findings = parse_workspace_settings(EXAMPLE.read_text(encoding="utf-8"), FILE)
    assert findings == []
    paths = {found.path for found in source.conditions}
    assert {"windows[0].when", "exit[0].when", "limits.tickets_30_days[0].when"} <= paths
