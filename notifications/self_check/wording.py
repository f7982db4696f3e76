"""Words that frauds use: pressure, and the wish to know a secret. By language; in any other, only a person can tell."""

import re

# Whole words, or their beginnings where a * stands.
PRESSURE = {
    "en": "urgent urgently immediately asap hurry|act now|last chance|final warning|final notice|right away|at once|"
    "within 24 hours|will be suspended|will be terminated|will be closed|important notice|action required",
    "de": "dringend* eilig* eilt umgehend unverzüglich sofort schnellstmöglich|letzte chance|letzte mahnung|"
    "letzte warnung|wird gesperrt|handlungsbedarf|innerhalb von 24 stunden",
    "fr": "urgent* urgence immédiatement|au plus vite|dès maintenant|dernière chance|dernier avertissement|"
    "sera suspendu|sera fermé|sous 24 heures|action requise",
    "es": "urgente* urgencia inmediatamente|de inmediato|cuanto antes|última oportunidad|último aviso|"
    "será suspendida|será cerrada|en 24 horas|acción requerida",
    "ar": "عاجل عاجلاً عاجلة فورًا فوراً حالًا حالاً|على الفور|الفرصة الأخيرة|الإنذار الأخير|خلال 24 ساعة",
}

# Telling us a secret; and typing one in, which a step may well ask for, on our own page.
TELL = {
    "en": "send reply tell give provide email text share submit",
    "de": "senden schicken antworten nennen mitteilen geben übermitteln teilen",
    "fr": "envoyez envoyer répondez répondre donnez donner communiquez communiquer indiquez transmettez",
    "es": "envíe enviar responda responder facilite facilitar dígale dé comunique indique envíenos facilítenos díganos",
    "ar": "أرسل أرسلي أخبرنا زودنا أعطنا شارك",
}
TYPE_IN = {
    "en": "enter confirm verify type", "de": "eingeben bestätigen geben bestätigen verifizieren",
    "fr": "saisissez saisir confirmez confirmer entrez vérifiez", "es": "introduzca confirme verifique escriba",
    "ar": "أدخل أكد اكتب",
}  # fmt: skip
# Advice that is owed: a sentence that says to change one may go on to say where the new one is to be entered.
CHANGE = {
    "en": "change rotate replace renew reset revoke delete", "de": "ändern ändere wechseln ersetzen erneuern löschen",
    "fr": "changez changer remplacez remplacer renouvelez réinitialisez supprimez",
    "es": "cambie cambiar reemplace sustituya renueve restablezca elimine", "ar": "غيّر غيّروا غير بدّل استبدل",
}  # fmt: skip
SECRETS = {
    "en": r"passwords?|passphrases?|pin|pins|cvv|secret keys?|api keys?|private keys?|one-time codes?|"
    r"verification codes?|security codes?|authenticator codes?|card numbers?|recovery codes?",
    "de": r"passw[oö]rt\w*|kennw[oö]rt\w*|pin|tan|geheimzahl\w*|api-schlüssel\w*|einmalcodes?|sicherheitscodes?|"
    r"kartennummer\w*",
    "fr": r"mots? de passe|code pin|clés? (?:d’|d')?api|codes? de vérification|codes? de sécurité|"
    r"numéros? de (?:la |votre )?carte",
    "es": r"contraseñas?|pin|claves? (?:de )?api|códigos? de verificación|códigos? de seguridad|"
    r"números? de (?:la |su )?tarjeta",
    "ar": r"كلمة المرور|كلمة السر|كلمة مرور|الرقم السري|رمز التحقق",
}
NEVER = {
    "en": r"\b(?:never|not|don['’]t|no one|nobody|without|no)\b", "de": r"\b(?:nie|niemals|nicht|kein\w*|niemand)\b",
    "fr": r"\b(?:jamais|pas|aucun\w*|personne)\b", "es": r"\b(?:nunca|jamás|no|nadie|ningun\w*)\b",
    "ar": r"(?<!\w)(?:لن|لا|أبدًا|أبداً)(?!\w)",
}  # fmt: skip


def pressure_in(text: str, language: str) -> list[str]:
    """The words of pressure in it, each once, as they stand there."""
    return list(dict.fromkeys(found[0] for found in _pressure(language).finditer(text)))


def _pressure(language: str) -> re.Pattern[str]:
    alone, *phrases = PRESSURE[language].split("|")
    words = [re.escape(word).replace(r"\*", r"\w*") for word in alone.split()]
    return re.compile(rf"(?<!\w)(?:{'|'.join([*words, *map(re.escape, phrases)])})(?!\w)", re.IGNORECASE)


def asks_for_a_secret(text: str, language: str) -> tuple[list[str], list[str]]:
    """(sentences that ask to be told one, sentences that ask to type one in)"""
    told: list[str] = []
    typed: list[str] = []
    for sentence in sentences(text):
        secret = re.search(rf"(?<!\w)(?:{SECRETS[language]})(?!\w)", sentence, re.IGNORECASE)
        if not secret or re.search(NEVER[language], sentence, re.IGNORECASE):
            continue
        if _says(sentence, TELL[language]) and _to_us(sentence, language):
            told.append(sentence)
        elif _says(sentence if not _says(sentence, CHANGE[language]) else sentence[: secret.end()], TYPE_IN[language]):
            typed.append(sentence)
    return told, typed


_US = {
    "en": r"\bus\b|\breply\b|\bemail\b|@", "de": r"\buns\b|antworten|@", "fr": r"\bnous\b|répond|@",
    "es": r"nos\b|\bnosotros\b|respond|@", "ar": r"نا\b|@|لنا",
}  # fmt: skip


def _to_us(sentence: str, language: str) -> bool:
    return bool(re.search(_US[language], sentence, re.IGNORECASE))


def _says(sentence: str, words: str) -> bool:
    return bool(re.search(rf"(?<!\w)(?:{'|'.join(words.split())})(?!\w)", sentence, re.IGNORECASE))


def sentences(text: str) -> list[str]:
    """Sentences, headings and items of a plain text, each on one line; rules under headings and addresses are not."""
    found: list[str] = []
    for block in re.split(r"\n\s*\n|\n(?=\s*(?:- |\d+\. ))|\n-{3,}\n?", text):
        words = re.sub(r"https?://\S+|<[^>\s]+>", "", " ".join(block.split()))
        words = re.sub(r"^(?:- |\d+\. )", "", words)
        found += [one.strip() for one in re.split(r"(?<=[.!?؟])\s+", words) if re.search(r"\w", one)]
    return found
