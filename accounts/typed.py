"""What somebody typed into an address bar: a number, or words that PostgreSQL can hold."""

LONGEST_NUMBER = 18  # figures; more do not fit into a bigint


def number(text: str | None) -> int | None:
    """A key or a position; None for whatever is none."""
    is_one = text and text.isascii() and text.isdigit() and len(text) <= LONGEST_NUMBER
    return int(text) if text and is_one else None


def words(text: str) -> str:
    """Without NUL, which PostgreSQL's text cannot hold; forms refuse it by themselves."""
    return text.replace("\0", "")
