"""Every command of `journeybot`: its name, where its code is, its line in the help. The modules named here are imported only
when their command is asked for, so that `--help` and completion answer at once."""

from __future__ import annotations

from dataclasses import dataclass

SET_UP = "Set up"
WALK = "Walk the journeys"
LOOK = "Look and act"
KEEP = "Keep it healthy"


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandPlace:
    """`place` is `module:attribute`, the attribute a function or a Typer of several commands."""

    name: str
    place: str
    says: str
    panel: str
    is_hidden: bool = False


COMMANDS: tuple[CommandPlace, ...] = (
    CommandPlace(
        name="init",
        place="bot.cli.setting_up:init",
        panel=SET_UP,
        says="Make a new workspace from the starter journeys.",
    ),
    CommandPlace(
        name="demo",
        place="bot.cli.demonstrating:demo",
        panel=SET_UP,
        says="See a complete run: 200 invented customers, 120 days, nothing real.",
    ),
    CommandPlace(
        name="import",
        place="bot.cli.importing:import_files",
        panel=SET_UP,
        says="Import customers, contacts and facts from CSV or JSON Lines.",
    ),
    CommandPlace(
        name="sync",
        place="bot.cli.syncing:sync",
        panel=SET_UP,
        says="Pull customers and facts from your warehouse or CRM.",
    ),
    CommandPlace(
        name="check",
        place="bot.cli.publishing:check",
        panel=SET_UP,
        says="Check playbooks, templates and workspace.yml; change nothing.",
    ),
    CommandPlace(
        name="test",
        place="bot.cli.trying:play_tests",
        panel=SET_UP,
        says="Play the playbook tests: who gets what, and who does not.",
    ),
    CommandPlace(
        name="deploy",
        place="bot.cli.publishing:deploy",
        panel=SET_UP,
        says="Publish the checked workspace; from then on it acts.",
    ),
    CommandPlace(
        name="send-test",
        place="bot.cli.testing_mail:send_test",
        panel=SET_UP,
        says="Send one template to yourself, filled with a customer's data.",
    ),
    CommandPlace(
        name="run",
        place="bot.cli.walking:run",
        panel=WALK,
        says="Run until stopped: ticks, deliveries, Slack, health page.",
    ),
    CommandPlace(
        name="tick", place="bot.cli.walking:tick", panel=WALK, says="Walk everybody who is due, once, and deliver."
    ),
    CommandPlace(
        name="enroll",
        place="bot.cli.operating:enroll",
        panel=WALK,
        says="Let somebody enter a playbook by hand.",
    ),
    CommandPlace(
        name="exit",
        place="bot.cli.operating:exit_walks",
        panel=WALK,
        says="End walks of a playbook by hand.",
    ),
    CommandPlace(
        name="pause",
        place="bot.cli.operating:pause_walks",
        panel=WALK,
        says="Let a playbook, a customer, a contact or everything stand still.",
    ),
    CommandPlace(name="resume", place="bot.cli.operating:resume_walks", panel=WALK, says="Let what was paused go on."),
    CommandPlace(
        name="explain",
        place="bot.cli.explaining:explain",
        panel=LOOK,
        says="Say why something happened to a customer, or did not.",
    ),
    CommandPlace(
        name="outbox",
        place="bot.cli.outbox:commands",
        panel=LOOK,
        says="Mails: what is owed, held and sent; approve, edit, resend.",
    ),
    CommandPlace(
        name="handoffs",
        place="bot.cli.handoffs:commands",
        panel=LOOK,
        says="Calls to a person: acknowledge, snooze, reassign, close.",
    ),
    CommandPlace(
        name="fuses",
        place="bot.cli.fuses:commands",
        panel=LOOK,
        says="What waits because a fuse blew: release it, or drop it.",
    ),
    CommandPlace(
        name="webhooks",
        place="bot.cli.webhooks:commands",
        panel=LOOK,
        says="Calls of other systems: owed, tried, delivered, given up.",
    ),
    CommandPlace(
        name="customers", place="bot.cli.customers:commands", panel=LOOK, says="Customers with contacts and walks."
    ),
    CommandPlace(name="plans", place="bot.cli.plans:commands", panel=LOOK, says="Success plans: open, follow, close."),
    CommandPlace(
        name="consent",
        place="bot.cli.consent:commands",
        panel=LOOK,
        says="Addresses that must not be mailed, and why.",
    ),
    CommandPlace(
        name="playbooks",
        place="bot.cli.playbooks:commands",
        panel=LOOK,
        says="Playbooks as they run now, and who walks.",
    ),
    CommandPlace(
        name="report",
        place="bot.cli.reporting:report",
        panel=LOOK,
        says="Show a report: health, stages, signals, coverage, NPS, useless alerts and more.",
    ),
    CommandPlace(
        name="doctor",
        place="bot.cli.keeping:doctor",
        panel=KEEP,
        says="Audit the invariants, the configuration and the connections.",
    ),
    CommandPlace(
        name="db",
        place="bot.cli.keeping:database_commands",
        panel=KEEP,
        says="Upgrade or back up the database; release what a restored one would send.",
    ),
    CommandPlace(
        name="schema",
        place="bot.cli.setting_up:schema",
        panel=KEEP,
        says="Write playbooks/.schema, by which editors complete and check.",
    ),
    CommandPlace(
        name="docs",
        place="bot.cli.documenting:docs",
        panel=KEEP,
        says="Write the generated pages of docs/.",
        is_hidden=True,
    ),
)
