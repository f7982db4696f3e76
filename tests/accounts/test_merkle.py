"""One hash over many rows, as RFC 6962 has it."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from accounts.merkle import Tree

# The rows and roots that certificate-transparency implementations test with.
ROWS = [bytes.fromhex(row) for row in (
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
)]  # fmt: skip
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def test_the_roots_are_those_of_the_rfc():
    assert [Tree(ROWS[: number + 1]).root for number in range(8)] == ROOTS
    assert Tree().root == hashlib.sha256(b"").hexdigest()


def _by_definition(rows: list[bytes]) -> bytes:
    if len(rows) == 1:
        return hashlib.sha256(b"\0" + rows[0]).digest()
    half = 1 << (len(rows) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + _by_definition(rows[:half]) + _by_definition(rows[half:])).digest()


@given(st.lists(st.binary(max_size=8), min_size=1, max_size=70))
def test_a_tree_that_grows_has_the_root_of_the_definition(rows):
    assert Tree(rows).root == _by_definition(rows).hex()


@given(st.lists(st.binary(max_size=4), min_size=2, max_size=20, unique=True))
def test_another_order_or_a_missing_row_has_another_root(rows):
    assert Tree(rows[1:] + rows[:1]).root != Tree(rows).root
    assert Tree(rows[:-1]).root != Tree(rows).root
