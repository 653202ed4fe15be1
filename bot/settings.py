"""Typed settings from the environment and the workspace's `.env` (the environment wins), vendors' own names where they
have one. Refuses unsafe values with a SettingsError; never shows a secret. `Settings(workspace=…)` reads nothing but its
arguments, `Settings.load()` reads the surroundings. Before everything; after it: bot.app builds the App."""

from __future__ import annotations

import difflib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, Self

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from sqlalchemy import make_url

from bot.errors import SettingsError
from bot.settings_checks import (
    MAKE_A_SECRET,
    SHORTEST_SECRET_KEY,
    check_secret,
    check_slack_token,
    check_smtp_url,
    checked_database_url,
    checked_public_url,
    checked_vendor_url,
    read_webhook_key,
    refuse,
)

WORKSPACE_VARIABLE: Final = "JOURNEYBOT_WORKSPACE"
OWN_PREFIX: Final = "JOURNEYBOT_"
#: Ours, but no settings: a switch of the command line, and what tests hand to their processes.
NO_SETTINGS: Final = ("JOURNEYBOT_DEBUG", "JOURNEYBOT_TEST_")
STATE_FOLDER: Final = ".journeybot"
#: Not inside the state folder: who restores that as a whole would restore the marker with it.
MARKER_FOLDER: Final = ".journeybot-host"
DEFAULT_DATABASE: Final = f"sqlite:///{STATE_FOLDER}/journeybot.db"
SENDGRID_API: Final = "https://api.sendgrid.com"
SLACK_API: Final = "https://slack.com/api/"
LOOPBACK: Final = "127.0.0.1"


def _setting(variable: str, default: Any, says: str) -> Any:
    """A field that is read from `variable`. Shown values leave out what may hold a password."""
    return Field(default, validation_alias=variable, description=says)


