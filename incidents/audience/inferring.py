"""Country and language of an account from what is known of it, where nobody has said them.

Shown as inferred, and replaced by whatever a file says later. A country comes from the domain of an address or the
prefix of a telephone number, a language from a country where one language is everybody's. Nothing else is guessed.
"""

from django.db import connection

from incidents.models import ImportBatch

FROM_DOMAIN, FROM_NUMBER, FROM_COUNTRY = "the address domain", "the telephone number", "the country"

# Country-code domains under which a company mostly is of that country. Those sold to anybody in the world for how they
# sound (.io, .ai, .co, .me, .tv and their like) say nothing and are left out.
DOMAINS = """
ae al ao ar at au az ba bd be bf bg bh bo br bw by ca ch ci cl cm cn cr cu cv cy cz de dk do dz ec ee eg es et fi fj fo
fr ge gh gr gt hk hn hr hu ie il iq ir is it jm jo jp ke kg kh kr kw kz lb li lk lt lu lv ma mc md mg mk mm mo mt mv mw
mx my mz na ne ng ni nl no np nz om pa pe ph pk pl pr ps pt py qa ro rs ru rw sa sd se sg si sk sn sv sy th tn tr tw tz
ua ug uk uy uz ve vn ye za zm zw
""".split()  # noqa: SIM905
# E.164 prefixes of one country each; +1, +7 and the like are of several.
PREFIXES = {
    "20": "EG", "27": "ZA", "30": "GR", "31": "NL", "32": "BE", "33": "FR", "34": "ES", "36": "HU", "40": "RO",
    "41": "CH", "43": "AT", "44": "GB", "45": "DK", "46": "SE", "48": "PL", "49": "DE", "51": "PE", "52": "MX",
    "54": "AR", "55": "BR", "56": "CL", "57": "CO", "58": "VE", "60": "MY", "61": "AU", "62": "ID", "63": "PH",
    "64": "NZ", "65": "SG", "66": "TH", "81": "JP", "82": "KR", "84": "VN", "86": "CN", "90": "TR", "91": "IN",
    "92": "PK", "94": "LK", "98": "IR", "212": "MA", "213": "DZ", "216": "TN", "234": "NG", "254": "KE", "351": "PT",
    "352": "LU", "353": "IE", "354": "IS", "356": "MT", "357": "CY", "359": "BG", "370": "LT", "371": "LV",
    "372": "EE", "380": "UA", "381": "RS", "385": "HR", "386": "SI", "420": "CZ", "421": "SK", "423": "LI",
    "852": "HK", "886": "TW", "971": "AE", "972": "IL", "966": "SA",
}  # fmt: skip
LANGUAGES = {
    "AR": "es", "AT": "de", "AU": "en", "BG": "bg", "BR": "pt-BR", "CL": "es", "CN": "zh-CN", "CO": "es", "CR": "es",
    "CZ": "cs", "DE": "de", "DK": "da", "DO": "es", "EC": "es", "EE": "et", "ES": "es", "FR": "fr", "GB": "en",
    "GR": "el", "GT": "es", "HN": "es", "HR": "hr", "HU": "hu", "ID": "id", "IE": "en", "IS": "is", "IT": "it",
    "JP": "ja", "KR": "ko", "LI": "de", "LT": "lt", "LV": "lv", "MC": "fr", "MX": "es", "NI": "es", "NL": "nl",
    "NO": "nb", "NZ": "en", "PA": "es", "PE": "es", "PL": "pl", "PT": "pt", "RO": "ro", "RS": "sr", "SE": "sv",
    "SI": "sl", "SK": "sk", "SV": "es", "TH": "th", "TR": "tr", "TW": "zh-TW", "UA": "uk", "US": "en", "UY": "es",
    "VE": "es", "VN": "vi",
}  # fmt: skip


def _country(domain: str) -> str:
    return "GB" if domain == "uk" else domain.upper()


def _values(rows: dict[str, str]) -> str:
    return ", ".join(f"('{key}', '{value}')" for key, value in rows.items())


# Of several addresses the one that stands first decides. Only rows that will say something are touched: at a million
# addresses under .com this reads them once and writes nothing.
COUNTRIES = f"""
UPDATE accounts_account account SET jurisdiction = told.country, jurisdiction_from = told.from_what
  FROM (
    SELECT DISTINCT ON (account_id) account_id, country, from_what
      FROM (
        SELECT said.account_id, said.line, 1 AS rank, country, '{FROM_DOMAIN}' AS from_what
          FROM imported_address said
          JOIN (VALUES {_values({f".{domain}": _country(domain) for domain in DOMAINS})}) AS known (ending, country)
            ON known.ending = right(said.normal, 3)
         WHERE said.kind = 'email'
        UNION ALL
        SELECT said.account_id, said.line, 2, country, '{FROM_NUMBER}'
          FROM imported_address said
          JOIN (VALUES {_values(PREFIXES)}) AS known (prefix, country)
            ON said.normal LIKE '+' || known.prefix || '%%'
         WHERE said.kind = 'phone'
      ) AS each
     ORDER BY account_id, rank, line
  ) AS told
 WHERE account.id = told.account_id AND account.jurisdiction = ''
"""  # noqa: S608  (fixed text)
LANGUAGE = f"""
UPDATE accounts_account account SET locale = known.locale, locale_from = '{FROM_COUNTRY}'
  FROM imported,
       (VALUES {_values(LANGUAGES)}) AS known (country, locale)
 WHERE account.id = imported.account_id AND account.jurisdiction <> ''
   AND known.country = split_part(account.jurisdiction, '-', 1)
   AND (account.locale = '' OR account.locale_from <> '') AND account.locale <> known.locale
"""  # noqa: S608


def infer(batch: ImportBatch) -> None:
    """In a save, after the rows are written, for the accounts of the file."""
    if batch.mode == ImportBatch.Mode.RULE_OUT:
        return
    with connection.cursor() as cursor:
        cursor.execute(COUNTRIES, [])
        cursor.execute(LANGUAGE, [])
