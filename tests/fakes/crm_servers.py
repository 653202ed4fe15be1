"""Salesforce and HubSpot over real HTTP, as far as pulls use them: SOQL with one filter and order, CRM search, lists, associations,
batch updates, pages, refusals. `records` is what they hold, by object; `asked` what was asked of them. For tests only."""

from __future__ import annotations

import json
import re
import ssl
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, ClassVar, Self
from urllib.parse import parse_qs, urlsplit

TOKEN = "a-token-of-the-crm"
SOQL = re.compile(
    r"SELECT (?P<fields>[\w., ]+) FROM (?P<object>\w+)(?: WHERE (?P<where>.+?))?(?: ORDER BY (?P<order>\w+) ASC)?"
)
SINCE = re.compile(r"(?P<field>\w+) >= (?P<at>[\dTZ:.-]+)")
EQUAL = re.compile(r"\((?P<field>\w+) = '(?P<value>[^']*)'\)")


class FakeCrm:
    """Use as a context manager. `page`: rows an answer holds; `fails_after`: so many answers are given, then 503."""

    handler: ClassVar[type[BaseHTTPRequestHandler]]

    def __init__(self, records: Mapping[str, list[dict[str, Any]]], *, page: int = 2) -> None:
        self.records = {name: [dict(row) for row in rows] for name, rows in records.items()}
        self.page = page
        self.fails_after: int | None = None
        self.refuses: set[str] = set()
        self.asked: list[str] = []
        self.companies: dict[str, str] = {}
        self.waiting: dict[str, list[dict[str, Any]]] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self.handler)
        self._server.crm = self  # type: ignore[attr-defined]
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def speak_tls(self, context: ssl.SSLContext) -> Self:
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        return self

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def row(self, name: str, key: str) -> dict[str, Any]:
        return next(row for row in self.records[name] if key in (row.get("Id"), row.get("id")))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def crm(self) -> FakeCrm:
        found: FakeCrm = self.server.crm  # type: ignore[attr-defined]
        return found

    def do_GET(self) -> None:
        self._serve({})

    def do_POST(self) -> None:
        self._serve(self._body())

    def do_PATCH(self) -> None:
        self._serve(self._body())

    def log_message(self, format: str, *args: Any) -> None:
        """Silent: tests read `asked`."""

    def respond(self, path: str, query: Mapping[str, str], body: Any) -> tuple[int, Any]:
        raise NotImplementedError

    def unauthorized(self) -> Any:
        raise NotImplementedError

    def _body(self) -> Any:
        return json.loads(self.rfile.read(int(self.headers["Content-Length"])))

    def _serve(self, body: Any) -> None:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.crm.asked.append(query.get("q") or f"{self.command} {parts.path}")
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            self._answer(401, self.unauthorized())
        elif self.crm.fails_after == 0:
            self._answer(503, [{"errorCode": "SERVER_UNAVAILABLE", "message": "down for maintenance"}])
        else:
            if self.crm.fails_after is not None:
                self.crm.fails_after -= 1
            self._answer(*self.respond(parts.path, query, body))

    def _answer(self, status: int, found: Any) -> None:
        content = json.dumps(found).encode()
        self.send_response_only(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


class _Salesforce(_Handler):
    def unauthorized(self) -> Any:
        return [{"errorCode": "INVALID_SESSION_ID", "message": "Session expired or invalid"}]

    def respond(self, path: str, query: Mapping[str, str], body: Any) -> tuple[int, Any]:
        if path.endswith("/composite/sobjects"):
            return 200, [self._update(record) for record in body["records"]]
        if path.endswith("/query/"):
            return self._first_page(query["q"])
        return 200, self._page(path.rpartition("/")[2])

    def _first_page(self, soql: str) -> tuple[int, Any]:
        asked = SOQL.fullmatch(soql)
        if asked is None or asked["object"] not in self.crm.records:
            return 400, [{"errorCode": "INVALID_TYPE", "message": f"sObject type is not supported: {soql}"}]
        rows = self.crm.records[asked["object"]]
        where = asked["where"] or ""
        for equal in EQUAL.finditer(where):
            rows = [row for row in rows if row.get(equal["field"]) == equal["value"]]
        if since := SINCE.search(where):
            rows = [row for row in rows if _moment(row[since["field"]]) >= _moment(since["at"])]
        if asked["order"]:
            rows = sorted(rows, key=lambda row: _moment(row[asked["order"]]))
        names = [name.strip() for name in asked["fields"].split(",")]
        found = [{"attributes": {"type": asked["object"]}, **{name: row.get(name) for name in names}} for row in rows]
        for name in [name for name in names if "." in name]:
            outer, _, inner = name.partition(".")
            for record, row in zip(found, rows, strict=True):
                del record[name]
                record[outer] = {inner: row[outer][inner]} if row.get(outer) else None
        cursor = f"cursor{len(self.crm.asked)}-0"
        self.crm.waiting[cursor.partition("-")[0]] = found
        return 200, self._page(cursor)

    def _page(self, cursor: str) -> dict[str, Any]:
        name, _, start = cursor.partition("-")
        rows, end = self.crm.waiting[name], int(start) + self.crm.page
        answer = {"totalSize": len(rows), "done": end >= len(rows), "records": rows[int(start) : end]}
        further = {} if answer["done"] else {"nextRecordsUrl": f"/services/data/v59.0/query/{name}-{end}"}
        return {**answer, **further}

    def _update(self, record: dict[str, Any]) -> dict[str, Any]:
        key = record["Id"]
        if key in self.crm.refuses:
            return {"id": key, "success": False, "errors": [{"statusCode": "ENTITY_IS_LOCKED", "message": "is locked"}]}
        self.crm.row(record["attributes"]["type"], key).update(
            {name: value for name, value in record.items() if name not in ("attributes", "Id")}
        )
        return {"id": key, "success": True, "errors": []}


class _HubSpot(_Handler):
    def unauthorized(self) -> Any:
        return {"status": "error", "category": "INVALID_AUTHENTICATION", "message": "The access token is invalid"}

    def respond(self, path: str, query: Mapping[str, str], body: Any) -> tuple[int, Any]:
        if path.startswith("/crm/v4/associations/"):
            pairs = [(item["id"], self.crm.companies.get(item["id"])) for item in body["inputs"]]
            return 200, {"status": "COMPLETE", "results": [_association(*pair) for pair in pairs if pair[1]], **_TIMES}
        name = path.split("/")[4]
        if name not in self.crm.records:
            return 400, {"status": "error", "category": "VALIDATION_ERROR", "message": f"no object {name}"}
        if path.endswith("/search"):
            return 200, self._search(name, body)
        if path.endswith("/batch/update"):
            return 200, self._update(name, body["inputs"])
        return 200, self._paged(self.crm.records[name], int(query.get("after", 0)), [])

    def _search(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        rows = self.crm.records[name]
        for asked in (asked for group in body.get("filterGroups", []) for asked in group["filters"]):
            if asked["operator"] == "EQ":
                rows = [row for row in rows if row.get(asked["propertyName"]) == asked["value"]]
            else:
                since = datetime.fromtimestamp(int(asked["value"]) / 1000, UTC)
                rows = [row for row in rows if _moment(row[asked["propertyName"]]) >= since]
        order = body["sorts"][0]["propertyName"]
        rows = sorted(rows, key=lambda row: _moment(row[order]))
        return self._paged(rows, int(body.get("after") or 0), body["properties"])

    def _paged(self, rows: list[dict[str, Any]], start: int, properties: list[str]) -> dict[str, Any]:
        end = start + self.crm.page
        results = [_object(row, {name: row.get(name) for name in properties}) for row in rows[start:end]]
        paging = {"paging": {"next": {"after": str(end)}}} if end < len(rows) else {}
        return {"total": len(rows), "results": results, **paging}

    def _update(self, name: str, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        taken = [item for item in inputs if item["id"] not in self.crm.refuses]
        for item in taken:
            self.crm.row(name, item["id"]).update(item["properties"])
        return {"status": "COMPLETE", "results": [_object(item, item["properties"]) for item in taken], **_TIMES}


_TIMES = {"startedAt": "2027-03-01T00:00:00Z", "completedAt": "2027-03-01T00:00:00Z"}


def _object(row: Mapping[str, Any], properties: Mapping[str, Any]) -> dict[str, Any]:
    times = {"createdAt": "2026-01-01T00:00:00Z", "updatedAt": "2026-01-01T00:00:00Z"}
    return {"id": row["id"], "properties": properties, "archived": False, **times}


def _association(record: str, company: str | None) -> dict[str, Any]:
    kinds = [{"category": "HUBSPOT_DEFINED", "typeId": 1, "label": None}]
    return {"from": {"id": record}, "to": [{"toObjectId": company, "associationTypes": kinds}]}


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00").replace("+0000", "+00:00"))


class FakeSalesforce(FakeCrm):
    handler = _Salesforce


class FakeHubSpot(FakeCrm):
    handler = _HubSpot
