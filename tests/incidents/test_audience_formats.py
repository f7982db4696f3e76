"""What the bytes of a file are taken for: encoding, delimiter, what its columns mean; and bombs in gzip."""

import gzip
import io
import random
import tracemalloc
import zlib

import pytest

from incidents.audience import delimited, encodings, facts, formats
from incidents.audience.columns import Columns, named, parts, problems, words
from incidents.audience.guessing import guess
from incidents.audience.source import PIECE, Refused, Source
from incidents.audience.unpacking import unpacked


def table(content: bytes, **wanted) -> formats.Table:
    return formats.open_table(Source(io.BytesIO(content)), wanted=wanted or None, headerless=True)


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("id,email\na,b\n", ","),
        ("email\na@b.example\n", ","),
        ("kunde;kontakt\nMüller, Hans;a@b.example\nHuber, Eva;c@b.example\n", ";"),
        ("kunde\tnotiz\na\tx, y; z\n", "\t"),
        ("kunde|notiz\na|x, y; z\n", "|"),
        ("id;betrag\na;1,50\nb;2,75\n", ";"),
        ('"id";"note"\na;"x,y,z"\n', ";"),
        ("id,segments\na,api|smtp|web\n", ","),
    ],
)
def test_the_delimiter_is_found(text, delimiter):
    assert table(text.encode()).format.delimiter == delimiter


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("mark", [True, False])
def test_unicode_is_found_with_and_without_a_mark(encoding, mark):
    text = ("\ufeff" if mark else "") + "id,name\na,Müller\nb,Łódź\nc,東京\n"

    found = table(text.encode(encoding))

    assert found.format.encoding == encoding
    assert found.headers == ["id", "name"]
    assert [cells[1] for _, cells in found.rows] == ["Müller", "Łódź", "東京"]


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_line_numbers_stay_exact_over_pieces_blank_lines_and_quoted_line_ends(line_end):
    lines, expected, line = ["id,note"], [], 2
    chance = random.Random(1)
    while line < 40_000:
        kind = chance.randrange(4)
        if kind == 0:
            lines.append("")
            line += 1
            continue
        expected.append(line)
        if kind == 1:
            lines.append(f'{line},"one{line_end}two{line_end}three"')
            line += 3
        else:
            lines.append(f"{line},{'x' * chance.randrange(60)}")
            line += 1

    rows = list(table(line_end.join(lines).encode()).rows)

    assert [number for number, _ in rows] == expected
    assert all(str(number) == cells[0] for number, cells in rows)


def test_letters_of_several_bytes_survive_where_pieces_meet():
    text = "id,name\n" + "".join(f"{n},Ł東😀\n" for n in range(60_000))
    for encoding in ("utf-8", "utf-16"):
        rows = list(table(text.encode(encoding)).rows)
        assert len(rows) == 60_000
        assert {cells[1] for _, cells in rows} == {"Ł東😀"}


# gzip -----------------------------------------------------------------------------------------------------------


def packed_zeros(size: int) -> bytes:
    packer, out = zlib.compressobj(9, wbits=31), io.BytesIO()
    for _ in range(size >> 20):
        out.write(packer.compress(bytes(1 << 20)))
    out.write(packer.flush())
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (packed_zeros(300 << 20), "more than 200 times"),
        (gzip.compress(gzip.compress(b"id\na\n")), "another packed file"),
        (gzip.compress(b"PK\x03\x04" + b"\0" * 50), "another packed file"),
        (gzip.compress(b"id\na\n")[:-4], "ends too early"),
        (gzip.compress(b"id\na\n") + b"and more", "damaged"),
        (gzip.compress(b""), "The file is empty."),
        (b"\x1f\x8b" + b"x" * 50, "damaged"),
        (gzip.compress(b"%PDF-1.7"), "This is a PDF"),
    ],
    ids=["bomb", "packed twice", "packed workbook", "truncated", "rubbish behind", "empty", "no gzip", "packed PDF"],
)
def test_a_packed_file_that_is_no_list_is_refused(content, said):
    with pytest.raises(Refused, match=said):
        formats.encoding_of(Source(io.BytesIO(content)).pieces())
    with pytest.raises(Refused):
        list(table(content).rows)