class Settings(BaseSettings):
    """Everything that is configured outside of the workspace's files."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True, hide_input_in_errors=True
    )

    workspace: Path = _setting(
        WORKSPACE_VARIABLE, Path(), "The folder with `playbooks/` and `templates/`. Default: the current folder."
    )
    database_url: str = Field(
        "",
        validation_alias="JOURNEYBOT_DATABASE_URL",
        repr=False,
        description="SQLite or PostgreSQL. Default: `.journeybot/journeybot.db` in the workspace.",
    )
    email: Literal["folder", "sendgrid", "smtp"] = _setting(
        "JOURNEYBOT_EMAIL", "folder", "How mails leave: as .eml files in a folder, by SendGrid, or by SMTP."
    )
    outbox_dir: Path = _setting(
        "JOURNEYBOT_OUTBOX_DIR",
        Path(STATE_FOLDER) / "outbox",
        "Where `folder` writes the .eml files. Default: `.journeybot/outbox` in the workspace.",
    )
    marker_dir: Path = _setting(
        "JOURNEYBOT_MARKER_DIR",
        Path(MARKER_FOLDER),
        "Where this host remembers how far it sent. Must outlive restarts, outside of backups. "
        "Default: `.journeybot-host` in the workspace.",
    )
    sendgrid_api_key: SecretStr | None = _setting(
        "SENDGRID_API_KEY", None, "SendGrid's key with the right *Mail Send*."
    )
    sendgrid_base_url: str = _setting(
        "SENDGRID_BASE_URL", SENDGRID_API, "SendGrid's API; another one for the EU region."
    )
    sendgrid_webhook_public_key: str | None = _setting(
        "SENDGRID_WEBHOOK_PUBLIC_KEY", None, "Verifies SendGrid's signed events; without it they are refused."
    )
    smtp_url: SecretStr | None = _setting(
        "JOURNEYBOT_SMTP_URL", None, "`smtp://user:password@host:587` (STARTTLS) or `smtps://…:465`."
    )
    slack_bot_token: SecretStr | None = _setting("SLACK_BOT_TOKEN", None, "`xoxb-…`: posts hand-off cards.")
    slack_app_token: SecretStr | None = _setting(
        "SLACK_APP_TOKEN", None, "`xapp-…`: takes clicks by Socket Mode, without a public address."
    )
    slack_signing_secret: SecretStr | None = _setting(
        "SLACK_SIGNING_SECRET", None, "Takes clicks by HTTP at `POST /slack/events`."
    )
    slack_base_url: str = _setting("SLACK_BASE_URL", SLACK_API, "Slack's API.")
    slack_channel: str | None = _setting(
        "JOURNEYBOT_SLACK_CHANNEL", None, "Channel for hand-offs whose owner Slack does not know."
    )
    public_url: str | None = _setting(
        "JOURNEYBOT_PUBLIC_URL", None, "The https address under which customers and vendors reach journeybot."
    )
    secret_key: SecretStr | None = _setting(
        "JOURNEYBOT_SECRET_KEY",
        None,
        "Signs links and sessions; at least 32 characters. Several, separated by commas: the first signs, all are believed.",
    )
    write_key: SecretStr | None = _setting(
        "JOURNEYBOT_WRITE_KEY", None, "Keys of the tracking API, separated by commas, all valid."
    )
    tracking_rate: int = _setting(
        "JOURNEYBOT_TRACKING_RATE",
        5000,
        "Events a second that the tracking API takes per write key; a burst may be ten times as many. 0: no limit.",
    )
    inbound_secret: SecretStr | None = _setting(
        "JOURNEYBOT_INBOUND_SECRET", None, "The secret part of the address to which SendGrid posts replies."
    )
    webhook_secret: SecretStr | None = _setting(
        "JOURNEYBOT_WEBHOOK_SECRET",
        None,
        "Signs the calls of webhook steps: `whsec_…`; several, separated by commas, all sign while a key is changed.",
    )
    tickets_secret: SecretStr | None = _setting(
        "JOURNEYBOT_TICKETS_SECRET",
        None,
        "What your help desk signs its ticket webhooks with, or sends as a bearer token; several are separated by commas.",
    )
    api_token: SecretStr | None = _setting(
        "JOURNEYBOT_API_TOKEN", None, "Tokens of the API under /api/v1, separated by commas, all valid."
    )
    host: str = _setting("JOURNEYBOT_HOST", LOOPBACK, "The address that `run` listens on.")
    port: int = _setting("JOURNEYBOT_PORT", 8765, "The port that `run` listens on; 0 takes a free one.")
    user: str | None = _setting(
        "JOURNEYBOT_USER", None, "Who acts on the command line: a CSM's key. Default: the operating system's user."
    )
    debug: bool = _setting("JOURNEYBOT_DEBUG", False, "Show the traceback of an error.")

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            # Not chained: pydantic's own error may show the value.
            raise _first_refusal(error) from None

    @classmethod
    def load(cls, workspace: Path | None = None) -> Settings:
        """Settings of a workspace (argument, else JOURNEYBOT_WORKSPACE, else the current folder), from the environment
        and from `.env` in that folder.

        Raises: SettingsError.
        """
        folder = (workspace or Path(os.environ.get(WORKSPACE_VARIABLE) or Path())).expanduser().absolute()
        if not folder.is_dir():
            raise refuse(
                WORKSPACE_VARIABLE, f"is no folder: {folder}", f"make a new workspace with `journeybot init {folder}`"
            )
        env_file = folder / ".env"
        _check_names(env_file)
        found: dict[str, Any] = {WORKSPACE_VARIABLE: folder}
        return _Loaded(_env_file=env_file, **found)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)

    @model_validator(mode="after")
    def _check(self) -> Self:
        self._place()
        self._check_mail()
        self._check_slack()
        self._check_web()
        return self

    def _place(self) -> None:
        """Paths are absolute from here on, URLs in one form."""
        workspace = self.workspace.expanduser().absolute()
        given = self.database_url or DEFAULT_DATABASE
        slack = checked_vendor_url("SLACK_BASE_URL", self.slack_base_url)
        self.__dict__.update(
            workspace=workspace,
            outbox_dir=workspace / self.outbox_dir.expanduser(),
            marker_dir=workspace / self.marker_dir.expanduser(),
            database_url=checked_database_url(given, workspace),
            sendgrid_base_url=checked_vendor_url("SENDGRID_BASE_URL", self.sendgrid_base_url).rstrip("/"),
            slack_base_url=slack.rstrip("/") + "/",
            public_url=checked_public_url(self.public_url) if self.public_url else None,
        )

    def _check_mail(self) -> None:
        if self.smtp_url is not None:
            check_smtp_url(self.smtp_url.get_secret_value())
        if self.email == "sendgrid" and self.sendgrid_api_key is None:
            raise refuse(
                "JOURNEYBOT_EMAIL",
                "is sendgrid, and there is no key to send with",
                "set SENDGRID_API_KEY, or JOURNEYBOT_EMAIL=folder to write mails as files",
            )
        if self.email == "smtp" and self.smtp_url is None:
            raise refuse(
                "JOURNEYBOT_EMAIL",
                "is smtp, and there is no server to send by",
                "set JOURNEYBOT_SMTP_URL, or JOURNEYBOT_EMAIL=folder to write mails as files",
            )

    def _check_slack(self) -> None:
        if self.slack_bot_token is not None:
            check_slack_token("SLACK_BOT_TOKEN", self.slack_bot_token.get_secret_value(), "xoxb-", ("xapp-", "xoxp-"))
        if self.slack_app_token is not None:
            check_slack_token("SLACK_APP_TOKEN", self.slack_app_token.get_secret_value(), "xapp-", ("xoxb-", "xoxp-"))
        clicks = {"SLACK_APP_TOKEN": self.slack_app_token, "SLACK_SIGNING_SECRET": self.slack_signing_secret}
        for variable, value in clicks.items():
            if value is not None and self.slack_bot_token is None:
                raise refuse(
                    variable, "is set without SLACK_BOT_TOKEN, so no card can be posted", "set SLACK_BOT_TOKEN too"
                )

    def _check_web(self) -> None:
        if not 0 <= self.port <= 65535:
            raise refuse("JOURNEYBOT_PORT", f"is {self.port}, which is no port", "use a number from 1 to 65535")
        if self.secret_key is not None:
            if not self.secret_keys:
                raise refuse("JOURNEYBOT_SECRET_KEY", "holds commas and no key", MAKE_A_SECRET)
            for key in self.secret_keys:
                check_secret("JOURNEYBOT_SECRET_KEY", key, SHORTEST_SECRET_KEY)
        if self.inbound_secret is not None:
            check_secret("JOURNEYBOT_INBOUND_SECRET", self.inbound_secret.get_secret_value())
        if self.webhook_secret is not None:
            self.webhook_keys  # noqa: B018  refuses what is no key
        for token in self.api_tokens:
            check_secret("JOURNEYBOT_API_TOKEN", token)
        for secret in self.tickets_secrets:
            check_secret("JOURNEYBOT_TICKETS_SECRET", secret)
        if self.write_key is not None and not self.write_keys:
            raise refuse("JOURNEYBOT_WRITE_KEY", "holds commas and no key", MAKE_A_SECRET)
        for key in self.write_keys:
            check_secret("JOURNEYBOT_WRITE_KEY", key)
        if self.tracking_rate < 0:
            raise refuse(
                "JOURNEYBOT_TRACKING_RATE", f"is {self.tracking_rate}", "use 0 for no limit, or a number above"
            )

    @property
    def write_keys(self) -> tuple[str, ...]:
        """Every valid key of the tracking API."""
        return _listed(self.write_key)

    @property
    def api_tokens(self) -> tuple[str, ...]:
        """Every valid token of the API."""
        return _listed(self.api_token)

    @property
    def tickets_secrets(self) -> tuple[str, ...]:
        """Every secret by which a help desk may be known."""
        return _listed(self.tickets_secret)

    @property
    def secret_keys(self) -> tuple[str, ...]:
        """The key that signs, then older ones whose signatures still hold."""
        return _listed(self.secret_key)

    @property
    def webhook_keys(self) -> tuple[bytes, ...]:
        """The keys that sign webhooks. Raises: SettingsError."""
        return tuple(read_webhook_key("JOURNEYBOT_WEBHOOK_SECRET", text) for text in _listed(self.webhook_secret))

    @property
    def is_connected(self) -> bool:
        """Whether something real hears of it: mails leave, Slack is pinged, webhooks are called. Then nobody may turn the clock."""
        return self.email != "folder" or self.slack_bot_token is not None or self.webhook_secret is not None

    @property
    def has_default_database(self) -> bool:
        """Whether the database is the workspace's own file."""
        return self.database_url == checked_database_url(DEFAULT_DATABASE, self.workspace)

    @property
    def database_label(self) -> str:
        """The database as it may be shown: without its password."""
        return make_url(self.database_url).render_as_string(hide_password=True)


