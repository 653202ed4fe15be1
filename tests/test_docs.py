"""The documentation is complete and hangs together: every error has its line, every link its target, and the Slack manifest
asks for what the code calls and for nothing else. Generated pages are tests/cli/test_pages.py's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from bot.cli.command_table import COMMANDS
from bot.errors import JourneybotError
from bot.settings import describe_settings
from storage.backup import BackupFailed
from storage.upgrade import SchemaError

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.glob("*.md"), ROOT / "README.md", ROOT / "README.ja.md", ROOT / "CHANGELOG.md"])
LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)")
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
FENCE = re.compile(r"```.*?```", re.DOTALL)
ERROR_ROW = re.compile(r"^\| `(\w+)` \| (\d) \|", re.MULTILINE)
#: Slack's methods → the scopes without which they fail (docs.slack.dev/reference/methods).
SCOPES = {
    "auth.test": set(),
    "users.conversations": {"channels:read", "groups:read"},
    "chat.getPermalink": set(),
    "chat.postMessage": {"chat:write"},
    "chat.update": {"chat:write"},
    "chat.postEphemeral": {"chat:write"},
    "conversations.open": {"im:write"},
    "conversations.history": {"im:history", "channels:history", "groups:history"},
    "conversations.replies": {"im:history", "channels:history", "groups:history"},
    "views.open": set(), "views.update": set(), "views.push": set(), "views.publish": set(),
}  # fmt: skip
METHOD = re.compile(r'"((?:auth|chat|conversations|users|views|files|reactions)\.[A-Za-z.]+)"')


def kinds_of_error(base: type[JourneybotError]) -> Iterator[type[JourneybotError]]:
    for kind in base.__subclasses__():
        if kind.__module__ == "bot.errors":
            yield kind
            yield from kinds_of_error(kind)


def anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_error_is_documented_with_its_exit_code() -> None:
    told = dict(ERROR_ROW.findall((DOCS / "errors.md").read_text(encoding="utf-8")))
    ours = {kind.__name__: str(kind.exit_code) for kind in kinds_of_error(JourneybotError)}
    of_storage = {kind.__name__: str(JourneybotError.exit_code) for kind in (SchemaError, BackupFailed)}
    assert told == ours | of_storage


def test_every_setting_is_in_the_operations_page() -> None:
    page = (DOCS / "operations.md").read_text(encoding="utf-8")
    assert [found.variable for found in describe_settings() if f"| `{found.variable}` |" not in page] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    for target, anchor in LINK.findall(CODE.sub("", page.read_text(encoding="utf-8"))):
        path = (page.parent / target).resolve() if target else page
        assert path.exists(), f"{page.name} links to {target}"
        assert not anchor or anchor in anchors(path), f"{page.name} links to {target}#{anchor}"


def test_every_page_is_in_the_index() -> None:
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    assert [page.name for page in DOCS.glob("*.md") if page.name != "README.md" and f"({page.name})" not in index] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages_name_only_commands_that_exist(page: Path) -> None:
    known = {place.name for place in COMMANDS}
    text = page.read_text(encoding="utf-8")
    for word in re.findall(r"(?:`|\$ |bin/)journeybot (?:--?\w+(?: \w+)? )?([a-z][a-z-]*)", text):
        assert word in known, f"{page.name} speaks of `journeybot {word}`"


def test_the_slack_manifest_asks_for_what_is_called_and_nothing_else() -> None:
    asked = YAML(typ="safe").load((DOCS / "slack-manifest.yml").read_text(encoding="utf-8"))
    code = [*(ROOT / "bot" / "slack").rglob("*.py"), ROOT / "bot" / "channels" / "slack.py"]
    called = {method for path in code for method in METHOD.findall(path.read_text(encoding="utf-8"))}
    called -= {"users.info"}  # asked where somebody grants more; docs/slack.md, "When people change"
    begun_in_slack = {"commands"}  # the slash command and the shortcuts of the manifest
    scopes = set(asked["oauth_config"]["scopes"]["bot"])
    assert scopes == begun_in_slack.union(*(SCOPES[method] for method in called))


def test_the_slack_page_explains_every_scope() -> None:
    asked = YAML(typ="safe").load((DOCS / "slack-manifest.yml").read_text(encoding="utf-8"))
    page = (DOCS / "slack.md").read_text(encoding="utf-8")
    assert [scope for scope in asked["oauth_config"]["scopes"]["bot"] if f"`{scope}`" not in page] == []


@pytest.mark.parametrize("picture", sorted(DOCS.glob("*.svg")), ids=lambda path: path.name)
def test_pictures_load_nothing_from_elsewhere(picture: Path) -> None:
    text = picture.read_text(encoding="utf-8").replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert not re.search(r"url\((?!#)|href=|src:|@import", text)