def test_a_bomb_is_never_held():
    bomb = packed_zeros(300 << 20)

    tracemalloc.start()
    with pytest.raises(Refused):
        for piece in unpacked([bomb]):
            assert len(piece) <= PIECE
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 4 << 20


@pytest.mark.parametrize(
    ("beginning", "repeated", "times"),
    [
        (b"id,name\na,", b"x" * (1 << 20), 100),
        (b'id,name\na,"', b"x\n" * (1 << 19), 100),
        (b"id,name\n", b"," * (1 << 20), 100),
        (b"", b"x," * (1 << 19), 100),
        (b"id,name\n", b'"x\n",' * (1 << 18), 100),
    ],
    ids=["one cell", "a quote never closed", "only commas", "a header without end", "a row without end"],
)
def test_a_hundred_megabytes_without_sense_are_refused_at_once_with_little_memory(beginning, repeated, times):
    class Endless:
        read_so_far = 0

        def read(self, size=-1, /):
            if self.read_so_far == 0:
                self.read_so_far = 1
                return beginning or repeated
            self.read_so_far += 1
            return repeated[:size] if self.read_so_far < times * 4 else b""

    source = Source(Endless())
    tracemalloc.start()
    with pytest.raises(Refused, match=r"Line \d"):
        list(formats.open_table(source, headerless=True).rows)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert source.size < 6 << 20
    assert peak < 120 << 20


# What columns mean ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "meaning"),
    [
        ("Kundennummer", "id"), ("Kunden-Nr.", "id"), ("customer_id", "id"), ("Numéro de client", "id"),
        ("E-Mail-Adresse", "email"), ("Courriel", "email"), ("Correo electrónico", "email"),
        ("Straßenadresse", "fact:strassenadresse"), ("Anschrift", "post"), ("Adresse postale", "post"),
        ("Telefon", "phone"), ("Téléphone", "phone"), ("móvil", "phone"), ("Tel.-Nr.", "phone"),
        ("Firma", "name"), ("Raison sociale", "name"), ("Nombre", "name"), ("Land", "jurisdiction"),
        ("País", "jurisdiction"), ("Sprache", "locale"), ("Langue", "locale"), ("Gruppe", "segments"),
        ("API key suffix", "fact:api_key_suffix"), ("2nd key", "fact:nd_key"), ("密钥", "fact:column_1"),
        ("rows", "fact:column_1"), ("what to do", "ignore"),
    ],
)  # fmt: skip
def test_headers_are_known_in_four_languages(header, meaning):
    assert guess([header], [], boldly=True).meanings == [meaning]


@pytest.mark.parametrize(
    ("values", "meaning"),
    [
        (["a@b.example", "c@d.example"], "email"),
        (["+49 30 123456", "0049 (0)30 99"], "phone"),
        (["2018-01-03", "2018-01-04"], "fact:x:date"),
        (["3.1.2018", "14.12.2018"], "fact:x:date"),
        (["2018-01-03 16:35 UTC", "2018-01-03T16:35:00Z", "2018-01-03T16:35+01:00"], "fact:x:moment"),
        (["2018-01-03 16:35", "2018-01-03T16:35:00Z"], "fact:x"),
        (["12", "-3.5", "0"], "fact:x:number"),
        (["007", "12"], "fact:x"),
        (["12345678901234567890"], "fact:x"),
        (["yes", "No"], "fact:x:yes_no"),
        (["12", "many"], "fact:x"),
        (["", ""], "fact:x"),
    ],
)
def test_what_stands_below_an_unknown_header_is_looked_at(values, meaning):
    assert guess(["x"], [[value] for value in values], boldly=True).meanings == [meaning]


def test_without_being_bold_facts_stay_text_and_only_addresses_are_found():
    columns = guess(["Wer", "Datum"], [["a@b.example", "2018-01-03"]], boldly=False)

    assert columns.meanings == ["email", "fact:datum"]