def read_environment(workspace: Path) -> dict[str, str]:
    """Everything in the environment and in the workspace's `.env` (the environment wins): sources.yml names variables of its
    own for its secrets."""
    env_file = workspace / ".env"
    in_file = dotenv_values(env_file) if env_file.is_file() else {}
    return {**{name: value for name, value in in_file.items() if value is not None}, **os.environ}


def _listed(given: SecretStr | None) -> tuple[str, ...]:
    """Several keys in one variable, separated by commas."""
    text = given.get_secret_value() if given else ""
    return tuple(key.strip() for key in text.split(",") if key.strip())


class _Loaded(Settings):
    """Read from the surroundings, by variable only: a field's bare name (HOST, PORT) belongs to other programs."""

    model_config = SettingsConfigDict(
        validate_by_name=False, case_sensitive=True, env_ignore_empty=True, env_file_encoding="utf-8", extra="ignore"
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings, env_settings, dotenv_settings)


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingDescription:
    """One setting, for the documentation. `default` is as shown to people."""

    field: str
    variable: str
    default: str
    is_secret: bool
    says: str


def describe_settings() -> tuple[SettingDescription, ...]:
    return tuple(
        SettingDescription(
            field=name,
            variable=str(info.validation_alias),
            default="" if info.default in (None, "", Path()) else str(info.default),
            is_secret="SecretStr" in str(info.annotation),
            says=info.description or "",
        )
        for name, info in Settings.model_fields.items()
    )


