"""Composition root: settings, database, clock, channels and what is published become one App; there are no globals.
Runners, the CLI and the demo use an App; nothing below imports it."""

from __future__ import annotations

import platform
import secrets
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from sqlalchemy import Connection, Table, insert, select

from bot.authoring.people_findings import NOBODY_ASKED, KnownPeople
from bot.authoring.workspace import Workspace, load_workspace, read_files
from bot.authoring.workspace_file import WorkspaceSettings
from bot.channels.base import MailChannel
from bot.channels.folder import FolderChannel
from bot.channels.webhook import WebhookCaller
from bot.clock import Clock, EndingClock, SystemClock
from bot.errors import Finding, SettingsError, UsageError
from bot.failpoints import arm_from_environment
from bot.intake.pulls.sources_file import sources_findings
from bot.intake.tracking.taking_in import take_in_tracked
from bot.pipeline.absorb import absorb
from bot.pipeline.calling import call_webhooks
from bot.pipeline.copies import post_all
from bot.pipeline.deliver import deliver
from bot.pipeline.deliver_count import DeliverCount
from bot.pipeline.deployed_settings import DeployedSettings
from bot.pipeline.deploying import DeployReport, deploy
from bot.pipeline.erasing import Erased, erase
from bot.pipeline.escalate import PostCounts, Poster
from bot.pipeline.known_people import known_people
from bot.pipeline.minding import mind_handoffs
from bot.pipeline.news import local_days
from bot.pipeline.published import Publications, Published, calendar_for
from bot.pipeline.scopes import Ground
from bot.pipeline.send_guard import OPEN_GUARD, HostGuard, SendGuard
from bot.pipeline.staff_mail import Postman, mail_handoffs
from bot.pipeline.ticking import TickReport, tick
from bot.pipeline.unanswered import OverdueCounts
from bot.rules.references import reference_of
from bot.settings import Settings
from bot.slack.letters import LazyWriter
from bot.webhooks.unsubscribe import NO_LINKS, MailLinks
from storage.database import Database
from storage.hosts import SendPause
from storage.journeys import Installation
from storage.marker import MarkerFile
from storage.upgrade import upgrade
from storage.wiping import wipe_free_space

if TYPE_CHECKING:
    from bot.slack.app import SlackSettings
    from bot.slack.lookout import Lookout

INSTALLATION: Table = Installation.__table__  # type: ignore[attr-defined]


#: Where mails to our own people lie when mails are files.
STAFF_FOLDER = "staff"


