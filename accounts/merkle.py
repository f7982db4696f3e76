"""One hash over many rows in order, after RFC 6962, section 2.1: leaves and nodes hash differently, so that no row can
pass for a branch. Grows a row at a time and keeps a hash for each doubling, not the rows."""

import hashlib
from collections.abc import Iterable


class Tree:
    """`add` each row's bytes in order; `root` at any time."""

    def __init__(self, rows: Iterable[bytes] = ()) -> None:
        self.count = 0
        self._full: list[bytes] = []  # hashes of the full subtrees, the largest first
        for row in rows:
            self.add(row)

    def add(self, row: bytes) -> None:
        node, left = hashlib.sha256(b"\0" + row).digest(), self.count
        while left & 1:
            node, left = _node(self._full.pop(), node), left >> 1
        self._full.append(node)
        self.count += 1

    @property
    def root(self) -> str:
        """In hexadecimal; that of no rows is the hash of nothing."""
        if not self._full:
            return hashlib.sha256(b"").hexdigest()
        node = self._full[-1]
        for left in reversed(self._full[:-1]):
            node = _node(left, node)
        return node.hex()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()
