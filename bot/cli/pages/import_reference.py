"""docs/import.md: which files can be imported, every column with its meaning, and column maps. The columns come from intake
itself; one without a meaning here cannot be committed, because the page then cannot be written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bot.cli.pages.import_columns import FAMILIES, MEANINGS
from bot.cli.pages.markdown import GENERATED, code, fenced, table
from bot.intake.columns import SHEETS, Kind, Sheet
from bot.intake.maps import DERIVED, FILE_KEYS, SHIPPED

#: What a key of a map's file does.
MAP_MEANINGS: Mapping[str, str] = {
    "into": "The kind that the file becomes. A list of entries makes several kinds of one file.",
    "columns": "Our column → theirs. All of theirs that are named must be in the header.",
    "constants": "Our column → one value for all rows.",
    "values": "Our column → their value → ours, such as `{region: {UK: GB}}`; other values stay.",
    "choose": "Our column → a list of `{when: {theirs: value}, is: value}`; the first that holds, the last without `when`.",
    "when": "Only rows in which their column has this value (or one of a list).",
    "filled": "Only rows in which these columns of theirs are not empty.",
    "rest": "`keep` (default): columns that are not named keep their own names; `ignore`: they are left out.",
}

OPENING = f"""{GENERATED}
# Importing

```
journeybot import PATH... [--map FILE] [--dry-run]
```

takes CSV (`.csv`, `.tsv`, `.txt`), JSON Lines (`.jsonl`, `.ndjson`) and folders of them. A file's name tells what it holds:
`customers.csv`, `2027-04-01-customers.csv` and `customers_2027-04.csv` are customers; else say `--kind` or `--map`. The order of files
does not matter. `docs/example/` holds a small set of them, and `journeybot init` copies it into your workspace.

- **Again is safe.** Importing the same file twice changes nothing; a fact counts once, by its `id` or by what it says.
- **Your CRM and a playbook do not fight.** A value is written only where it differs from what the same `--source` said last. So a
  nightly file does not undo what a playbook's `set` has written, until the file itself says something new.
- **A column that is not in the file stays as it is.** An empty cell clears only what the same source gave.
- **Who is missing in csms.csv** is told, and nothing else happens; with `--complete` the file names everybody, and whoever is missing
  has left ([Slack](slack.md#when-people-change)).
- **A bad row never stops the others.** It is listed with row, column and repair, and the command ends with 1; nothing is
  guessed. A file whose header cannot be used is refused before the first row of any file is stored.
- **A row of a customer nobody has brought yet waits.** It is listed like any bad row, and kept aside as it was read; the import
  that brings the customer, whichever file that is, attaches it (`(kept aside: tickets)` in its report). The same file again doubles
  nothing, and a newer row about the same thing replaces the one that waits. More than 50,000 of one kind are only listed: that is
  rather a wrong map. `doctor` counts what waits (`sync_waiting`).
- **Any usual encoding and delimiter** is recognised (UTF-8 with or without BOM, UTF-16, Shift_JIS, EUC, Windows' code pages;
  comma, semicolon, tab), and said when it was a guess.
- **Dates** are best written as `2027-04-01` and `2027-04-01T09:00+09:00`; 2027年4月1日, 1 April 2027 and seconds since 1970 are
  read too. `03/04/2027` is read only where other dates of the column prove the order, or you say `--day-first` or
  `--month-first`. Times without a zone are the workspace's.
- **Lists** are separated by `;`. Numbers are written without separators and units: `1200000`, `12.5`.
- **Old facts are history.** An event that is more than a day old when it is imported starts no journey, unless the journey's
  `within` says so.

"""

MAPS = f"""## Column maps

A map says how somebody else's files become ours. It is a YAML file for `--map`, or the name of a shipped one
({", ".join(code(path.stem) for path in sorted(SHIPPED.glob("*.yml")))}; read it for a worked example):

"""

EXAMPLE = """source: crm                         # whose word it is; the same as --source
files:
  accounts:                         # accounts.csv, also with a date before or after the name
    into: customers
    columns: {customer: Account ID, name: Account Name, stage: Lifecycle Stage, renewal_date: Contract End}
    values:
      stage: {Onboarding: onboarding, Live: adoption, Lost: churned}
    constants: {currency: JPY}
derive: [arr]                       # from the running subscriptions
"""


def import_reference() -> str:
    """The whole page."""
    parts = [OPENING]
    for kind, sheet in SHEETS.items():
        parts += _described(kind, sheet)
    keys = table(("key of a file", "meaning"), [(code(key), MAP_MEANINGS[key]) for key in FILE_KEYS])
    derived = " and ".join(code(name) for name in DERIVED)
    after = f"\n`derive` may name {derived}: they are worked out of the running subscriptions of that source.\n"
    return "\n".join([*parts, MAPS + fenced(EXAMPLE), keys]) + after


def _described(kind: Kind, sheet: Sheet) -> Iterator[str]:
    about, meanings = MEANINGS[kind]
    yield f"## {kind.value}\n\n{about}\n"
    rows = [
        (code(name) + (" (required)" if column.required else ""), meanings[name])
        for name, column in sheet.columns.items()
    ]
    rows += [(code(f"{family}<name>"), FAMILIES[family]) for family in sheet.families]
    if sheet.extras:
        rows.append(("anything else", FAMILIES[kind.value]))
    yield table(("column", "meaning"), rows)