@dataclass(slots=True, kw_only=True)
class App:
    """Everything that is running, opened once. Use as a context manager."""

    settings: Settings
    database: Database
    clock: Clock
    channel: MailChannel
    installation: str
    links: MailLinks = NO_LINKS
    poster: Poster | None = None
    staff_channel: MailChannel | None = None
    guard: SendGuard = OPEN_GUARD
    stopping: threading.Event = field(default_factory=threading.Event)
    _publications: Publications = field(default_factory=Publications)
    _deployed: DeployedSettings = field(default_factory=DeployedSettings)
    _lookout: Lookout | None = None

    @classmethod
    def open(
        cls,
        settings: Settings,
        *,
        clock: Clock | None = None,
        channel: MailChannel | None = None,
        staff_channel: MailChannel | None = None,
        database: Database | None = None,
    ) -> Self:
        """Open the database (bringing its tables up to date) and the channels the settings name. `staff_channel`: for mails
        to our own people; by default the same, and beside the customers' mails where they are files.

        Raises: SettingsError."""
        ticking = clock or SystemClock()
        stopping = threading.Event()
        opened = database or Database(settings.database_url)
        upgrade(opened)
        with opened.write() as connection:
            installation = _installation(connection, ticking)
        links = links_of(settings, installation)
        app = cls(
            settings=settings,
            database=opened,
            clock=ticking,
            channel=channel or mail_channel(settings, EndingClock(ticking, stopping.is_set)),
            staff_channel=staff_channel,
            installation=installation,
            stopping=stopping,
            links=links,
            guard=guard_of(settings, installation),
            _publications=Publications(links),
        )
        app.poster = app._slack_poster()
        if app.staff_channel is None and channel is None and settings.email == "folder":
            app.staff_channel = FolderChannel(Path(settings.outbox_dir) / STAFF_FOLDER, ticking)
        return app

    def close(self) -> None:
        self.channel.close()
        self.database.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def published(self) -> Published | None:
        """What is published now; None before the first deployment."""
        with self.database.read() as connection:
            return self._publications.load(connection)

    def require_published(self) -> Published:
        """Raises: UsageError before the first deployment."""
        found = self.published()
        if found is None:
            raise UsageError("Nothing is deployed yet", hint="run `journeybot check`, then `journeybot deploy`")
        return found

    def read_workspace(self) -> tuple[Mapping[str, str], Workspace]:
        """The files on disk and what `check` makes of them. Raises: UsageError."""
        with self.database.read() as connection:
            return read_workspace(self.settings, known_people(connection))

    def deploy(self) -> DeployReport:
        """Publish the workspace on disk. Raises: WorkspaceError, UsageError."""
        files, workspace = self.read_workspace()
        with self.database.write() as connection:
            return deploy(connection, files, workspace, self.clock.now())

    def tick(self) -> TickReport:
        """All passes once over everything that is due. Raises: UsageError before the first deployment."""
        published = self.require_published()
        self.join()
        report = tick(
            self.database,
            published,
            self.channel,
            self.clock,
            installation=self.installation,
            is_stopping=self.stopping.is_set,
            guard=self.guard,
        )
        if not self.stopping.is_set():
            self.call_webhooks(published)
            self.escalate(published)
            self.post_digests(published)  # first: what may call somebody at that moment comes with their digest
            self.post_handoffs(published)
            self.look_after_people(published)
        return report

    def call_webhooks(self, published: Published) -> None:
        """Only where there is a secret to sign with; else the calls wait, and doctor says so."""
        if self.settings.webhook_keys:
            private = frozenset(published.settings.webhooks.private)
            caller = WebhookCaller(keys=self.settings.webhook_keys, private=private, clock=self.clock)
            call_webhooks(
                self.database,
                published,
                caller,
                installation=self.installation,
                guard=self.guard,
                is_stopping=self.stopping.is_set,
            )

    def deliver(self) -> DeliverCount:
        """Only the delivery pass: retries whose time has come between two ticks. Bounces, complaints and unsubscriptions that
        arrived meanwhile are heeded first."""
        published = self.require_published()
        absorb(self.database, published, self.clock.now(), installation=self.installation)
        return deliver(
            self.database,
            published,
            self.channel,
            self.clock,
            installation=self.installation,
            is_stopping=self.stopping.is_set,
            guard=self.guard,
        )

    def take_in_tracked(self) -> int:
        """Only what the tracking API kept: between two ticks, so that a tick finds little of it. Returns how many calls."""
        return take_in_tracked(self.database, self.clock.now(), self.require_published().settings.timezone)

    def join(self) -> SendPause | None:
        """Why nothing may leave this host now. Where nothing ever left any, it joins by itself. Raises: UsageError where its
        marker cannot be written."""
        guard = self.guard
        if guard is OPEN_GUARD:
            return None
        with self.database.read() as connection:
            found = guard.pause(connection)
        if found is None or not isinstance(guard, HostGuard):
            return None
        try:
            with self.database.write() as connection:
                guard.join_first(connection, self.clock.now())
                return guard.pause(connection)
        except OSError as error:
            raise UsageError(
                f"This host cannot remember what it sends, so nothing leaves: {error.strerror}",
                where=str(guard.file.path),
                hint="let journeybot write there, or set JOURNEYBOT_MARKER_DIR to a folder that survives a restart",
            ) from error

    def stop(self) -> None:
        """From any thread: take no new batch, write no new message; what is in flight is finished and recorded."""
        self.stopping.set()

    def escalate(self, published: Published) -> OverdueCounts:
        """Hand-offs that nobody took in time move on."""
        has_channel = self.poster is not None and self.poster.fallback_channel is not None
        return mind_handoffs(self.database, published, self.clock, has_channel=has_channel)

    def post_handoffs(self, published: Published | None = None) -> PostCounts:
        """Bring cards to Slack, and to whom Slack does not reach a mail; they stand in `journeybot handoffs` all the same.
        `published`: what is published now, where the caller knows."""
        self.mail_handoffs(published)
        return post_all(self.poster)

    def mail_handoffs(self, published: Published | None = None) -> dict[str, int]:
        """Mails to our own people; nothing before the first deployment, whose sender signs them."""
        published = published or self.published()
        if published is None:
            return {}
        settings, calendar = published.settings, calendar_for(published.settings, None)
        postman = Postman(
            database=self.database,
            channel=self.staff_channel or self.channel,
            writer=LazyWriter(
                clock=self.clock, locale=settings.locale, timezone=settings.timezone, settings=self._deployed
            ),
            clock=self.clock,
            sender_email=settings.sender.email,
            sender_name=settings.sender.name or settings.company,
            installation=self.installation,
            has_slack=self.poster is not None,
            guard=self.guard,
            calendar=calendar,
            timezone=settings.timezone,
        )
        return mail_handoffs(postman)

    def post_digests(self, published: Published) -> int:
        """Bring everybody in Slack their morning's digest; returns how many went out."""
        if self.poster is None:
            return 0
        from bot.slack.digest import post_digests  # only where Slack is set up

        return post_digests(self.poster, published, locale=published.settings.locale)

    def look_after_people(self, published: Published) -> None:
        """Once a day, once a week, and when a report is due."""
        if self._lookout is None:
            from bot.slack.lookout import Lookout  # not for commands that only look

            self._lookout = Lookout(self.database)
        self._lookout.look(published, self.poster, self.clock.now())

    def erase(self, customer: str, contact: str | None, *, by: str) -> tuple[Erased, int, bool]:
        """Forget somebody for good: what waits to be taken in first, then the tables, the .eml files and the free space of
        SQLite's file. Returns what was touched, how many files are gone, and whether the free space is. Raises: UsageError."""
        now, published = self.clock.now(), self.published()
        if published is not None:
            absorb(self.database, published, now, installation=self.installation)
        ground = self.ground(published) if published else None
        with self.database.write() as connection:
            erased = erase(connection, published, ground, customer, contact, now, by=by)
        folder = self.channel if isinstance(self.channel, FolderChannel) else None
        references = (reference_of(self.installation, found) for found in erased.mails)
        files = folder.forget(references) if folder else 0
        return erased, files, wipe_free_space(self.database)

    def ground(self, published: Published) -> Ground:
        """What conditions stand on right now."""
        with self.database.read() as connection:
            days = local_days(connection, self.clock.now(), published.settings.timezone)
        return published.ground(days)

    def slack_settings(self) -> SlackSettings | None:
        """What Slack needs to know, with the workspace's language and clock; None when no token is set."""
        token = self.settings.slack_bot_token
        if token is None:
            return None
        from bot.slack.app import SlackSettings  # Bolt is loaded only where Slack is set up

        published = self.published()
        workspace = published.settings if published else WorkspaceSettings()
        secret = self.settings.slack_signing_secret
        return SlackSettings(
            bot_token=token.get_secret_value(),
            signing_secret=secret.get_secret_value() if secret else None,
            base_url=self.settings.slack_base_url,
            fallback_channel=self.settings.slack_channel,
            locale=workspace.locale,
            timezone=workspace.timezone,
            handoffs_per_day=workspace.caps.handoffs_per_owner.count if workspace.caps.handoffs_per_owner else None,
            calendar=calendar_for(workspace, None),
        )

    def _slack_poster(self) -> Poster | None:
        settings = self.slack_settings()
        if settings is None:
            return None
        from bot.slack.app import build_poster

        return replace(build_poster(database=self.database, clock=self.clock, settings=settings), guard=self.guard)


