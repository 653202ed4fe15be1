"""Pulls from HubSpot by its CRM search, oldest change first, and writes properties back in batches of 100. A search ends after
10,000 rows, so it is begun again from the newest one. Source: developers.hubspot.com, CRM search, associations v4, batch update."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

from hubspot import HubSpot
from hubspot.crm.associations.v4 import BatchInputPublicFetchAssociationsBatchRequest
from hubspot.crm.associations.v4.exceptions import ApiException as AssociationsError
from hubspot.crm.objects import BatchInputSimplePublicObjectBatchInput, PublicObjectSearchRequest
from hubspot.crm.objects.exceptions import ApiException as ObjectsError
from urllib3.exceptions import HTTPError
from urllib3.util.retry import Retry

from bot.intake.pulls.base import Mark, Pull, Row, SourceFailed

TOKEN, BASE_URL = "HUBSPOT_ACCESS_TOKEN", "HUBSPOT_BASE_URL"
PAGE = 100
#: A search gives no more, however one pages.
MOST_OF_A_SEARCH = 10_000
TIMEOUT_SECONDS = 60
#: A column of ours that HubSpot keeps as an association, not as a property.
COMPANY = "company_id"
ID = "id"
T = TypeVar("T")


class HubSpotPuller:
    """An access token at HubSpot."""

    def __init__(self, source: str, environment: Mapping[str, str]) -> None:
        self._source = source
        token = environment.get(TOKEN)
        if not token:
            raise SourceFailed("there is no access token", where=source, hint=f"set {TOKEN} (a private app's)")
        given: dict[str, Any] = {
            "access_token": token,
            "retry": Retry(total=3, status_forcelist=(429,), backoff_factor=1),
        }
        if environment.get(BASE_URL):
            given["host"] = environment[BASE_URL].rstrip("/")
        self._client = HubSpot(**given)

    def pages(self, pull: Pull, since: Mark | None) -> Iterator[Sequence[Row]]:
        properties = sorted({*pull.file_map.their_columns(), pull.watermark} - {ID, COMPANY, ""})
        newest = since.value if since else None
        while True:
            taken, newest_before = 0, newest
            for records in self._search(pull, properties, newest):
                taken += len(records)
                rows = [{**record.properties, ID: record.id} for record in records]
                if COMPANY in pull.file_map.their_columns():
                    rows = self._with_companies(pull, rows)
                for row in rows:
                    row[pull.watermark] = newest = _moment(row[pull.watermark])
                yield rows
            if taken < MOST_OF_A_SEARCH:
                return
            if newest == newest_before:
                raise self._failed(pull, "has 10,000 rows that changed in the same moment", "split the pull by `where`")

    def keys(self, pull: Pull, key: str) -> Iterator[Sequence[str]] | None:
        """Every row once, by its list: the search forgets deleted ones only after a while."""
        return self._listed(pull) if key == ID else None

    def write_back(self, pull: Pull, key: str, rows: Sequence[tuple[str, Row]]) -> list[tuple[str, str]]:
        if key != ID:
            raise SourceFailed(
                "customers are not named by HubSpot's id", where=self._source, hint="columns: {customer: id}"
            )
        refused: list[tuple[str, str]] = []
        for start in range(0, len(rows), PAGE):
            chunk = rows[start : start + PAGE]
            body = BatchInputSimplePublicObjectBatchInput(
                inputs=[{"id": name, "properties": _texts(fields)} for name, fields in chunk]
            )
            answer = self._asked(
                pull.name,
                partial(self._client.crm.objects.batch_api.update, pull.object, body, _request_timeout=TIMEOUT_SECONDS),
            )
            taken = {record.id for record in answer.results}
            refused += [(name, "HubSpot did not take it") for name, _ in chunk if name not in taken]
        return refused

    def close(self) -> None:
        """Its connections belong to urllib3's pools, which end with the process."""

    def _search(self, pull: Pull, properties: Sequence[str], since: datetime | None) -> Iterator[list[Any]]:
        filters = [_filter(part) for part in pull.where.split(" and ") if part.strip()]
        if since is not None:
            filters.append(
                {"propertyName": pull.watermark, "operator": "GTE", "value": str(int(since.timestamp() * 1000))}
            )
        after: str | None = None
        taken = 0
        while True:
            body = PublicObjectSearchRequest(
                filter_groups=[{"filters": filters}] if filters else [],
                sorts=[{"propertyName": pull.watermark, "direction": "ASCENDING"}],
                properties=list(properties),
                limit=PAGE,
                after=after,
            )
            answer = self._asked(
                pull.name,
                partial(
                    self._client.crm.objects.search_api.do_search, pull.object, body, _request_timeout=TIMEOUT_SECONDS
                ),
            )
            yield answer.results
            taken += len(answer.results)
            after = answer.paging.next.after if answer.paging and answer.paging.next else None
            if after is None or taken >= MOST_OF_A_SEARCH:
                return

    def _listed(self, pull: Pull) -> Iterator[Sequence[str]]:
        after: str | None = None
        while True:
            page: dict[str, Any] = {
                "limit": PAGE,
                "after": after,
                "properties": [],
                "_request_timeout": TIMEOUT_SECONDS,
            }
            answer = self._asked(pull.name, partial(self._client.crm.objects.basic_api.get_page, pull.object, **page))
            yield [record.id for record in answer.results]
            after = answer.paging.next.after if answer.paging and answer.paging.next else None
            if after is None:
                return

    def _with_companies(self, pull: Pull, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The first company that each record belongs to."""
        body = BatchInputPublicFetchAssociationsBatchRequest(inputs=[{"id": row[ID]} for row in rows])
        ask = self._client.crm.associations.v4.batch_api.get_page
        answer = self._asked(pull.name, partial(ask, pull.object, "companies", body, _request_timeout=TIMEOUT_SECONDS))
        companies = {found._from.id: str(found.to[0].to_object_id) for found in answer.results if found.to}
        return [{**row, COMPANY: companies.get(row[ID])} for row in rows]

    def _asked(self, pull: str, ask: Callable[[], T]) -> T:
        where = f"{self._source}/{pull}"
        try:
            return ask()
        except (ObjectsError, AssociationsError) as error:
            hint = (
                f"is {TOKEN} right, and does its app have the scopes for these objects?"
                if error.status in (401, 403)
                else "are `object`, `where` and the columns HubSpot's internal names?"
            )
            raise SourceFailed(f"HubSpot refused ({error.status} {error.reason})", where=where, hint=hint) from error
        except HTTPError as error:
            raise SourceFailed(
                f"HubSpot did not answer ({type(error).__name__})", where=where, hint="the next run resumes here"
            ) from error

    def _failed(self, pull: Pull, sentence: str, hint: str) -> SourceFailed:
        return SourceFailed(sentence, where=f"{self._source}/{pull.name}", hint=hint)


def _filter(text: str) -> dict[str, str]:
    """`type = CUSTOMER`, `type != PARTNER`: HubSpot has no filter language of its own to write."""
    for sign, operator in (("!=", "NEQ"), ("=", "EQ")):
        name, found, value = text.partition(sign)
        if found:
            return {"propertyName": name.strip(), "operator": operator, "value": value.strip().strip("'\"")}
    raise SourceFailed(f"`{text}` is no filter", hint="write `type = CUSTOMER and country != FR`")


def _moment(value: Any) -> datetime:
    found = value if isinstance(value, datetime) else datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    return found.astimezone(UTC)


def _texts(fields: Row) -> dict[str, str]:
    return {name: "" if value is None else str(value) for name, value in fields.items()}
