"""Everything a mail is made from, read for a whole batch at once: the message with its customer, contact, CSM, walk and
the values that templates ask for, as plain data. It reads; preflight judges and renders."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Integer, Select, Table, and_, case, literal, or_, select, true

from bot.authoring.templates import CompiledTemplate, Templates
from bot.authoring.workspace_file import WorkspaceSettings
from bot.pipeline.batch import usable_zone
from bot.pipeline.published import Published
from bot.pipeline.scopes import CONTACT, CUSTOMER, Ground
from bot.rules.conditions import compile_value, parse_condition, parse_value
from bot.rules.references import MailName
from storage.accounts import Csm, has_left
from storage.dialects import among, among_given
from storage.enrollments import ENROLLMENT
from storage.outbox import BY_HANDOFF
from storage.outbox_moves import MESSAGE
from storage.pacing import Queue, queue_of

CSM: Table = Csm.__table__  # type: ignore[attr-defined]

CUSTOMER_FIELDS = tuple(
    column.name for column in CUSTOMER.columns if column.name not in ("id", "key", "bucket", "erased_at")
)
CONTACT_FIELDS = tuple(
    column.name for column in CONTACT.columns if column.name not in ("id", "key", "customer_id", "erased_at")
)
CSM_FIELDS = ("key", "name", "email", "team", "timezone", "locale", "manager")
#: Where templates read from, and what may be read there.
FIELDS = {"customer": CUSTOMER_FIELDS, "contact": CONTACT_FIELDS, "csm": CSM_FIELDS}
#: What deciding on a mail asks for, whatever its template prints: zone, language, windows, signer, address.
DECIDING = {
    "customer": frozenset({"timezone", "locale", "region", "touch", "owners"}),
    "contact": frozenset({"timezone", "locale", "email", "name"}),
    "csm": frozenset({"key", "timezone", "manager"}),
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where the fields of one source stand in a row."""

    names: tuple[str, ...]
    values: itemgetter[Any]

    def fields(self, row: Sequence[Any]) -> dict[str, Any]:
        return dict(zip(self.names, self.values(row), strict=True))


@lru_cache(maxsize=64)
def _row_of(columns: tuple[str, ...]) -> Any:
    """A named tuple. Each mail's row is asked for thirty fields, and SQLAlchemy's answers ten times as slowly."""
    return namedtuple("CaseRow", columns)


@lru_cache(maxsize=64)
def places_in(columns: tuple[str, ...]) -> tuple[Place, ...]:
    """Of customer, contact and CSM: looked up once a statement, not once a mail. What deciding asks for is in every row, so
    that each has several fields."""
    found = []
    for source, fields in FIELDS.items():
        names = tuple(name for name in fields if f"{source}_{name}" in columns)
        found.append(Place(names, itemgetter(*(columns.index(f"{source}_{name}") for name in names))))
    return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """One of ours in whose name a mail goes out."""

    email: str
    name: str | None


#: Not frozen, as other data is: that would triple what it costs to make one, and thousands are made a second.
@dataclass(slots=True, kw_only=True)
class MailCase:
    """One claimed message with what belongs to it; `signer` None: the workspace signs. `queue`: the pace it waits for.
    `places`: where customer, contact and CSM stand in the row `message`."""

    id: int
    message: Any
    zone: str
    locales: tuple[str, ...]
    window: int | None
    team_window: int | None = None
    signer: Signer | None = None
    queue: Queue | None = None
    places: tuple[Place, ...] = ()

    @property
    def name(self) -> MailName:
        return MailName(self.id, self.message.created_at)

    @property
    def is_of_handoff(self) -> bool:
        """A person sends it: an e-mail assist (S29)."""
        return str(self.message.occurrence).startswith(BY_HANDOFF)


def printed_fields(connection: Connection, templates: Templates, ids: Sequence[int]) -> frozenset[str]:
    """What the templates of these messages may print, in whatever language (`customer.name`)."""
    names = connection.scalars(select(MESSAGE.c.template).where(among(MESSAGE.c.id, ids)).distinct())
    versions = (version for name in names for version in templates.by_name.get(name, {}).values())
    return frozenset().union(*(version.fields for version in versions if version.refusal is None))


