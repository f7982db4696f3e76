"""The checks of a notice's words, language by language, as somebody would get them who gets every part."""

from collections.abc import Iterator
from dataclasses import dataclass

from accounts.models import Organisation
from notifications import composing, providers
from notifications.composing import CannotCompose, Message, conditions
from notifications.composing.guidance import written_in
from notifications.composing.languages import name_of, spoken
from notifications.composing.words import BLOCKS
from notifications.mailings import texts as notices
from notifications.models import NoticeVersion
from notifications.self_check import addresses, reading_level, wording
from notifications.self_check.check import Check, Level, passed, unknown, warns
from notifications.self_check.check import stops as stopping

SUBJECT_SHOWN = 60  # characters of a subject that most programs show; a phone shows fewer
MANY_WORDS = 900
CLIPPED = 100_000  # bytes of HTML after which large providers hide the rest


@dataclass(frozen=True)
class Text:
    """One language of the version, with every part in it and sample values."""

    version: NoticeVersion
    language: str
    subject: str
    body: str
    message: Message

    @property
    def name(self) -> str:
        return name_of(self.language)

    @property
    def base(self) -> str:
        """The language as wording and formulas know it; empty where they do not."""
        base = self.language.partition("-")[0].lower()
        return base if base in wording.PRESSURE else ""


def look(version: NoticeVersion, *, sender: str = "", provider: str = "") -> list[Check]:
    """Every check, in the order of the languages. sender, provider: of the mailing; the usual ones where not said."""
    ours = Organisation.get()
    mailboxes = [sender or ours.sender, ours.reply_to]
    allowed = addresses.Ours.of(version, mailboxes=mailboxes)
    everything = _with_every_part(version)
    found: list[Check] = []
    headers: set[str] = set()
    for language in version.languages:
        subject, body = version.text_in(language)
        try:
            message = composing.compose(notices.sample_recipient(everything, language=language))
        except CannotCompose as error:
            found.append(stopping(f"It cannot be written. {error}", language=name_of(language)))
            continue
        headers |= message.headers.keys()
        text = Text(version, language, subject, body, message)
        found += addresses.checks(message.html, message.text, allowed, language=text.name)
        found += _words(text)
    return [*found, *_as_mail(headers, provider)]


def stops(version: NoticeVersion, *, sender: str = "", provider: str = "") -> list[Check]:
    return [check for check in look(version, sender=sender, provider=provider) if check.level == Level.STOPS]


def _with_every_part(version: NoticeVersion) -> NoticeVersion:
    texts = {
        language: {"subject": said["subject"], "body": _every_part(said["body"])}
        for language, said in version.texts.items()
    }
    return NoticeVersion(
        notice=version.notice, subject=version.subject, body=_every_part(version.body), texts=texts,
        guidance=version.guidance, sha256=f"{version.sha256} every part",
    )  # fmt: skip


def _every_part(body: str) -> str:
    try:
        return conditions.everything(body)
    except CannotCompose:
        return body  # composing it says what is wrong


# The words of one language --------------------------------------------------------------------------------------


def _words(text: Text) -> Iterator[Check]:
    yield from _is_complete(text)
    yield from _can_be_checked(text)
    yield from _pressure(text)
    yield from _secrets(text)
    yield _subject(text)
    yield _length(text)
    yield _reading_level(text)


def _is_complete(text: Text) -> Iterator[Check]:
    """Beside the text in the default language."""
    there = text.version.text_in(text.version.language)
    if text.language == text.version.language:
        return
    default = name_of(text.version.language)
    missing = sorted(composing.variables_in(*there) - composing.variables_in(text.subject, text.body))
    if missing:
        yield warns(f"The text in {default} has {', '.join(missing)}, this one has not.", language=text.name)
    mine, theirs = _asked(text.body), _asked(there[1])
    if mine != theirs:
        other = ", ".join(sorted(mine ^ theirs))
        yield warns(f"The parts for {other} stand in one of the two and not in the other.", language=text.name)
    if not missing and mine == theirs:
        yield passed(f"It has all that the text in {default} has.", language=text.name)
    lists = sorted(BLOCKS.keys() & composing.variables_in(text.body))
    original = written_in(text.version.guidance)
    if lists and spoken(original) != spoken(text.language):
        yield warns(
            f"Its lists ({', '.join(lists)}) stand in {name_of(original)}, the language of the incident. Write them "
            "into the text where they matter.", language=text.name,
        )  # fmt: skip


def _asked(body: str) -> frozenset[str]:
    return conditions.segments_named(body) | conditions.jurisdictions_named(body)


