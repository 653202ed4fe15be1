"""Reads `playbooks/sources.yml`: where `journeybot sync` fetches rows, and how their columns become ours (the grammar of maps.py,
with `query`, `object`, `where`, `watermark`, `name` beside `into`). Secrets are never in it: it names variables. docs/sync.md."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bot.authoring import yaml_source as yaml
from bot.errors import Finding, ImportRefused
from bot.intake.columns import Kind
from bot.intake.maps import MapReader, read_tree
from bot.intake.pulls.base import Pull, PullSource, SourceType

SOURCES = "playbooks/sources.yml"
QUERIES = "playbooks/queries"
SOURCE_KEYS = ("type", "url_from", "pulls", "write_back")
PULL_KEYS = ("name", "query", "object", "where", "watermark")
#: What we can tell a source about a customer.
OURS = ("stage", "health", "last_touch")
#: The column by which each CRM says when a row changed.
CHANGED = {SourceType.SALESFORCE: "SystemModstamp", SourceType.HUBSPOT: "hs_lastmodifieddate"}
#: HubSpot's contacts call it differently from all its other objects.
CONTACTS_CHANGED = "lastmodifieddate"


def load_sources(workspace: Path) -> tuple[PullSource, ...]:
    """Raises: ImportRefused with file:line; also where there is no such file."""
    path = workspace / SOURCES
    if not path.is_file():
        raise ImportRefused(
            "There are no sources to pull from", where=SOURCES, hint="docs/sync.md shows how to name one"
        )
    reader = MapReader(SOURCES)
    top = reader.mapping(read_tree(path, SOURCES), "The file")
    return tuple(_Source(reader, workspace, name).read(value) for name, value in top.entries.items())


def sources_findings(workspace: Path) -> list[Finding]:
    """What `check` says of the file, if there is one: its first mistake."""
    if not (workspace / SOURCES).is_file():
        return []
    try:
        load_sources(workspace)
    except ImportRefused as refusal:
        file, _, line = refusal.where.rpartition(":")
        where = (file, int(line)) if file and line.isdigit() else (refusal.where, 1)
        return [
            Finding(
                file=where[0], line=where[1], path="", rule="sources", severity="error",
                message=refusal.sentence, hint=refusal.hint,
            )
        ]  # fmt: skip
    return []


class _Source:
    """Reads one source."""

    def __init__(self, reader: MapReader, workspace: Path, name: str) -> None:
        self._reader = reader
        self._workspace = workspace
        self._name = name

    def read(self, value: yaml.Value) -> PullSource:
        entry = self._reader.mapping(value, f"`{self._name}`", SOURCE_KEYS)
        parts = entry.entries
        if "type" not in parts:
            raise self._reader.refusal(f"`{self._name}` does not say its `type`", entry.line, "type: sql")
        kind = SourceType(self._reader.one_of(parts["type"], list(SourceType), "type of source"))
        pulls = tuple(self._pull(item, kind) for item in self._reader.items(parts.get("pulls")))
        if not pulls:
            raise self._reader.refusal(f"`{self._name}` pulls nothing", entry.line, "pulls: [{into: customers, …}]")
        self._check_names(pulls, entry.line)
        return PullSource(
            name=self._name,
            type=kind,
            pulls=pulls,
            url_from=self._url_from(entry, kind),
            write_back=self._write_back(parts.get("write_back"), kind, pulls),
        )

    def _url_from(self, entry: yaml.Mapping, kind: SourceType) -> str:
        given = entry.entries.get("url_from")
        if (given is None) == (kind is SourceType.SQL):
            hint = "url_from: WAREHOUSE_URL" if given is None else "a CRM is found by its own variables (docs/sync.md)"
            what = "does not say `url_from`" if given is None else "has no `url_from`"
            raise self._reader.refusal(f"`{self._name}` {what}", entry.line, hint)
        name = self._reader.text(given) if given else ""
        if given and not name.isidentifier():
            hint = "write the variable's name, never the URL itself: url_from: WAREHOUSE_URL"
            raise self._reader.refusal("`url_from` names a variable of the environment or of .env", given.line, hint)
        return name

    def _check_names(self, pulls: tuple[Pull, ...], line: int) -> None:
        names = [pull.name for pull in pulls]
        for name in names:
            if names.count(name) > 1:
                hint = "give each a `name:` of its own"
                raise self._reader.refusal(f"`{self._name}` has several pulls called `{name}`", line, hint)

    def _pull(self, value: yaml.Value, kind: SourceType) -> Pull:
        file_map = self._reader.file_map(value, also=PULL_KEYS)
        assert isinstance(value, yaml.Mapping)
        parts = {name: self._reader.text(part) for name, part in value.entries.items() if name in PULL_KEYS}
        is_sql = kind is SourceType.SQL
        needed = "query" if is_sql else "object"
        if needed not in parts:
            example = "query: customers.sql" if is_sql else "object: Account"
            raise self._reader.refusal(f"The pull does not say `{needed}`", value.line, example)
        for name in ("object", "where") if is_sql else ("query",):
            if name in parts:
                hint = "the query itself says which rows" if is_sql else "say `object` and `where`"
                raise self._reader.refusal(
                    f"`{name}` does not belong to a source of type {kind}", value.keys[name], hint
                )
        return Pull(
            name=parts.get("name", file_map.kind.value),
            file_map=file_map,
            watermark=parts.get("watermark", _changed(kind, file_map.kind)),
            query=self._query(parts["query"], value.keys["query"]) if is_sql else "",
            object=parts.get("object", ""),
            where=parts.get("where", ""),
        )

    def _query(self, name: str, line: int) -> str:
        folder = (self._workspace / QUERIES).resolve()
        path = (folder / name).resolve()
        if not path.is_relative_to(folder) or not path.is_file():
            raise self._reader.refusal(
                f"There is no file {QUERIES}/{name}", line, "write the query there, one statement"
            )
        try:
            return path.read_text(encoding="utf-8-sig").strip().rstrip(";")
        except UnicodeDecodeError:
            raise ImportRefused("The query is not UTF-8", where=f"{QUERIES}/{name}", hint="save it as UTF-8") from None

    def _write_back(self, value: yaml.Value | None, kind: SourceType, pulls: tuple[Pull, ...]) -> Mapping[str, str]:
        if value is None:
            return {}
        fields = self._reader.texts(value)
        assert isinstance(value, yaml.Mapping)
        for ours in fields:
            self._reader.one_of(yaml.Scalar(text=ours, line=value.keys[ours], plain=True), OURS, "value of ours")
        if kind is SourceType.SQL:
            raise self._reader.refusal(
                "We only read from a database", value.line, "write back to a CRM, or read ours with SQL"
            )
        customers = [pull for pull in pulls if pull.file_map.kind is Kind.CUSTOMERS]
        if not customers or "customer" not in customers[0].file_map.columns:
            raise self._reader.refusal(
                "Nothing says which record a customer is", value.line, "pull customers, with columns: {customer: Id}"
            )
        return fields


def _changed(kind: SourceType, into: Kind) -> str:
    if kind is SourceType.HUBSPOT and into is Kind.CONTACTS:
        return CONTACTS_CHANGED
    return CHANGED.get(kind, "")
