"""Settings come from the environment and `.env`, and refuse what is unsafe with the variable, the reason and the repair."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from bot.errors import SettingsError
from bot.settings import Settings, describe_settings

SECRET = "a-secret-that-nobody-may-ever-read"


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for description in describe_settings():
        monkeypatch.delenv(description.variable, raising=False)


def test_without_anything_set_mails_go_to_a_folder_of_the_workspace(tmp_path: Path) -> None:
    settings = Settings.load(tmp_path)
    assert settings.email == "folder"
    assert settings.workspace == tmp_path
    assert settings.outbox_dir == tmp_path / ".journeybot" / "outbox"
    assert settings.database_url == f"sqlite:///{tmp_path}/.journeybot/journeybot.db"
    assert (settings.host, settings.port) == ("127.0.0.1", 8765)
    assert not settings.is_connected


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("JOURNEYBOT_PORT=1111\nJOURNEYBOT_HOST=0.0.0.0\nSOMETHING_ELSE=1\n")
    monkeypatch.setenv("JOURNEYBOT_PORT", "2222")
    settings = Settings.load(tmp_path)
    assert (settings.host, settings.port) == ("0.0.0.0", 2222)


def test_the_workspace_is_the_argument_else_the_variable_else_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("argument", "variable", "here"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert Settings.load().workspace == tmp_path / "here"
    monkeypatch.setenv("JOURNEYBOT_WORKSPACE", str(tmp_path / "variable"))
    assert Settings.load().workspace == tmp_path / "variable"
    assert Settings.load(tmp_path / "argument").workspace == tmp_path / "argument"


def test_variables_of_other_programs_are_not_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "99")
    monkeypatch.setenv("HOST", "example.com")
    monkeypatch.setenv("EMAIL", "me@example.com")
    assert Settings.load(tmp_path).port == 8765


def test_an_empty_variable_is_unset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENDGRID_API_KEY", "")
    assert Settings.load(tmp_path).sendgrid_api_key is None


def test_arguments_by_field_name_read_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOURNEYBOT_EMAIL", "smtp")
    settings = Settings(workspace=tmp_path, port=1)
    assert (settings.email, settings.port) == ("folder", 1)


@pytest.mark.parametrize(
    ("given", "variable", "says"),
    [
        ({"email": "sendgrid"}, "JOURNEYBOT_EMAIL", "no key"),
        ({"email": "smtp"}, "JOURNEYBOT_EMAIL", "no server"),
        ({"email": "pigeon"}, "JOURNEYBOT_EMAIL", "folder"),
        ({"sendgrid_base_url": "http://api.sendgrid.com"}, "SENDGRID_BASE_URL", "unencrypted"),
        ({"slack_base_url": "http://127.0.0.1.example.com"}, "SLACK_BASE_URL", "unencrypted"),
        ({"slack_base_url": "ftp://slack.com"}, "SLACK_BASE_URL", "no http"),
        ({"sendgrid_base_url": "https://user:pw@host"}, "SENDGRID_BASE_URL", "more than"),
        ({"sendgrid_base_url": "https://host:port"}, "SENDGRID_BASE_URL", "not a URL"),
        ({"public_url": "http://bot.example.com"}, "JOURNEYBOT_PUBLIC_URL", "one-click"),
        ({"database_url": "mysql://host/name"}, "JOURNEYBOT_DATABASE_URL", "mysql"),
        ({"database_url": "not a url"}, "JOURNEYBOT_DATABASE_URL", "not a database URL"),
        ({"database_url": "sqlite://"}, "JOURNEYBOT_DATABASE_URL", "memory"),
        ({"database_url": "sqlite:///:memory:"}, "JOURNEYBOT_DATABASE_URL", "memory"),
        ({"database_url": "postgresql://host"}, "JOURNEYBOT_DATABASE_URL", "which database"),
        ({"smtp_url": f"https://{SECRET}"}, "JOURNEYBOT_SMTP_URL", "smtp://"),
        ({"port": 65536}, "JOURNEYBOT_PORT", "65536"),
        ({"port": "many"}, "JOURNEYBOT_PORT", "integer"),
        ({"slack_bot_token": "xapp-1"}, "SLACK_BOT_TOKEN", "another kind"),
        ({"slack_bot_token": "xoxb-1", "slack_app_token": "xoxb-1"}, "SLACK_APP_TOKEN", "another kind"),
        ({"slack_app_token": "xapp-1"}, "SLACK_APP_TOKEN", "without SLACK_BOT_TOKEN"),
        ({"slack_signing_secret": SECRET}, "SLACK_SIGNING_SECRET", "without SLACK_BOT_TOKEN"),
        ({"secret_key": "short"}, "JOURNEYBOT_SECRET_KEY", "shorter than 32"),
        ({"inbound_secret": "short"}, "JOURNEYBOT_INBOUND_SECRET", "shorter than 16"),
        ({"webhook_secret": "whsec_c2hvcnQ="}, "JOURNEYBOT_WEBHOOK_SECRET", "Standard Webhooks"),
        ({"write_key": f"{SECRET},short"}, "JOURNEYBOT_WRITE_KEY", "shorter than 16"),
        ({"write_key": ","}, "JOURNEYBOT_WRITE_KEY", "no key"),
    ],
)
def test_an_unsafe_value_is_refused_with_variable_reason_and_repair(
    given: dict[str, Any], variable: str, says: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings(workspace=Path("/workspace"), **given)
    assert caught.value.sentence.startswith(f"{variable} ")
    assert says in caught.value.sentence
    assert caught.value.hint
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("name", ["JOURNEYBOT_EMIAL", "JOURNEYBOT_SENDGRID_API_KEY"])
def test_a_misspelt_variable_is_refused_with_the_nearest(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "sendgrid")
    with pytest.raises(SettingsError, match=r"did you mean (JOURNEYBOT_EMAIL|SENDGRID_API_KEY)\?"):
        Settings.load(tmp_path)


def test_a_workspace_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="journeybot init"):
        Settings.load(tmp_path / "nowhere")


def test_the_file_cannot_point_to_another_workspace(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("JOURNEYBOT_WORKSPACE=/elsewhere\n")
    with pytest.raises(SettingsError, match="another folder"):
        Settings.load(tmp_path)


def test_a_file_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"JOURNEYBOT_HOST=\xff\xfe\n")
    with pytest.raises(SettingsError, match="UTF-8"):
        Settings.load(tmp_path)


def test_secrets_are_never_shown() -> None:
    secrets = {description.field: SECRET for description in describe_settings() if description.is_secret}
    secrets["smtp_url"] = f"smtp://user:{SECRET}@host"
    secrets["webhook_secret"] = key = f"whsec_{base64.b64encode(SECRET.encode()).decode()}"
    settings = Settings(workspace=Path("/workspace"), database_url=f"postgresql://user:{SECRET}@host/name", **secrets)
    assert SECRET not in repr(settings)
    assert key not in repr(settings)
    assert SECRET not in str(settings)
    assert settings.database_label == "postgresql+psycopg://user:***@host/name"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("postgres://u:p@h/db", "postgresql+psycopg://u:p@h/db"),
        ("postgresql+psycopg2://h/db?sslmode=require", "postgresql+psycopg://h/db?sslmode=require"),
        ("sqlite:////data/my.db", "sqlite:////data/my.db"),
        ("sqlite:///my.db", "sqlite:////workspace/my.db"),
    ],
)
def test_database_urls_have_one_form(given: str, kept: str) -> None:
    assert Settings(workspace=Path("/workspace"), database_url=given).database_url == kept


@pytest.mark.parametrize("url", ["http://127.0.0.1:9999", "http://localhost:9999", "http://[::1]:9999"])
def test_loopback_needs_no_encryption(url: str) -> None:
    settings = Settings(workspace=Path("/workspace"), sendgrid_base_url=url, slack_base_url=url, public_url=url + "/")
    assert settings.sendgrid_base_url == url
    assert settings.slack_base_url == f"{url}/"
    assert settings.public_url == url


def test_a_real_way_out_is_a_connection() -> None:
    workspace = Path("/workspace")
    assert Settings(workspace=workspace, slack_bot_token="xoxb-1").is_connected
    assert Settings(workspace=workspace, email="sendgrid", sendgrid_api_key="SG.1").is_connected
    assert Settings(workspace=workspace, email="smtp", smtp_url="smtp://localhost").is_connected


def test_every_write_key_is_valid() -> None:
    keys = f"{SECRET}-1, {SECRET}-2"
    assert Settings(workspace=Path("/workspace"), write_key=keys).write_keys == (f"{SECRET}-1", f"{SECRET}-2")


def test_every_setting_says_what_it_is_for() -> None:
    for description in describe_settings():
        assert description.says.endswith("."), description.variable
