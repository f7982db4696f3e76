"""What the columns of a file probably mean, from their headers and from what stands below them."""

import re
from collections import defaultdict
from collections.abc import Sequence

from incidents.audience import cells
from incidents.audience.columns import FACT, IGNORE, NAMES_SOMEBODY, ROW, Columns, fact_name, parts, squeezed
from incidents.audience.facts import NotThat, of_meaning

# As people write them in English, German, French and Spanish.
KNOWN = {
    "id": ("id", "account id", "account", "account number", "account no", "customer id", "customer", "customer number",
           "customer no", "external id", "user id", "client id", "member id", "tenant id",
           "Kundennummer", "Kundennr", "Kunden-ID", "KdNr", "Kontonummer", "Konto", "Mitgliedsnummer",
           "identifiant", "id client", "identifiant client", "numéro client", "numéro de client",
           "identificador", "id cliente", "id de cliente", "número de cliente"),
    "email": ("email", "e mail", "mail", "address", "email address", "e mail address", "mail address", "contact email",
              "E-Mail-Adresse", "Mailadresse", "courriel", "adresse e-mail", "adresse mail", "adresse courriel",
              "adresse électronique", "correo", "correo electrónico", "dirección de correo", "email cliente"),
    "post": ("post", "postal address", "mailing address", "street address", "letter address",
             "Anschrift", "Adresse", "Postanschrift", "Postadresse", "adresse postale",
             "dirección", "dirección postal", "domicilio"),
    "phone": ("phone", "phone number", "telephone", "telephone number", "tel", "mobile", "mobile number", "cell phone",
              "Telefon", "Telefonnummer", "Tel.-Nr.", "Handy", "Handynummer", "Mobil", "Mobilnummer", "Rufnummer",
              "téléphone", "numéro de téléphone", "portable", "teléfono", "número de teléfono", "móvil"),
    "name": ("name", "account name", "customer name", "company", "company name", "full name", "organisation",
             "organization", "Kunde", "Kundenname", "Firma", "Firmenname", "Vollständiger Name",
             "nom", "nom complet", "raison sociale", "société", "entreprise",
             "nombre", "nombre completo", "razón social", "empresa"),
    "role": ("role", "address role", "contact role", "Rolle", "rôle", "rol"),
    "locale": ("locale", "language", "lang", "Sprache", "langue", "idioma", "lengua"),
    "jurisdiction": ("jurisdiction", "country", "country code", "Land", "Ländercode", "Länderkürzel", "Staat",
                     "pays", "code pays", "país", "código de país"),
    "segments": ("segment", "segments", "segment s", "group", "groups", "Gruppe", "Gruppen", "Segmente",
                 "groupe", "groupes", "grupo", "grupos", "segmento", "segmentos"),
    "certainty": ("certainty", "certain", "Gewissheit", "certitude", "certeza"),
    "trusted": ("trusted", "address trusted"),
    # Our own columns in the lists we give out: rejected rows, exports.
    IGNORE: ("what is wrong", "what to do", "telling", "told"),
}  # fmt: skip
MEANING = {squeezed(spelling): meaning for meaning, words in KNOWN.items() for spelling in words}

ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
PHONE = re.compile(r"(\+|00?)[\d ()/.-]{6,24}")
DATE = re.compile(r"\d{4}-\d\d-\d\d|\d{1,2}\.\d{1,2}\.\d{4}")
# Only with its zone: without one a moment is not read.
MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?( ?(Z|UTC|[+-]\d\d:?\d\d))")
NUMBER = re.compile(r"-?(0|[1-9]\d{0,14})(\.\d{1,10})?")
YES_NO = re.compile(r"yes|no|true|false", re.IGNORECASE)
TYPED = (("date", DATE), ("moment", MOMENT), ("number", NUMBER), ("yes_no", YES_NO))
# “Deutschland” is no country code. Taken for one, it would leave out every row, and every person, of the file. Not so
# with certainty or trust: somebody must look at words for them that we do not know. One cell alone judges no column.
JUDGED = {"locale": cells.locale, "jurisdiction": cells.jurisdiction}
LIKE_AN_ID = re.compile(r"(^|[\W_])(id|no|nr|number|nummer)\.?$", re.IGNORECASE)


