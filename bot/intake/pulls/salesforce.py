"""Pulls from Salesforce by SOQL, oldest change first, and writes fields back by its collections API (200 records a call).
Sources: developer.salesforce.com, REST API guide: Query, QueryAll, sObject Collections."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

import requests
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import SalesforceError

from bot.intake.pulls.base import Mark, Pull, Row, SourceFailed

#: A whole collection is refused over this size.
MOST_RECORDS = 200
TIMEOUT_SECONDS = 60
#: All of one line are needed.
WAYS_IN: tuple[tuple[str, ...], ...] = (
    ("SALESFORCE_INSTANCE_URL", "SALESFORCE_ACCESS_TOKEN"),
    ("SALESFORCE_DOMAIN", "SALESFORCE_CONSUMER_KEY", "SALESFORCE_CONSUMER_SECRET"),
    ("SALESFORCE_USERNAME", "SALESFORCE_PASSWORD", "SALESFORCE_SECURITY_TOKEN"),
)
ARGUMENTS = {
    "SALESFORCE_INSTANCE_URL": "instance_url",
    "SALESFORCE_ACCESS_TOKEN": "session_id",
    "SALESFORCE_CONSUMER_KEY": "consumer_key",
    "SALESFORCE_CONSUMER_SECRET": "consumer_secret",
    "SALESFORCE_USERNAME": "username",
    "SALESFORCE_PASSWORD": "password",
    "SALESFORCE_SECURITY_TOKEN": "security_token",
    "SALESFORCE_DOMAIN": "domain",
}
T = TypeVar("T")


class _Session(requests.Session):
    """Waits no longer than a minute for one answer: requests would wait for ever."""

    def request(self, *args: Any, **more: Any) -> requests.Response:
        more.setdefault("timeout", TIMEOUT_SECONDS)
        return super().request(*args, **more)


class SalesforcePuller:
    """A session at Salesforce."""

    def __init__(self, source: str, environment: Mapping[str, str]) -> None:
        self._source = source
        way = next((names for names in WAYS_IN if all(environment.get(name) for name in names)), None)
        if way is None:
            choices = "; or ".join(", ".join(names) for names in WAYS_IN)
            raise SourceFailed("there is no way in", where=source, hint=f"set {choices}")
        names = {*way, *(("SALESFORCE_DOMAIN",) if environment.get("SALESFORCE_DOMAIN") else ())}
        given: dict[str, Any] = {ARGUMENTS[name]: environment[name] for name in names}
        self._client = self._asked("", partial(Salesforce, session=_Session(), object_pairs_hook=dict, **given))

    def pages(self, pull: Pull, since: Mark | None) -> Iterator[Sequence[Row]]:
        fields = sorted({*pull.file_map.their_columns(), *((pull.watermark,) if pull.watermark else ())})
        where = [f"({pull.where})"] if pull.where else []
        if since is not None and pull.watermark:
            where.append(f"{pull.watermark} >= {_literal(since.value)}")
        soql = f"SELECT {', '.join(fields)} FROM {pull.object}"
        soql += f" WHERE {' AND '.join(where)}" if where else ""
        soql += f" ORDER BY {pull.watermark} ASC" if pull.watermark else ""
        for records in self._query(pull, soql):
            rows = [{name: _cell(record, name) for name in fields} for record in records]
            for row in rows:
                if pull.watermark and isinstance(row[pull.watermark], str):
                    # `2027-02-06T00:00:00.000+0000`: the offset has no colon.
                    row[pull.watermark] = datetime.fromisoformat(row[pull.watermark]).astimezone(UTC)
            yield rows

    def keys(self, pull: Pull, key: str) -> Iterator[Sequence[str]] | None:
        where = f" WHERE {pull.where}" if pull.where else ""
        soql = f"SELECT {key} FROM {pull.object}{where}"
        return ([str(_cell(record, key)) for record in records] for records in self._query(pull, soql))

    def write_back(self, pull: Pull, key: str, rows: Sequence[tuple[str, Row]]) -> list[tuple[str, str]]:
        if key != "Id":
            raise SourceFailed(
                "customers are not named by Salesforce's Id", where=self._source, hint="columns: {customer: Id}"
            )
        refused: list[tuple[str, str]] = []
        for start in range(0, len(rows), MOST_RECORDS):
            chunk = rows[start : start + MOST_RECORDS]
            records = [{"attributes": {"type": pull.object}, "Id": name, **fields} for name, fields in chunk]
            body = {"allOrNone": False, "records": records}
            answers = self._asked(pull.name, partial(self._patch, body))
            for (name, _), answer in zip(chunk, answers, strict=True):
                if not answer.get("success"):
                    refused.append(
                        (name, "; ".join(error["message"] for error in answer.get("errors", [])) or "refused")
                    )
        return refused

    def close(self) -> None:
        self._client.session.close()

    def _patch(self, body: Mapping[str, Any]) -> list[dict[str, Any]]:
        return list(self._client.restful("composite/sobjects", method="PATCH", json=body) or [])

    def _query(self, pull: Pull, soql: str) -> Iterator[list[dict[str, Any]]]:
        answer = self._asked(pull.name, partial(self._client.query, soql))
        while True:
            yield answer["records"]
            if answer["done"]:
                return
            further = answer["nextRecordsUrl"]
            answer = self._asked(pull.name, partial(self._client.query_more, further, True))

    def _asked(self, pull: str, ask: Callable[[], T]) -> T:
        where = f"{self._source}/{pull}" if pull else self._source
        try:
            return ask()
        except SalesforceError as error:
            raise SourceFailed(f"Salesforce refused: {_refusal(error)}", where=where, hint=_hint(error)) from error
        except requests.RequestException as error:
            raise SourceFailed(
                f"Salesforce did not answer ({type(error).__name__})", where=where, hint="the next run resumes here"
            ) from error


def _refusal(error: SalesforceError) -> str:
    content = getattr(error, "content", None)
    first = content[0] if isinstance(content, list) and content else {}
    return str(first.get("message") or getattr(error, "message", "") or error).splitlines()[0][:200]


def _hint(error: SalesforceError) -> str:
    status = getattr(error, "status", 0)
    if status in (401, 403) or type(error).__name__ == "SalesforceAuthenticationFailed":
        return "are the SALESFORCE_ variables right, and may that user read these objects?"
    return "are `object`, `where` and the columns spelled as in Salesforce?"


def _literal(value: Any) -> str:
    """SOQL writes moments bare."""
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"
    return str(value)


def _cell(record: Mapping[str, Any], name: str) -> Any:
    """`Owner.Email` is a field of a related record, which may be missing."""
    value: Any = record
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value
