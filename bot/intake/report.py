"""What an import did: per file the counts, the first problems with row, column and repair, and warnings. A Tally is
filled while a file is imported and becomes a FileReport; nothing is decided here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

KEPT_PROBLEMS = 100
SHOWN_CHARACTERS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a file is. Bytes are of the file as it lies on disk; `rows` are those read so far."""

    file: str
    bytes_done: int
    bytes_total: int
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RowProblem:
    """One thing wrong with one row. `row` is the line (from 1) where the row begins in the file; `value` is shortened."""

    file: str
    row: int
    column: str
    value: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.row}" + (f" ({self.column})" if self.column else "")
        return f"{place}: {self.message}" + (f" → {self.hint}" if self.hint else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileReport:
    """One file's result. rows = changed + unchanged + rejected. `flawed` rows were imported without the cell that is wrong; `waiting`
    of the rejected ones are kept aside until their customer comes; `problem_counts` counts every problem by its rule, `problems`
    keeps the first hundred."""

    file: str
    kind: str
    encoding: str
    delimiter: str
    rows: int
    changed: int
    unchanged: int
    rejected: int
    flawed: int
    problems: tuple[RowProblem, ...]
    problem_counts: dict[str, int]
    warnings: tuple[str, ...]
    waiting: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """The whole import, file by file in the order in which they were imported."""

    files: tuple[FileReport, ...]
    is_dry_run: bool = False
    warnings: tuple[str, ...] = ()

    @property
    def rejected(self) -> int:
        return sum(file.rejected for file in self.files)

    @property
    def waiting(self) -> int:
        return sum(file.waiting for file in self.files)

    @property
    def changed(self) -> int:
        return sum(file.changed for file in self.files)

    @property
    def exit_code(self) -> int:
        """1 when any row, or any cell of a row, could not be imported."""
        return 1 if any(file.rejected or file.flawed for file in self.files) else 0

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(slots=True, kw_only=True)
class Tally:
    """Counts one file while it is imported."""

    file: str
    kind: str
    rows: int = 0
    changed: int = 0
    unchanged: int = 0
    rejected: int = 0
    flawed: int = 0
    waiting: int = 0
    #: Told of each row that names a customer or subscription nobody has brought: its line, what it names, the key.
    on_stranger: Callable[[int, str, str], None] | None = None
    _problems: list[RowProblem] = field(default_factory=list)
    _counts: Counter[str] = field(default_factory=Counter)
    _columns: Counter[str] = field(default_factory=Counter)
    _warnings: list[str] = field(default_factory=list)
    _remarks: dict[str, tuple[int, int, str]] = field(default_factory=dict)

    def reject(self, row: int, column: str, value: object, message: str, hint: str = "", *, rule: str = "") -> None:
        """The row is not imported. `rule` is what is counted when the message names the value."""
        self.rejected += 1
        self._note(row, column, value, message, hint, rule)

    def reject_stranger(self, row: int, what: str, key: str) -> None:
        """The row is of a `customer` or `subscription` that is not known, yet."""
        self.reject(row, what, key, f"unknown {what} `{key}`", f"is it in {what}s.csv?", rule=f"unknown {what}")
        if self.on_stranger is not None:
            self.on_stranger(row, what, key)

    def flaw(self, row: int, column: str, value: object, message: str, hint: str = "", *, rule: str = "") -> None:
        """The row is imported, but without this cell."""
        self.flawed += 1
        self._note(row, column, value, message, hint, rule)

    def warn(self, sentence: str) -> None:
        if sentence not in self._warnings:
            self._warnings.append(sentence)

    def remark(self, sentence: str, row: int, value: object) -> None:
        """A warning that counts its rows and names the first one."""
        count, first, shown = self._remarks.get(sentence, (0, row, shorten(value)))
        self._remarks[sentence] = (count + 1, first, shown)

    def pass_by_erased(self, row: int) -> None:
        """The row names somebody who asked to be forgotten. It is no error of the file, which does not know."""
        self.unchanged += 1
        self.remark("name somebody who was erased; not imported", row, "")

    def finish(self, *, encoding: str, delimiter: str) -> FileReport:
        remarks = (
            f"{count} row(s) {sentence} (first: line {row}" + (f", `{shown}`)" if shown else ")")
            for sentence, (count, row, shown) in self._remarks.items()
        )
        return FileReport(
            file=self.file,
            kind=self.kind,
            encoding=encoding,
            delimiter=delimiter,
            rows=self.rows,
            changed=self.changed,
            unchanged=self.unchanged,
            rejected=self.rejected,
            flawed=self.flawed,
            problems=tuple(self._problems),
            problem_counts=dict(self._counts.most_common()),
            warnings=(*self._warnings, *remarks),
            waiting=self.waiting,
        )

    @property
    def bad_columns(self) -> Mapping[str, int]:
        """How many cells of each column, and whole rows (`row`), could not be read. It names nobody."""
        return self._columns

    def _note(self, row: int, column: str, value: object, message: str, hint: str, rule: str) -> None:
        self._counts[f"{column}: {rule or message}" if column else rule or message] += 1
        self._columns[column or "row"] += 1
        if len(self._problems) < KEPT_PROBLEMS:
            shown = shorten(value)
            self._problems.append(
                RowProblem(file=self.file, row=row, column=column, value=shown, message=message, hint=hint)
            )


def shorten(value: object) -> str:
    """A cell as a message shows it: one line, at most 60 characters."""
    text = " ".join(str("" if value is None else value).split())
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"