def guess(headers: list[str], rows: Sequence[list[str]], *, boldly: bool) -> Columns:
    """boldly: somebody will look at it, so types and tables are suggested, too; otherwise facts are text."""
    columns = list(zip(*(row for row in rows if len(row) == len(headers)), strict=True)) or [()] * len(headers)
    below = [[cell.strip() for cell in column if cell.strip()] for column in columns]
    meanings = [
        _by_header(header, position, values, any(rows))
        for position, (header, values) in enumerate(zip(headers, below, strict=True), start=1)
    ]
    _find_addresses(meanings, below)
    if boldly:
        _one_of_each(headers, meanings)
        _find_telephones(meanings, below)
        _find_an_id(headers, meanings, below)
        _find_types(meanings, below)
        _find_a_table(meanings, columns)
    return Columns(headers, meanings)


def _by_header(header: str, position: int, values: list[str], is_there_more: bool) -> str:
    if of_meaning(header):
        return header  # as our exports name the facts
    known = MEANING.get(squeezed(header))
    if known == "email" and squeezed(header) == "address" and values and not any("@" in value for value in values):
        return "post"
    if known == "post" and values and all(ADDRESS.fullmatch(value) for value in values):
        return "email"
    if known in JUDGED and len(values) > 1 and not any(_fits(known, value) for value in values):
        return FACT + fact_name(header, position)
    if known:
        return known
    if is_there_more and not values and header == f"column {position}":
        return IGNORE  # neither a name nor a cell: Excel keeps such columns
    return FACT + fact_name(header, position)


def _fits(meaning: str, value: str) -> bool:
    try:
        JUDGED[meaning](value)
    except NotThat:
        return False
    return True


def _facts(meanings: list[str]) -> list[int]:
    return [index for index, meaning in enumerate(meanings) if meaning.startswith(FACT)]


def _find_addresses(meanings: list[str], below: list[list[str]]) -> None:
    for index in _facts(meanings):
        if "email" not in meanings and below[index] and all(ADDRESS.fullmatch(value) for value in below[index]):
            meanings[index] = "email"


def _find_telephones(meanings: list[str], below: list[list[str]]) -> None:
    for index in _facts(meanings):
        values = below[index]
        if "phone" not in meanings and values and all(PHONE.fullmatch(value) for value in values):
            meanings[index] = "phone"


def _find_an_id(headers: list[str], meanings: list[str], below: list[list[str]]) -> None:
    if "id" in meanings:
        return
    for index in _facts(meanings):
        values = below[index]
        if LIKE_AN_ID.search(headers[index]) and values and len(set(values)) == len(values):
            meanings[index] = "id"
            return


def _find_types(meanings: list[str], below: list[list[str]]) -> None:
    for index in _facts(meanings):
        for kind, pattern in TYPED:
            if below[index] and all(pattern.fullmatch(value) for value in below[index]):
                meanings[index] = f"{meanings[index]}:{kind}"
                break


def _find_a_table(meanings: list[str], columns: Sequence[Sequence[str]]) -> None:
    """Facts that differ between rows of one account are one thing per row: keys, calls, sign-ins."""
    who = next((meanings.index(meaning) for meaning in NAMES_SOMEBODY if meaning in meanings), None)
    if who is None:
        return
    for index in _facts(meanings):
        said: dict[str, set[str]] = defaultdict(set)
        for account, value in zip(columns[who], columns[index], strict=True) if columns[who] else ():
            if account.strip() and value.strip():
                said[account.strip()].add(value.strip())
        if any(len(values) > 1 for values in said.values()):
            meanings[index] = ROW + meanings[index].removeprefix(FACT)


def _one_of_each(headers: list[str], meanings: list[str]) -> None:
    """The second column of one meaning is offered as a fact: nobody has to look for what is wrong."""
    seen: set[str] = set()
    for index, meaning in enumerate(meanings):
        if meaning in seen and meaning != IGNORE:
            name = fact_name(headers[index], index + 1)
            taken = {parts(other)[1] for other in meanings}
            meanings[index] = FACT + (name if name not in taken else f"column_{index + 1}")
        seen.add(meanings[index])