def _can_be_checked(text: Text) -> Iterator[Check]:
    used = composing.variables_in(text.subject, text.body)
    if "code" in used:
        yield passed("The reference code is in it.", language=text.name)
    else:
        yield stopping("The reference code is missing: nobody could check that it is ours. Write {{ code }}.",
                       language=text.name)  # fmt: skip
    if "link" in used:
        yield passed("The personal link is in it.", language=text.name)
    else:
        yield warns("The personal link is missing: write {{ link }}.", language=text.name)
    domain = text.version.guidance["organisation"]["domain"]
    without_links = " ".join(wording.sentences(text.message.text))
    if domain and domain in without_links:
        yield passed(f"Its advice works without a link: it says to type {domain}.", language=text.name)
    else:
        yield warns("Say what works without a link, too: “type {{ domain }} and open Security”.", language=text.name)


def _pressure(text: Text) -> Iterator[Check]:
    if not text.base:
        yield unknown("No list of words of pressure in this language: let somebody read it for that.",
                      language=text.name)  # fmt: skip
        return
    in_subject = wording.pressure_in(text.message.subject, text.base)
    in_text = wording.pressure_in(text.message.text, text.base)
    if in_subject:
        yield stopping(f"The subject presses: “{', '.join(in_subject)}”. Frauds write like this; say a date instead.",
                       language=text.name)  # fmt: skip
    if in_text:
        yield warns(f"Words of pressure: “{', '.join(in_text)}”. Frauds write like this; say a date instead.",
                    language=text.name)  # fmt: skip
    if not in_subject and not in_text:
        yield passed("No word of pressure.", language=text.name)


def _secrets(text: Text) -> Iterator[Check]:
    if not text.base:
        return
    told, typed = wording.asks_for_a_secret(text.message.text, text.base)
    if told:
        yield stopping("It asks for a secret, which we never do.", language=text.name, detail=told[0])
    elif typed:
        yield warns("This reads as if we asked for a secret. Say that they type it on our own page.",
                    language=text.name, detail=typed[0])  # fmt: skip
    else:
        yield passed("It asks for no secret.", language=text.name)


def _subject(text: Text) -> Check:
    words = text.message.subject.replace(notices.SAMPLE_CODE, "").strip(" ,:–-")
    if len(words) > SUBJECT_SHOWN:
        return warns(f"The subject has {len(words)} characters beside the code; most programs show {SUBJECT_SHOWN}.",
                     language=text.name)  # fmt: skip
    return passed(f"The subject has {len(words)} characters beside the code.", language=text.name)


def _length(text: Text) -> Check:
    count = len(text.message.text.split())
    if len(text.message.html.encode()) > CLIPPED:
        return warns("It is so long that large providers hide its end. Shorten it.", language=text.name)
    if count > MANY_WORDS:
        return warns(f"It has {count:,} words with every part in it; few people read more than {MANY_WORDS}.",
                     language=text.name)  # fmt: skip
    return passed(f"It has {count:,} words with every part in it.", language=text.name)


def _reading_level(text: Text) -> Check:
    level = reading_level.measured(_own_words(text), text.base) if text.base else None
    if level is None:
        return unknown("How hard it is to read was not measured.", language=text.name)
    said = f"{level.words} by {level.name}"
    if level.hard:
        return warns(f"It is hard to read: {said}. Shorter sentences and words help.", language=text.name)
    return passed(f"It can be read: {said}.", language=text.name)


def _own_words(text: Text) -> str:
    """Without lists in another language."""
    if spoken(written_in(text.version.guidance)) == spoken(text.language):
        return text.message.text
    return "\n".join(
        line
        for line in conditions.everything(text.body).split("\n")
        if not composing.variables_in(line) & BLOCKS.keys()
    )


# As mail --------------------------------------------------------------------------------------------------------


def _as_mail(headers: set[str], provider: str) -> Iterator[Check]:
    """What is the same in every language."""
    if any(name.lower().startswith("list-unsubscribe") for name in headers):
        yield stopping("It has List-Unsubscribe: a notice the law demands cannot be unsubscribed from.")
    else:
        yield passed("No List-Unsubscribe: a notice the law demands cannot be unsubscribed from.")
    try:
        through = providers.channel(provider) if provider else providers.first()
    except providers.NoSuchChannel as error:
        yield unknown(str(error))
        return
    if through.adapter.tracking_can_be_off:
        yield passed(f"The mail provider {through.name} is told to count no clicks and no opening.")
    else:
        yield warns(
            f"Whether {through.name} rewrites links to count clicks cannot be told from here: see that it is off there."
        )