def test_an_address_column_without_addresses_is_the_post():
    assert guess(["id", "address"], [["a", "1 Main St"]], boldly=True).meanings == ["id", "post"]
    assert guess(["id", "Adresse"], [["a", "a@b.example"]], boldly=True).meanings == ["id", "email"]


@pytest.mark.parametrize(
    ("header", "words", "codes", "meaning"),
    [
        ("Land", ["Deutschland", "Österreich"], ["DE", "Österreich"], "jurisdiction"),
        ("Sprache", ["Deutsch", "Englisch"], ["de"], "locale"),
    ],
)
def test_a_column_in_words_of_its_own_is_a_fact_and_leaves_nobody_out(header, words, codes, meaning):
    for boldly in (True, False):
        in_words = guess(["id", header], [[word, word] for word in words], boldly=boldly)
        assert in_words.meanings == ["id", f"fact:{header.lower()}"]
        assert guess(["id", header], [[code, code] for code in codes], boldly=boldly).meanings == ["id", meaning]


def test_facts_that_differ_between_the_rows_of_one_account_are_its_table():
    rows = [["a", "k1", "x"], ["a", "k2", "x"], ["b", "k3", "y"]]

    assert guess(["id", "key", "plan"], rows, boldly=True).meanings == ["id", "row:key", "fact:plan"]


def test_the_second_column_of_a_kind_is_offered_as_a_fact():
    assert guess(["id", "customer"], [["a", "b"]], boldly=True).meanings == ["id", "fact:customer"]
    assert guess(["id", "API key", "api-key"], [], boldly=True).meanings == ["id", "fact:api_key", "fact:column_3"]


def test_a_guess_never_contradicts_itself():
    chance = random.Random(7)
    headers = ["id", "E-Mail", "mail", "Name", "name", "x", "x", "", "Firma", "Kundennr", "phone", "Telefon", "rows"]
    cells = ["", "a@b.example", "12", "2018-01-03", "+49 30 123456", "yes", "x"]
    for _ in range(300):
        width = chance.randrange(1, 9)
        some = named([chance.choice(headers) for _ in range(width)])
        rows = [[chance.choice(cells) for _ in range(width)] for _ in range(6)]
        found = problems(guess(some, rows, boldly=True))
        assert [problem for problem in found if problem.header] == []


def test_headers_get_a_name_and_are_told_apart():
    assert named(["id", " ID ", "id", "", "a\nb", "x" * 200, "\u202eevil"]) == [
        "id", "ID", "id (2)", "column 4", "a b", "x" * 120, "evil",
    ]  # fmt: skip


def test_meanings_are_said_in_words():
    assert parts("row:calls:number") == ("row", "calls", "number")
    assert words("fact:seen:date") == "personal fact (date), in messages {{ seen }}"
    assert words("row:calls") == "column “calls” of the table, in messages {{ rows }}"
    assert problems(Columns(["a", "b"], ["fact:x", "row:x"]))[0].header == ""


def test_every_encoding_offered_is_one_that_python_reads():
    for encoding in encodings.ENCODINGS:
        assert "".join(encodings.decoded([b"i\0d\0" if "16" in encoding else b"id"], encoding))


def test_the_first_quotation_mark_that_does_not_fit_is_not_hidden_by_another_delimiter():
    assert delimited.detect('wer,"was\n') == ","


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("date", ["2018-01-03", "3.1.2018", "31.12.1999"]),
        ("moment", ["2018-01-03 16:35 UTC", "2018-01-03T16:35:00Z", "2018-01-03 16:35:10.5+0100"]),
        ("number", ["0", "-3.5", "123456789012345"]),
        ("yes_no", ["yes", "NO", "true"]),
    ],
)
def test_a_type_that_is_guessed_is_one_that_reading_takes(kind, values):
    assert guess(["x"], [[value] for value in values], boldly=True).meanings == [f"fact:x:{kind}"]

    assert all(facts.as_json(value, kind) for value in values)