def read_workspace(
    settings: Settings, known: KnownPeople = NOBODY_ASKED, extra: Sequence[Finding] = ()
) -> tuple[Mapping[str, str], Workspace]:
    """The files of a workspace and what `check` makes of them; needs no database. Raises: UsageError."""
    folder = settings.workspace
    if not (folder / "playbooks").is_dir():
        raise UsageError(f"{folder} is no workspace: it has no folder `playbooks`", hint="run `journeybot init DIR`")
    files, unreadable = read_files(folder)
    replies_set_up = settings.inbound_secret is not None
    found = [*unreadable, *sources_findings(folder), *extra]
    return files, load_workspace(files, replies_set_up=replies_set_up, known=known, extra=found)


def mail_channel(settings: Settings, clock: Clock) -> MailChannel:
    """The way out that the settings name; the others are not even loaded. Raises: SettingsError."""
    match settings.email:
        case "sendgrid":
            arm_from_environment(settings.sendgrid_base_url)
            if settings.sendgrid_api_key is None:
                raise SettingsError("JOURNEYBOT_EMAIL is sendgrid, but SENDGRID_API_KEY is not set", hint="set the key")
            from bot.channels.aside import AsideChannel

            key = settings.sendgrid_api_key.get_secret_value()
            return AsideChannel(key, settings.sendgrid_base_url, monotonic=clock.monotonic)
        case "smtp":
            if settings.smtp_url is None:
                raise SettingsError("JOURNEYBOT_EMAIL is smtp, but JOURNEYBOT_SMTP_URL is not set", hint="set the URL")
            from bot.channels.smtp import SmtpChannel

            arm_from_environment(settings.smtp_url.get_secret_value())
            return SmtpChannel(settings.smtp_url.get_secret_value(), clock)
        case _:
            arm_from_environment(None)
            return FolderChannel(Path(settings.outbox_dir), clock)


def links_of(settings: Settings, installation: str) -> MailLinks:
    """How readers of our mails reach us, as far as the settings say."""
    return MailLinks(
        public_url=settings.public_url,
        keys=tuple(key.encode() for key in settings.secret_keys),
        installation=installation,
        is_required=settings.email != "folder",
    )


def guard_of(settings: Settings, installation: str) -> SendGuard:
    """Files and tests hand nothing to anybody, so only what is connected is guarded."""
    if not settings.is_connected:
        return OPEN_GUARD
    return HostGuard(
        file=MarkerFile(folder=settings.marker_dir, installation=installation), name=platform.node() or "?"
    )


def _installation(connection: Connection, clock: Clock) -> str:
    """This database's own name, made when it is first opened."""
    found = connection.scalar(select(INSTALLATION.c.id))
    if found is not None:
        return str(found)
    name = secrets.token_hex(4)
    connection.execute(insert(INSTALLATION).values(id=name, created_at=clock.now()))
    return name