def _check_names(env_file: Path) -> None:
    """A misspelt variable would silently leave the default in force. Raises: SettingsError."""
    known = [description.variable for description in describe_settings()]
    try:
        in_file = dotenv_values(env_file) if env_file.is_file() else {}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"`.env` cannot be read: {error}", where=str(env_file), hint="write it in UTF-8") from error
    for place, names in ((str(env_file), in_file.keys()), ("environment", os.environ.keys())):
        for name in sorted(names):
            if name.startswith(OWN_PREFIX) and name not in known and not name.startswith(NO_SETTINGS):
                bare = name.removeprefix(OWN_PREFIX)
                nearest = bare if bare in known else difflib.get_close_matches(name, known, n=1, cutoff=0.0)[0]
                raise SettingsError(f"{name} is no setting of journeybot", where=place, hint=f"did you mean {nearest}?")
    if in_file.get(WORKSPACE_VARIABLE) and Path(str(in_file[WORKSPACE_VARIABLE])).absolute() != env_file.parent:
        raise SettingsError(
            f"{WORKSPACE_VARIABLE} in `.env` names another folder than the one it lies in",
            where=str(env_file),
            hint="set it in the environment, or delete the line",
        )


def _first_refusal(error: ValidationError) -> SettingsError:
    first = error.errors(include_input=False, include_url=False)[0]
    name = str(first["loc"][0]) if first["loc"] else ""
    info = Settings.model_fields.get(name)
    variable = str(info.validation_alias) if info else name
    says = next((each.says for each in describe_settings() if each.variable == variable), "see docs/operations.md")
    return refuse(variable, f"does not fit: {first['msg'][:1].lower()}{first['msg'][1:]}", says)