def load_cases(
    connection: Connection, ground: Ground, ids: Sequence[int], printed: frozenset[str] | None = None
) -> list[MailCase]:
    """The messages with customer (`customer_…`), contact (`contact_…`) and CSM (`csm_…`) columns, by two statements.
    `printed`: the fields that will be asked for; None: all. A mail prints a few of sixty, and documents are read slowly."""
    statement = ground.kept(("mail cases", printed), partial(_cases, ground, printed))
    result = connection.execute(statement, {"keys": list(ids)})
    columns = tuple(result.keys())
    places, found = places_in(columns), list(map(_row_of(columns)._make, result.all()))
    settings = ground.settings
    signers = signers_of(connection, settings, found)
    queue = queue_of(connection, settings.pace.per_second) if found else None
    return [
        MailCase(
            id=row.id,
            message=row,
            zone=usable_zone(row.contact_timezone, row.customer_timezone, row.csm_timezone, settings.timezone),
            locales=_said(row.contact_locale, row.customer_locale, settings.locale),
            window=row.window,
            team_window=row.team_window,
            signer=signer,
            queue=queue,
            places=places,
        )
        for row, signer in zip(found, signers, strict=True)
    ]


@lru_cache(maxsize=1024)
def _said(*locales: str | None) -> tuple[str, ...]:
    return tuple(filter(None, locales))


def _cases(ground: Ground, printed: frozenset[str] | None) -> Select[Any]:
    columns = [
        MESSAGE.c.id,
        MESSAGE.c.enrollment_id,
        MESSAGE.c.customer_id,
        MESSAGE.c.contact_id,
        MESSAGE.c.playbook,
        MESSAGE.c.step,
        MESSAGE.c.occurrence,
        MESSAGE.c.template,
        MESSAGE.c.sender,
        MESSAGE.c.reason,
        MESSAGE.c.due_at,
        MESSAGE.c.not_before,
        MESSAGE.c.expires_at,
        MESSAGE.c.token,
        MESSAGE.c.reviewed_by,
        MESSAGE.c.created_at,
        ENROLLMENT.c.version_id,
        ENROLLMENT.c.event,
        CUSTOMER.c.key.label("customer_key"),
        CONTACT.c.key.label("contact_key"),
        *_columns_of(CUSTOMER, "customer", printed),
        *_columns_of(CONTACT, "contact", printed),
        *_columns_of(CSM, "csm", printed),
        *window_columns(ground),
    ]
    rows = (
        MESSAGE.join(CUSTOMER, CUSTOMER.c.id == MESSAGE.c.customer_id)
        .outerjoin(CONTACT, CONTACT.c.id == MESSAGE.c.contact_id)
        .outerjoin(ENROLLMENT, ENROLLMENT.c.id == MESSAGE.c.enrollment_id)
        .outerjoin(CSM, CSM.c.key == CUSTOMER.c.csm)
    )
    return select(*columns).select_from(rows).where(among_given(MESSAGE.c.id))


def _columns_of(table: Table, source: str, printed: frozenset[str] | None) -> list[Any]:
    names = FIELDS[source]
    if printed is not None:
        asked = {path.split(".")[1] for path in printed if path.startswith(f"{source}.")} | DECIDING[source]
        names = tuple(name for name in names if name in asked)
    return [table.c[name].label(f"{source}_{name}") for name in names]


def signers_of(connection: Connection, settings: WorkspaceSettings, rows: Sequence[Any]) -> list[Signer | None]:
    """One for each row: the person in whose name it goes out, None where the workspace signs."""
    keys = [_signer_key(row, settings) for row in rows]
    wanted = sorted({key for key in keys if key})
    if not wanted:
        return [None] * len(keys)
    people = connection.execute(select(CSM.c.key, CSM.c.email, CSM.c.name).where(CSM.c.key.in_(wanted), ~has_left(CSM)))
    known = {row.key: Signer(email=row.email, name=row.name) for row in people if row.email}
    return [known.get(key or "") for key in keys]


def _signer_key(row: Any, settings: WorkspaceSettings) -> str | None:
    """Whose name the step asks for (S25): covers do not sign; a manager who is not there is the default owner."""
    match row.sender:
        case "workspace":
            return None
        case "csm":
            return str(row.csm_key) if row.csm_key else None
        case "csm.manager":
            return row.csm_manager or settings.owners.default
        case role:
            return (row.customer_owners or {}).get(role) or str(role)


def window_columns(ground: Ground) -> list[Any]:
    """Which windows hold for the customer, and for the CSM's team."""
    return [_window_of(ground).label("window"), _team_window_of(ground).label("team_window")]


