"""Files as they come: encodings, delimiters, quotes, ragged and broken rows, names that tell nothing. Row numbers are true."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.errors import ImportRefused, UsageError
from bot.intake.events import CUSTOMER
from bot.intake.report import FileReport
from bot.intake.writers.notes import NOTE
from storage.database import Database
from tests.intake.house import CUSTOMERS, bring, bring_files, stored, write


@pytest.fixture
def database(sqlite_database_url: str) -> Database:
    """Reading files does not depend on the database: SQLite is enough."""
    from storage.tables import metadata

    found = Database(sqlite_database_url)
    with found.write() as connection:
        metadata.create_all(connection)
    return found


def bring_bytes(database: Database, folder: Path, content: bytes, name: str = "customers.csv") -> FileReport:
    (folder / name).write_bytes(content)
    return bring(database, folder / name).files[0]


def keys(database: Database) -> list[str]:
    return [row["key"] for row in stored(database, CUSTOMER)]


JAPANESE = "customer,name\r\nc-1,株式会社はなび\r\nc-2,カイト工業\r\n"


@pytest.mark.parametrize(
    ("encoding", "told"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("cp932", "cp932"),
        ("euc_jp", "euc_jp"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
    ],
)
def test_japanese_files_are_read_in_the_encoding_they_have(
    database: Database, tmp_path: Path, encoding: str, told: str
) -> None:
    report = bring_bytes(database, tmp_path, JAPANESE.encode(encoding))
    assert [row["name"] for row in stored(database, CUSTOMER)] == ["株式会社はなび", "カイト工業"]
    assert report.encoding == told
    assert bool(report.warnings) is (told in ("cp932", "euc_jp", "utf-16-le", "utf-16-be"))


@pytest.mark.parametrize("names", [["Café"], ["Société Générale", "Müller", "España"], ["Ærøskøbing"]])
def test_western_files_are_read_and_the_guess_is_said(database: Database, tmp_path: Path, names: list[str]) -> None:
    content = "customer,name\n" + "".join(f"c-{number},{name}\n" for number, name in enumerate(names))
    report = bring_bytes(database, tmp_path, content.encode("latin-1"))
    assert [row["name"] for row in stored(database, CUSTOMER)] == names
    assert report.warnings == ("the file is not UTF-8; read as cp1252. If names look wrong, save the file as UTF-8",)


def test_one_broken_byte_far_into_a_file_costs_its_row_only(database: Database, tmp_path: Path) -> None:
    content = "customer,name\n" + "".join(f"c-{number},株式会社{number}\n" for number in range(30_000))
    broken = content.encode().replace("株式会社29999".encode(), b"\xff\xfe29999")
    report = bring_bytes(database, tmp_path, broken)
    assert (report.encoding, report.changed, report.rejected) == ("utf-8", 29_999, 1)
    assert report.problems[0].row == 30_001


def test_a_row_with_nul_is_a_problem_and_the_others_are_imported(database: Database, tmp_path: Path) -> None:
    report = bring_bytes(database, tmp_path, b"customer,name\nc-1,a\0b\nc-2,b\n")
    assert keys(database) == ["c-2"]
    assert "NUL" in report.problems[0].message


@pytest.mark.parametrize(("separator", "told"), [(";", "semicolon"), ("\t", "tab"), ("|", "bar"), (",", "comma")])
def test_the_delimiter_is_found_in_the_header_and_told(
    database: Database, tmp_path: Path, separator: str, told: str
) -> None:
    content = (
        'customer,name,tags\nc-1,"A, B; C",x\n'.replace(",", separator, 2)
        .replace("c-1,", f"c-1{separator}")
        .replace('",x', f'"{separator}x')
    )
    report = bring_bytes(database, tmp_path, content.encode())
    assert report.delimiter == told
    assert stored(database, CUSTOMER)[0]["name"] == "A, B; C"
    assert (f"cells are separated by: {told}" in report.warnings) is (told != "comma")


def test_the_spreadsheets_sep_line_is_obeyed(database: Database, tmp_path: Path) -> None:
    assert bring_bytes(database, tmp_path, b"sep=;\r\ncustomer;name\r\nc-1;A\r\n").changed == 1


def test_row_numbers_are_lines_of_the_file_also_after_quoted_newlines(database: Database, tmp_path: Path) -> None:
    notes = (
        'customer,at,text\n\nc-1,2027-02-20,"one\ntwo\r\nthree"\nc-1,never,x\n\nc-1,2027-02-21,y\nc-1,2027-02-30,z\n'
    )
    report = bring_files(database, tmp_path, customers=CUSTOMERS, notes=notes)["notes"]
    assert [problem.row for problem in report.problems] == [6, 9]
    assert report.rows == report.changed + report.rejected == 4


def test_ragged_rows_are_problems_and_trailing_empty_cells_are_not(database: Database, tmp_path: Path) -> None:
    report = bring_bytes(database, tmp_path, b"customer,name\nc-1,A,,\nc-2,B,C\nc-3\nc-4,D\n,\n")
    assert keys(database) == ["c-1", "c-4"]
    assert [(problem.row, problem.message) for problem in report.problems] == [
        (3, "The row has 3 cells, the header has 2"),
        (4, "The row has 1 cell(s), the header has 2"),
    ]


def test_a_quote_that_is_never_closed_does_not_swallow_the_rest(database: Database, tmp_path: Path) -> None:
    many = "".join(f"c-{number},n\n" for number in range(100, 200))
    report = bring_bytes(database, tmp_path, f'customer,name\nc-1,"oops\n{many}'.encode())
    assert (report.changed, report.rejected) == (100, 1)
    assert report.problems[0].row == 2
    assert "is never closed" in report.problems[0].message


def test_a_line_of_ten_megabytes_costs_itself_only(database: Database, tmp_path: Path) -> None:
    report = bring_bytes(database, tmp_path, b"customer,name\nc-1," + b"x" * 10_000_000 + b"\nc-2,b\n")
    assert (keys(database), report.rejected, report.problems[0].row) == (["c-2"], 1, 2)


def test_a_file_of_which_two_rows_in_five_are_bad_brings_the_other_three(database: Database, tmp_path: Path) -> None:
    bad = {0: "c-{},N,much,", 1: "c-{},N,1,2027-02-30"}
    lines = [bad.get(number % 5, "c-{},N,1,2027-02-28").format(number) for number in range(1000)]
    report = bring_bytes(database, tmp_path, ("customer,name,arr,renewal_date\n" + "\n".join(lines)).encode())
    assert (report.changed, report.rejected, len(report.problems)) == (600, 400, 100)
    assert report.problem_counts == {"arr: no number": 200, "renewal_date: no day of the calendar": 200}


@pytest.mark.parametrize(
    ("content", "says", "hint"),
    [
        (b"", "The file is empty", "its first line must name the columns"),
        (b"\n \n,,\n", "The file is empty", "its first line must name the columns"),
        (b"customer,name,name\nc-1,a,b\n", "The column `name` stands twice in the header", "rename or remove one"),
        (
            b"custmer,name\nc-1,a\n",
            "customers need the column(s) `customer`",
            "is it `custmer`? Rename it, or name it in a map (--map)",
        ),
        (b'customer,"name\nc-1,a\n', "The header cannot be read", ""),
    ],
)
def test_a_header_that_cannot_be_refuses_the_file(
    database: Database, tmp_path: Path, content: bytes, says: str, hint: str
) -> None:
    with pytest.raises(ImportRefused) as caught:
        bring_bytes(database, tmp_path, content)
    assert says in caught.value.sentence
    assert hint in caught.value.hint
    assert "customers.csv" in caught.value.where
    assert keys(database) == []


def test_header_names_are_read_as_people_write_them(database: Database, tmp_path: Path) -> None:
    bring_bytes(database, tmp_path, b" Customer , Renewal Date ,Account Type\nc-1,2027-06-30,gold\n")
    found = stored(database, CUSTOMER)[0]
    assert (str(found["renewal_date"]), found["attributes"]) == ("2027-06-30", {"Account_Type": "gold"})


def test_a_column_that_is_nearly_known_is_asked_about(database: Database, tmp_path: Path) -> None:
    report = bring_bytes(database, tmp_path, b"customer,renewal_dat\nc-1,2027-06-30\n")
    assert report.warnings == ("column `renewal_dat` is unknown and kept as attributes; did you mean `renewal_date`?",)


def test_the_name_tells_the_kind_also_with_a_date(database: Database, tmp_path: Path) -> None:
    for name in ("2026-01-customers.csv", "customers_2026-01.tsv", "crm.customers.jsonl"):
        content = b'{"customer": "c-3"}\n' if name.endswith("jsonl") else b"customer\nc-1\n"
        assert bring_bytes(database, tmp_path, content, name).kind == "customers"


def test_a_name_that_tells_nothing_is_refused_with_the_nearest_kind(database: Database, tmp_path: Path) -> None:
    with pytest.raises(ImportRefused) as caught:
        bring_bytes(database, tmp_path, b"customer\nc-1\n", "custmers.csv")
    assert caught.value.hint == "did you mean customers.csv?; or say --kind or --map"
    report = bring(database, tmp_path / "custmers.csv", kind="customers")
    assert report.changed == 1
    with pytest.raises(UsageError, match="did you mean customers"):
        bring(database, tmp_path / "custmers.csv", kind="customer")


def test_a_folder_passes_over_what_is_not_ours_and_refuses_what_is_nearly_ours(
    database: Database, tmp_path: Path
) -> None:
    folder = write(tmp_path / "in", customers="customer\nc-1\n", zzz="a\n1\n")
    report = bring(database, folder)
    assert [file.file for file in report.files] == ["customers.csv"]
    assert report.warnings == ("zzz.csv was passed over: its name is no kind of file we know",)
    write(folder, contcts="customer,contact\n")
    with pytest.raises(ImportRefused, match="contacts"):
        bring(database, folder)


def test_a_folder_without_anything_of_ours_and_a_path_that_is_not_there(database: Database, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ImportRefused, match="nothing to import"):
        bring(database, tmp_path / "empty")
    with pytest.raises(UsageError, match="no such file"):
        bring(database, tmp_path / "nowhere.csv")


def test_one_refused_file_of_a_folder_leaves_all_of_it_unimported(database: Database, tmp_path: Path) -> None:
    folder = write(tmp_path / "in", customers="customer\nc-1\n", tickets="ticket\nT-1\n")
    with pytest.raises(ImportRefused, match="tickets need the column"):
        bring(database, folder)
    assert keys(database) == []


def test_json_lines_bring_types_lists_and_nested_attributes(database: Database, tmp_path: Path) -> None:
    lines = (
        '{"customer": "c-1", "arr": 12.5, "tags": ["x", "y"], "attributes": {"vip": true, "n": 3}, "owner": {"ae": "ito"}}',
        '{"customer": "c-2", "name": ["no"]}',
        '{"customer": "c-3"',
        "[1]",
        "",
        '{"customer": "c-4", "name": "a\\u0000b"}',
        '{"customer": "c-5", "name": "\\ud800"}',
        '{"customer": "c-6", "limits": {"tickets": 4}}',
    )
    report = bring_bytes(database, tmp_path, "\n".join(lines).encode(), "customers.jsonl")
    assert [problem.row for problem in report.problems] == [2, 3, 4, 6, 7]
    first, last = stored(database, CUSTOMER)
    assert (first["arr"], first["tags"], first["attributes"], first["owners"]) == (
        12.5,
        ["x", "y"],
        {"vip": True, "n": 3},
        {"ae": "ito"},
    )
    assert (last["key"], last["limits"]) == ("c-6", {"tickets": 4})


def test_a_json_array_is_refused_with_what_to_write(database: Database, tmp_path: Path) -> None:
    with pytest.raises(ImportRefused, match="one JSON object per line"):
        bring_bytes(database, tmp_path, b'[{"customer": "c-1"}]', "customers.jsonl")


def test_cells_that_look_like_formulas_come_in_as_they_are(database: Database, tmp_path: Path) -> None:
    bring_bytes(database, tmp_path, b'customer,a,b,c,d,e\nc-1,=1+1,-5,+14155550100,@handle,"=HYPERLINK(""x"")"\n')
    assert stored(database, CUSTOMER)[0]["attributes"] == {
        "a": "=1+1",
        "b": -5,
        "c": "+14155550100",
        "d": "@handle",
        "e": '=HYPERLINK("x")',
    }


def test_a_note_keeps_a_long_text(database: Database, tmp_path: Path) -> None:
    text = "long " * 20_000
    bring_files(database, tmp_path, customers=CUSTOMERS, notes=f"customer,at,text\nc-1,2027-02-20,{text}\n")
    assert stored(database, NOTE)[0]["text"] == text.strip()
