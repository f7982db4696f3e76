"""A gzip file as the bytes inside it, however small a bomb was packed."""

import zlib
from collections.abc import Iterable, Iterator

from incidents.audience.source import LARGEST_FILE, PIECE, Refused

MAGIC = b"\x1f\x8b"
ALWAYS_FINE = 50_000_000  # bytes unpacked, before the ratio matters
MOST_PER_BYTE = 200  # a list of people packs to a tenth of itself, a bomb to a thousandth
GZIP = 16 + zlib.MAX_WBITS
PACK_AGAIN = "Pack the file again, or upload it unpacked."


def unpacked(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """In pieces of at most `PIECE` bytes. Several members one after the other are one file, as gunzip has it."""
    packed = out = 0
    member = None
    for piece in pieces:
        packed += len(piece)
        while True:
            if member is None:
                piece = piece.lstrip(b"\0") if out else piece  # some tools fill up with zeros
                if not piece:
                    break
                member = zlib.decompressobj(GZIP)
            try:
                text = member.decompress(piece, PIECE)
            except zlib.error:
                raise Refused("The gzip file is damaged.", PACK_AGAIN) from None
            out += len(text)
            _refuse_a_bomb(packed, out)
            if text:
                yield text
            if member.eof:
                piece, member = member.unused_data, None
                continue
            piece = member.unconsumed_tail
            if not piece and len(text) < PIECE:
                break
    if member is not None:
        raise Refused("The gzip file ends too early: a part of it is missing.", PACK_AGAIN)


def _refuse_a_bomb(packed: int, out: int) -> None:
    if out > LARGEST_FILE:
        raise Refused("Unpacked, the file is larger than 2 GB.", "Split it into several files.")
    if out > ALWAYS_FINE and out > packed * MOST_PER_BYTE:
        raise Refused(
            f"Unpacked, the file is more than {MOST_PER_BYTE} times as large as it came.",
            "No list of people is like that: upload it unpacked.",
        )
