"""Which letters the bytes of a text file are."""

import codecs
import re
from collections.abc import Iterable, Iterator

from incidents.audience.source import Refused

# Python's name of it, and ours. Whoever uploads chooses among these.
ENCODINGS = {
    "utf-8": "UTF-8",
    "windows-1252": "Windows-1252 (Western Europe)",
    "windows-1250": "Windows-1250 (Central Europe)",
    "windows-1251": "Windows-1251 (Cyrillic)",
    "iso-8859-15": "ISO 8859-15 (Western Europe)",
    "mac-roman": "Mac OS Roman",
    "cp850": "DOS 850 (Western Europe)",
    "utf-16-le": "UTF-16, little-endian",
    "utf-16-be": "UTF-16, big-endian",
    "shift_jis": "Shift JIS (Japanese)",
    "gb18030": "GB 18030 (Chinese)",
}
MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
NOT_IN_TEXT = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
BYTES_LOOKED_AT_FOR_NUL = 4096

CHOOSE_THE_FILE = "Choose the file that lists the affected accounts, as CSV or XLSX."


def detect(beginning: bytes, *, utf8: bool) -> str:
    """A key of ENCODINGS. utf8: as far as anybody has read, it is.

    What is no UTF-8 and yet text is taken for Windows-1252, the usual suspect: its letters must be looked at.
    """
    for mark, encoding in MARKS.items():
        if beginning.startswith(mark):
            return encoding
    wide = _wide(beginning[:BYTES_LOOKED_AT_FOR_NUL])
    if wide:
        return wide
    if utf8:
        return "utf-8"
    if NOT_IN_TEXT.search(beginning):
        raise Refused("This is no text: there are control characters in it.", CHOOSE_THE_FILE)
    return "windows-1252"


def is_utf8(pieces: Iterable[bytes]) -> bool:
    """Reads them to the end, whatever it finds on the way."""
    decoder, so_far = codecs.getincrementaldecoder("utf-8")(), True
    for piece in pieces:
        if so_far:
            so_far = _decodes(decoder, piece)
    return so_far and _decodes(decoder, b"", final=True)


def as_utf8(beginning: bytes) -> bool:
    """Whether it is UTF-8 that may be cut off anywhere."""
    return _decodes(codecs.getincrementaldecoder("utf-8")(), beginning)


def decoded(pieces: Iterable[bytes], encoding: str) -> Iterator[str]:
    """Piece by piece, without the mark at the beginning. Raises UnicodeDecodeError."""
    decoder = codecs.getincrementaldecoder(encoding)()
    first = True
    for piece in pieces:
        text = decoder.decode(piece)
        if first and text:
            text, first = text.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}"), False
        yield text
    yield decoder.decode(b"", final=True)


def _decodes(decoder: codecs.IncrementalDecoder, piece: bytes, *, final: bool = False) -> bool:
    try:
        decoder.decode(piece, final)
    except UnicodeDecodeError:
        return False
    return True


def _wide(sample: bytes) -> str:
    """UTF-16 without a mark: plain letters and separators have a NUL beside them, always on the same side."""
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    enough = len(sample) >= 4 and max(even, odd) * 8 >= len(sample)
    if not enough or (even and odd):
        return ""
    return "utf-16-be" if even else "utf-16-le"
