"""CSV files as the world writes them: rows, or named errors that show no value."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, example, settings
from hypothesis import given as forall
from hypothesis import strategies as st

from libs.edge.importing_csv import MAX_LINE_CHARS, MAX_ROW_LINES, BadRow, CsvFile, CsvUnreadable, Row
from libs.edge.importing_encoding import EncodingUnknown

COLUMNS = ("kind", "reference", "name", "city", "iban")
HEADER = "kind,reference,name,city,iban\n"


def write(folder: Path, content: str | bytes, encoding: str = "utf-8") -> Path:
    path = folder / "file.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return path


def read(path: Path, encoding: str | None = None) -> list[Row | BadRow]:
    return list(CsvFile(path, COLUMNS, ("kind", "name"), encoding).rows())


ROWS = "natural,R-1,Łukasz Żółć,Łódź,\nlegal,R-2,Ελλάς 株式会社,Αθήνα,X\n"
READ = [
    Row(2, {"kind": "natural", "reference": "R-1", "name": "Łukasz Żółć", "city": "Łódź"}),
    Row(3, {"kind": "legal", "reference": "R-2", "name": "Ελλάς 株式会社", "city": "Αθήνα", "iban": "X"}),
]
ENCODINGS = [
    ("utf-8", "utf-8", "UTF-8"),
    ("utf-8-sig", "utf-8-sig", "UTF-8 with a mark"),
    ("utf-16", "utf-16", "UTF-16"),
    ("utf-16-le", "utf-16-le", "UTF-16-LE"),
    ("utf-16-be", "utf-16-be", "UTF-16-BE"),
    ("utf-32", "utf-32", "UTF-32"),
]


@pytest.mark.parametrize(("written", "named", "shown"), ENCODINGS)
def test_an_encoding_that_tells_itself_is_detected_and_named(
    tmp_path: Path, written: str, named: str, shown: str
) -> None:
    path = write(tmp_path, HEADER + ROWS, written)
    encoding = CsvFile(path, COLUMNS).encoding
    assert (encoding.name, encoding.shown, encoding.or_else) == (named, shown, ())
    assert read(path) == READ


ONE_BYTE = [
    ("cp1252", "windows-1252", "natural,R-1,Jürgen Müller,Köln,\nnatural,R-2,Hélène Lefèvre,Rue de l’Église,\n"),
    ("cp1250", "windows-1250", "natural,R-1,Jiřina Nováková,Łódź,\nnatural,R-2,Michał,Długa,\n"),
    ("cp1251", "windows-1251", "natural,R-1,Ольга Иванова,Москва,\nnatural,R-2,Тарас Шевченко,Київ,\n"),
    ("cp1253", "windows-1253", "natural,R-1,Νίκος Παπαδόπουλος,Αθήνα,\n"),
    ("iso8859_15", "ISO-8859-15", "natural,R-1,Jürgen Müller,Köln,\nnatural,R-2,Hélène Cœur,Paris,\n"),
]


@pytest.mark.parametrize(("written", "shown", "rows"), ONE_BYTE)
def test_an_encoding_of_one_byte_is_guessed_and_said_to_be_a_guess(
    tmp_path: Path, written: str, shown: str, rows: str
) -> None:
    file = CsvFile(write(tmp_path, HEADER + rows, written), COLUMNS)
    assert (file.encoding.shown, file.encoding.told_by) == (shown, "guessed from a sample of it")
    assert [row.cells["name"] for row in file.rows() if isinstance(row, Row)] == [
        line.split(",")[2] for line in rows.splitlines()
    ]


def test_what_fits_as_well_as_the_guess_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, HEADER + "natural,R-1,Hélène Lefèvre,Nîmes,\n", "cp1252")
    assert "windows-1250" in CsvFile(path, COLUMNS).encoding.or_else
    assert CsvFile(path, COLUMNS, (), "windows-1250").encoding == ("cp1250", "as it was given", ())


@pytest.mark.parametrize("encoding", ["klingon", "base64", "rot13", "idna", "", "hex", "utf-7", "\ud800", "x" * 500])
def test_an_encoding_that_there_is_not_is_refused(tmp_path: Path, encoding: str) -> None:
    with pytest.raises(EncodingUnknown):
        CsvFile(write(tmp_path, HEADER + ROWS), COLUMNS, (), encoding)


def test_bytes_that_are_nothing_in_the_encoding_are_named_by_line_and_column(tmp_path: Path) -> None:
    many = "".join(f"natural,R-{number},Zoë,Köln,\n" for number in range(20)).encode()
    path = write(tmp_path, HEADER.encode() + many + b"natural,R-21,Zo\xeb,Berlin,\nnatural,R-22,A,B,C\n")
    *_, bad, good = read(path)
    assert bad == BadRow(22, "name", "bytes that are not UTF-8")
    assert good == Row(23, {"kind": "natural", "reference": "R-22", "name": "A", "city": "B", "iban": "C"})


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_delimiters_and_line_ends_are_told_by_the_file(tmp_path: Path, delimiter: str, end: str) -> None:
    text = (HEADER + 'natural,R-1,"A ""B"" C",D,E\n').replace(",", delimiter).replace("\n", end)
    file = CsvFile(write(tmp_path, text), COLUMNS)
    row = Row(2, {"kind": "natural", "reference": "R-1", "name": 'A "B" C', "city": "D", "iban": "E"})
    assert (file.delimiter, list(file.rows())) == (delimiter, [row])


def test_a_header_may_be_quoted_and_spelled_with_capitals_and_blanks(tmp_path: Path) -> None:
    assert CsvFile(write(tmp_path, '\n"Kind", Reference ,NAME,City,iban,,\n'), COLUMNS).columns == COLUMNS


HEADERS = [
    ("kind,name,shoe_size,city", "unknown: shoe_size"),
    ("reference,city,iban", "missing: kind, name"),
    ("kind,name,city,kind", "twice: kind"),
    ("kind,city,é,city,iban", "unknown: \\xe9; missing: name; twice: city"),
    ("kind,,name,city", "unknown: (no name)"),
]


@pytest.mark.parametrize(("header", "said"), HEADERS)
def test_columns_that_are_not_right_are_all_named(tmp_path: Path, header: str, said: str) -> None:
    with pytest.raises(CsvUnreadable, match="columns are not right") as refused:
        CsvFile(write(tmp_path, header + "\n"), COLUMNS, ("kind", "name"))
    assert said in refused.value.detail


NO_CSV = [
    ("nothing", b""), ("blank lines", b"\n\n\n"), ("a workbook", b"PK\x03\x04rest"), ("a PDF", b"%PDF-1.7"),
    ("no header", b"natural,R-1,Anna Weber,Berlin,\n"), ("zeros", b"\0" * 50), ("an open quote", b'"kind,name\n' * 9),
    ("one long line", b"kind," * 50_000),
]  # fmt: skip


@pytest.mark.parametrize("content", [c[1] for c in NO_CSV], ids=[c[0] for c in NO_CSV])
def test_what_is_no_csv_is_refused_without_showing_any_of_it(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(CsvUnreadable) as refused:
        read(write(tmp_path, content))
    assert "Anna" not in str(refused.value.as_problem())


BAD_ROWS = [
    ("too many fields", "a,b,c,d,e,f\n", "6 fields, the header has 5"),
    ("too few fields", "a,b\n", "2 fields, the header has 5"),
    ("a file that ends in the middle", "a,b,c", "3 fields, the header has 5: is the file cut off?"),
    ("a quote that the end leaves open", 'a,b,"c', "a quote is never closed: is the file cut off?"),
    ("a NUL", "a,b,c\0,d,e\n", "a NUL"),
    ("text behind a quote", 'a,"b"c,d,e,f\n', "no CSV: ',' expected after '\"'"),
    ("a line without end", "x" * (MAX_LINE_CHARS + 1) + "\n", f"longer than {MAX_LINE_CHARS} characters"),
]


@pytest.mark.parametrize(("row", "reason"), [b[1:] for b in BAD_ROWS], ids=[b[0] for b in BAD_ROWS])
def test_a_bad_row_is_named_by_its_line(tmp_path: Path, row: str, reason: str) -> None:
    first, bad = read(write(tmp_path, HEADER + "natural,R-1,A,B,C\n" + row))
    assert isinstance(first, Row)
    assert isinstance(bad, BadRow)
    assert (bad.line, bad.reason) == (3, reason)


def test_a_quote_that_is_never_closed_costs_its_own_line_and_no_other(tmp_path: Path) -> None:
    good = "".join(f"natural,R-{number},A,B,C\n" for number in range(20))
    found = read(write(tmp_path, HEADER + 'natural,R-1,"A,B,C\n' + good))
    assert found[0] == BadRow(2, "", "a quote is never closed")
    assert [row.line for row in found[1:] if isinstance(row, Row)] == list(range(3, 23))


def test_a_quoted_cell_may_hold_line_ends_and_lines_are_counted_on(tmp_path: Path) -> None:
    found = read(write(tmp_path, HEADER + 'natural,R-1,"A\nB",C,D\n\nnatural,R-2,A,B,C\n'))
    assert [row.line for row in found] == [2, 5]
    assert isinstance(found[0], Row)
    assert found[0].cells["name"] == "A\nB"


def test_a_hundred_thousand_rows_are_never_in_memory_at_once(tmp_path: Path) -> None:
    rows = CsvFile(write(tmp_path, HEADER + "natural,R-1,A,B,C\n" * 100_000), COLUMNS)
    assert rows.about_rows == 100_000
    assert isinstance(next(iter(rows.rows())), Row)


CONTENT = st.binary(max_size=300) | st.text(
    alphabet=st.sampled_from('kind,name;city\t"\r\n\0\ufeffé\ufdd0 ab'), max_size=200
).map(lambda text: ("kind,name,city\n" + text).encode())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300, deadline=None)
@forall(CONTENT, st.sampled_from([None, "utf-8", "utf-16", "utf-32-le", "cp1252", "gb18030", "shift_jis", "cp037"]))
@example(b"\xff\xfek\x00", None)
@example("kind,name\n".encode("utf-16")[:-1], "utf-16")
def test_no_bytes_end_in_anything_but_rows_and_named_errors(
    tmp_path: Path, content: bytes, encoding: str | None
) -> None:
    try:
        found = list(CsvFile(write(tmp_path, content), COLUMNS, (), encoding).rows())
    except (CsvUnreadable, EncodingUnknown) as refused:
        assert refused.field in {"file", "header", "encoding"}  # noqa: PT017 (either way is right)
        return
    for row in found:
        assert row.line > 1
        if isinstance(row, Row):
            assert set(row.cells) <= set(COLUMNS)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100, deadline=None)
@forall(st.lists(st.tuples(*[st.text(alphabet='ab ,;\t"\né水', min_size=1, max_size=8)] * 5), min_size=1, max_size=5))
def test_what_a_csv_writer_writes_is_read_as_it_was(tmp_path: Path, rows: list[tuple[str, ...]]) -> None:
    assume(all(sum(cell.count("\n") for cell in row) < MAX_ROW_LINES for row in rows))
    rows = [("natural", *row[1:]) for row in rows]
    text = io.StringIO()
    csv.writer(text).writerows([COLUMNS, *rows])
    found = read(write(tmp_path, text.getvalue()))
    cells = [row.cells for row in found if isinstance(row, Row)]
    kept = [{c: v.strip() for c, v in zip(COLUMNS, row, strict=True) if v.strip()} for row in rows]
    assert cells == kept