def _window_of(ground: Ground) -> Any:
    """The place of the first workspace window whose condition holds for the customer; None when none does."""
    scope = ground.scope()
    ways: list[tuple[Any, Any]] = []
    for place, window in enumerate(ground.settings.windows):
        if window.when is None:
            if not ways:
                return literal(place)
            return case(*ways, else_=literal(place))
        ways.append((ground.holds(parse_condition(window.when), scope), literal(place)))
    return case(*ways, else_=literal(None, Integer)) if ways else literal(None, Integer)


def _team_window_of(ground: Ground) -> Any:
    """The place of the first window of the CSM's team that holds, among all windows of teams; None when none does."""
    settings, ways = ground.settings, []
    for place, (team, window) in enumerate(settings.windows_of_teams()):
        in_team = or_(CSM.c.team == team, CSM.c.key.in_(settings.owners.teams.get(team, ())))
        holds = ground.holds(parse_condition(window.when), ground.scope()) if window.when else true()
        ways.append((and_(in_team, holds), literal(place)))
    return case(*ways, else_=literal(None, Integer)) if ways else literal(None, Integer)


def context_of(
    found: MailCase, settings: WorkspaceSettings, values: Mapping[str, Any], today: Any, links: Mapping[str, Any]
) -> dict[str, Any]:
    """The plain data a template renders over, as far as the row has it. `values` are the computed expressions and bare
    vocabulary names."""
    row = found.message
    customer, contact, csm = (place.fields(row) for place in found.places)
    customer["customer"], contact["contact"], csm["csm"] = row.customer_key, row.contact_key, row.csm_key
    if values:
        customer.update({name: value for name, value in values.items() if name.isidentifier()})
    return {
        "customer": customer,
        "contact": contact,
        "csm": csm,
        "workspace": {
            "company": settings.company,
            "name": settings.sender.name,
            "email": settings.sender.email,
            "locale": settings.locale,
            "timezone": settings.timezone,
        },
        "event": row.event or {},
        "mail": dict(links),
        "today": today,
        "values": values,
    }


def in_contact_walk(found: MailCase, published: Published) -> bool:
    version = published.versions.get(found.message.version_id or 0)
    return version is not None and version.playbook.walks == "contact"


def computed_values(
    connection: Connection, ground: Ground, template: CompiledTemplate, ids: Sequence[int], *, of_contacts: bool
) -> dict[int, dict[str, Any]]:
    """Message id → value of each expression and each bare vocabulary name the template uses: one statement per template.
    `of_contacts`: in contact walks names such as `nps` are the contact's, else the customer's (S30)."""
    wanted = asked_values(template)
    if not wanted or not ids:
        return {}
    asking = ground.kept(("values", *wanted, of_contacts), lambda: _asking(ground, wanted, of_contacts=of_contacts))
    found = connection.execute(asking, {"keys": list(ids)})
    locale, catalogue = template.locale, ground.catalogue
    return {row[0]: catalogue.with_parts(dict(zip(wanted, row[1:], strict=True)), locale) for row in found}


def _asking(ground: Ground, wanted: Sequence[str], *, of_contacts: bool) -> Select[Any]:
    """Id and one column per value, for the mails whose ids are given as `keys`."""
    scope = ground.scope(contact=True, walk=True)
    without = replace(scope, contact=CONTACT if of_contacts else None)
    values = [parse_value(text) for text in wanted]
    columns = [
        compile_value(value, scope if value.needs_contact else without).label(f"v{place}")
        for place, value in enumerate(values)
    ]
    rows = (
        MESSAGE.join(CUSTOMER, CUSTOMER.c.id == MESSAGE.c.customer_id)
        .outerjoin(CONTACT, CONTACT.c.id == MESSAGE.c.contact_id)
        .outerjoin(ENROLLMENT, ENROLLMENT.c.id == MESSAGE.c.enrollment_id)
    )
    return select(MESSAGE.c.id, *columns).select_from(rows).where(among_given(MESSAGE.c.id))


def asked_values(template: CompiledTemplate) -> list[str]:
    """The expressions and bare names that are computed for each mail of the template."""
    return sorted(template.expressions) + sorted(bare_names(template))


def bare_names(template: CompiledTemplate) -> set[str]:
    """Vocabulary names that are no column (`nps`, `license_use`): they are computed like expressions."""
    names = {path.split(".")[1] for path in template.fields if path.startswith("customer.") and path.count(".") == 1}
    return names - set(CUSTOMER_FIELDS) - {"customer"}
