"""Two thousand made-up accounts as the CSV file a security team would hand over; the same file every time."""

import csv
import random
from pathlib import Path

ACCOUNTS = 2_000

FIRST = """
Alder Amber Anchor Aspen Atlas Beacon Birch Bluebell Bramble Brook Cedar Cinder Clover Cobalt Copper Coral
Crane Delta Dune Ember Falcon Fern Flint Garnet Glen Granite Harbor Hazel Heron Indigo Iris Ivory Juniper
Kestrel Lantern Larch Linden Maple Marble Meadow Mesa Mistral Nettle Oak Onyx Opal Orchard Otter Pebble Pine
Quarry Quill Raven Reed River Rowan Saffron Sage Sierra Slate Sparrow Summit Tamarin Thistle Timber Topaz
Umber Vale Velvet Walnut Willow Wren Zephyr
""".split()  # noqa: SIM905
SECOND = """
Analytics Apparel Books Clinic Coffee Cycles Design Dental Farms Films Foods Freight Games Gardens Goods Homes
Imports Insurance Kitchens Labs Lending Library Logistics Market Media Mobility Motors Museum Outfitters
Parcel Pharmacy Print Realty Records Robotics School Software Sports Studio Supply Systems Tea Tickets Tools
Toys Travel Tutors Ventures
""".split()  # noqa: SIM905

# How each account's mailbox behaves in the rehearsal is told by its domain, so that the mail server and the
# provider's stand-in need no list of their own.
CLOSED = "closed.example"  # the server refuses the address when we speak to it
FULL = "returned.example"  # accepted first, and returned by the provider later
GRUDGE = "grudge.example"  # delivered, and reported as spam by its reader
SILENT = "silent.example"  # accepted, and nothing is heard of it

HEADER = [
    "account_id",
    "name",
    "email",
    "role",
    "locale",
    "country",
    "segment",
    "certainty",
    "api_key",
    "smtp_login",
    "last_used",
]


def write(path: Path, accounts: int = ACCOUNTS) -> Path:
    """Write the file and return its path. One row per address: 100 of the accounts have two."""
    dice = random.Random(20180103)  # noqa: S311  (made-up data, the same on every machine)
    names = [f"{first} {second}" for first in FIRST for second in SECOND]
    dice.shuffle(names)
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(HEADER)
        for number, name in enumerate(names[:accounts], start=1):
            table.writerows(_rows(number, name, dice))
    return path


def _rows(number: int, name: str, dice: random.Random) -> list[list[str]]:
    host = _domain(number, name)
    locale, country = dice.choice(
        [("en", "US")] * 5 + [("en", "GB"), ("de", "DE"), ("fr", "FR"), ("es", "ES"), ("en", "CA")]
    )
    segment = dice.choice(["api", "api", "api", "api|smtp"])
    facts = [
        "key-…" + "".join(dice.choices("0123456789abcdef", k=4)),
        f"postmaster@{name.split()[0].lower()}.example" if "smtp" in segment else "",
        f"2018-01-0{dice.randint(1, 3)}",
    ]
    certainty = "possible" if number % 40 == 0 else "confirmed"
    start = [f"RP-{100_000 + number * 37}", name]
    rest = [locale, country, segment, certainty, *facts]
    rows = [[*start, f"{dice.choice(['owner', 'admin', 'it', 'hello'])}@{host}", "owner", *rest]]
    if number % 20 == 0:
        rows.append([*start, f"security@{name.replace(' ', '-').lower()}.example", "security", *rest])
    return rows


def _domain(number: int, name: str) -> str:
    own = name.replace(" ", "-").lower()
    if number % 125 == 0:
        return f"{own}.{CLOSED}"
    if number % 50 == 0 or number % 97 == 0:
        return f"{own}.{FULL}"
    if number == 1_234:
        return f"{own}.{GRUDGE}"
    if number % 333 == 0:
        return f"{own}.{SILENT}"
    return f"{own}.example"
