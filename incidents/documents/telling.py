"""How far telling has come, and the one sentence on the page that depends on it. Pure: no rows, no clock."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from incidents import timeline
from incidents.documents.foreign import whole

STATES = ("none", "under_way", "done")


@dataclass(frozen=True, kw_only=True)
class Telling:
    """What notifications pushes down; kept as JSON. It carries no counts: the page names none.

    state: "done" means every affected account was reached or is accounted for.
    as_of: ISO 8601 with offset; empty where nothing was told yet.
    """

    state: str = "none"
    as_of: str = ""
    sender: str = ""
    subjects: tuple[str, ...] = ()
    code_form: str = ""

    def __post_init__(self) -> None:
        if self.state not in STATES:
            raise ValueError(f"telling is one of {', '.join(STATES)}; not {self.state!r}")
        if self.state != "none" and not self.as_of:
            raise ValueError("telling that has begun says as of when")
        object.__setattr__(self, "subjects", tuple(self.subjects))

    @classmethod
    def of(cls, kept: dict) -> "Telling":
        return cls(**kept)

    def as_dict(self) -> dict:
        return asdict(self) | {"subjects": list(self.subjects)}

    def says_the_same_as(self, other: "Telling") -> bool:
        """A later as-of alone is no news."""
        return (self.state, self.sender, self.subjects, self.code_form) == (
            other.state, other.sender, other.subjects, other.code_form,
        )  # fmt: skip

    def moment(self, otherwise: datetime) -> datetime:
        return datetime.fromisoformat(self.as_of) if self.as_of else otherwise


# Finished fact in the present tense ("is not among them") stands under "done" alone. A sentence that does not depend
# on telling says what we found, as of when, and never what is so for good.
SENTENCES: dict[str, dict[str, str | Promise]] = {
    "not_yet_known": {
        "none": _(
            "{as_of}, we do not know yet who is affected. That we have not written to you does not mean that your "
            "account is safe. Whoever we find to be affected will hear from us directly."
        ),
        "under_way": _(
            "{as_of}, we are writing to the accounts we know to be affected, and we do not know yet whether "
            "there are more. That nothing came does not mean that your account is safe."
        ),
        "done": _(
            "{as_of}, we have told every account we know to be affected. We do not know yet whether there are "
            "more: that nothing came does not mean that your account is safe."
        ),
    },
    "not_affected": {
        "none": _(
            "{as_of}, we have not begun to write to the affected accounts. Until we have reached all of them and "
            "say so here, not having heard from us tells you nothing about your account."
        ),
        "under_way": _(
            "{as_of}, we are still writing to the affected accounts. Until we have reached all of them and "
            "say so here, not having heard from us tells you nothing about your account."
        ),
        "done": _(
            "{as_of}, we have told every affected account. If nothing came (look in spam, too), yours is not among "
            "them."
        ),
    },
    "no_evidence": {
        "none": _(
            "{as_of}, we have no evidence so far that others are affected than those we shall write to. We have "
            "not begun to write, so not having heard from us tells you nothing yet."
        ),
        "under_way": _(
            "{as_of}, we are still writing to the accounts we know to be affected, so not having heard from "
            "us tells you nothing yet. We have no evidence so far that there are others."
        ),
        "done": _(
            "{as_of}, we have told every account we know to be affected, and we have no evidence so far that there "
            "are others. If nothing came (look in spam, too), we have no evidence about yours."
        ),
    },
    "not_contacted": {
        "none": _(
            "{as_of}, we have not begun to write to the affected accounts, and some of them we shall not write to: "
            "{words} Not having heard from us does not mean that your account is safe."
        ),
        "under_way": _(
            "{as_of}, we are still writing to affected accounts, and some we do not write to: {words} Not "
            "having heard from us does not mean that your account is safe."
        ),
        "done": _(
            "{as_of}, we have told every affected account except some that we do not write to: {words} If nothing "
            "came (look in spam, too) and this does not describe you, your account is not among them."
        ),
    },
    "everyone_acts": {
        "none": _(
            "{as_of}, everyone has to act, whether we write to them or not. Please follow the steps on this page."
        ),
        "under_way": _(
            "{as_of}, everyone has to act, whether we wrote to them or not; we are still writing. Please "
            "follow the steps on this page."
        ),
        "done": _(
            "{as_of}, everyone has to act, whether we wrote to them or not. Please follow the steps on this page."
        ),
    },
    "nobody_affected": {
        "none": _(
            "{as_of}, we have found nobody who is affected, and there is nothing you have to do."
        ),
        "under_way": _(
            "{as_of}, we have found nobody who is affected, and there is nothing you have to do. We are "
            "writing to some of our customers to say so."
        ),
        "done": _(
            "{as_of}, we have found nobody who is affected, and there is nothing you have to do. We have written "
            "to some of our customers to say so."
        ),
    },
}  # fmt: skip


def not_notified_words(*, meaning: str, state: str, as_of: datetime, words: str = "") -> str:
    """What it means not to have been written to, as of then.

    words: who is affected and not contacted, and why; needed for that meaning alone.
    """
    when, ending = as_of.astimezone(UTC), words.strip()
    if ending and ending[-1] not in ".!?\u061f":
        ending += "."

    def sentence() -> str:
        said_as_of = gettext("As of %(clock)s UTC on %(day)s") % {"clock": f"{when:%H:%M}", "day": timeline.day(when)}
        return str(SENTENCES[meaning][state]).format(as_of=said_as_of, words=ending)

    return whole(sentence, words if meaning == "not_contacted" else None)
