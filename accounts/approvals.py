"""Two people: who asked, who said yes, and to which hashes. One model for publishing, mailing, import and export."""

from collections.abc import Iterable
from datetime import datetime

from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from accounts import audit
from accounts.models import Approval, Organisation, SignOff, User


class NotAllowed(Exception):
    """This person may not answer this approval; the message says why."""


class NotApproved(Exception):
    """The act lacks a living approval of exactly this content; the message says what is missing."""


@transaction.atomic
def ask(*, act: str, thing: models.Model, hashes: dict[str, str], summary: str, by: User,
        page: str = "", incident: int | None = None, authors: Iterable[int] = (), at_least: int = 0,
        at: datetime | None = None) -> Approval:  # fmt: skip
    """Ask for a yes to exactly these hashes. An earlier request for the same act and thing becomes void.

    page: where in the staff room somebody can read what they say yes to. authors: ids of whoever wrote it; one who
    wrote all of it alone cannot say yes to it, whoever asks. at_least: so many other people, even where the
    organisation asks for fewer.
    Where the organisation asks for no second person (sign_offs = 0) the approval is given at once, and says so.
    """
    at = at or timezone.now()
    void(act=act, thing=thing, because="asked again", by=by, at=at)
    sign_offs = Organisation.get().sign_offs
    needs = max(sign_offs, at_least) if sign_offs else 0
    approval = Approval.objects.create(
        act=act, thing=audit.name_of(thing), incident=incident, hashes=hashes, summary=summary, page=page,
        needs=needs, asked_by=by, authors=sorted(set(authors)), asked_at=at, given_at=None if needs else at,
    )  # fmt: skip
    audit.record(act="approval.asked", thing=approval, by=by, at=at, incident=incident, of=act, about=approval.thing,
                 hashes=hashes, needs=needs)  # fmt: skip
    return approval


def obstacle(approval: Approval, *, by: User) -> str:
    """Why this person may not answer, in words for them; empty where they may."""
    if approval.asked_by_id == by.pk:
        return "You asked for this yourself; somebody else has to answer."
    if approval.authors == [by.pk]:
        return "You wrote this yourself; somebody else has to answer."
    if not by.has_perm("accounts.approve"):
        return "Your role cannot approve."
    if approval.state != "open":
        return _closed(approval)
    if any(sign_off.by_id == by.pk for sign_off in approval.sign_offs.all()):
        return "You have already answered this request."
    return ""


def _closed(approval: Approval) -> str:
    """What became of a request that waits for nobody any more."""
    if approval.used_at or approval.given_at:
        return "This request was approved already" + (" and carried out." if approval.used_at else ".")
    if approval.refused_at:
        return "This request was refused already."
    return f"This request no longer holds ({approval.void_because}). Look at the newest one."


def waiting_for(user: User) -> models.QuerySet[Approval]:
    """The open requests this person may still answer."""
    if not user.has_perm("accounts.approve"):
        return Approval.objects.none()
    return Approval.objects.open().exclude(Q(asked_by=user) | Q(authors=[user.pk]) | Q(sign_offs__by=user))


@transaction.atomic
def answer(approval: Approval, *, yes: bool, by: User, words: str = "", at: datetime | None = None) -> Approval:
    """One person's yes or no. Raises NotAllowed for whoever asked, may not approve, or comes too late."""
    at = at or timezone.now()
    approval = Approval.objects.select_for_update().get(pk=approval.pk)
    if reason := obstacle(approval, by=by):
        raise NotAllowed(reason)
    SignOff.objects.create(approval=approval, by=by, at=at, yes=yes, words=words)
    if not yes:
        approval.refused_at = at
    elif approval.sign_offs.filter(yes=True).count() >= approval.needs:
        approval.given_at = at
    approval.save(update_fields=["refused_at", "given_at"])
    audit.record(act="approval.given" if yes else "approval.refused", thing=approval, by=by, at=at,
                 incident=approval.incident, of=approval.act, about=approval.thing, hashes=approval.hashes)  # fmt: skip
    return approval


@transaction.atomic
def void(*, act: str, thing: models.Model, because: str, by: User | None, at: datetime | None = None) -> int:
    """End the living approval of this act and thing, if there is one (any edit does this). The number ended: 0 or 1."""
    ended = 0
    for approval in Approval.objects.live().filter(act=act, thing=audit.name_of(thing)).select_for_update():
        approval.void_at, approval.void_because = at or timezone.now(), because
        approval.save(update_fields=["void_at", "void_because"])
        audit.record(act="approval.void", thing=approval, by=by, at=at, incident=approval.incident, because=because)
        ended += 1
    return ended


@transaction.atomic
def use(*, act: str, thing: models.Model, hashes: dict[str, str], at_least: int = 0,
        at: datetime | None = None) -> Approval:  # fmt: skip
    """Spend the given approval for exactly these hashes, in the act's transaction. Raises NotApproved otherwise.

    at_least: as in `ask`; how many other people it takes may have grown since somebody asked.
    """
    approval = Approval.objects.live().filter(act=act, thing=audit.name_of(thing)).select_for_update().first()
    if approval is None:
        raise NotApproved("Nobody has been asked to approve this yet.")
    if approval.given_at is None:
        raise NotApproved("A second person has not approved this yet.")
    if approval.hashes != hashes:
        raise NotApproved("It was changed after it was approved. Ask again for what stands there now.")
    _refuse_lapsed(approval, at_least=at_least)
    approval.used_at = at or timezone.now()
    approval.save(update_fields=["used_at"])
    return approval


def _refuse_lapsed(approval: Approval, *, at_least: int) -> None:
    """A yes counts as long as who said it may say it: somebody who was shut out may have been an attacker."""
    if approval.alone_because:  # emergencies.py: in the transaction that uses it, and loudly
        return
    yes = approval.sign_offs.filter(yes=True).select_related("by")
    standing = sum(sign_off.by.has_perm("accounts.approve") for sign_off in yes)
    sign_offs = Organisation.get().sign_offs
    if standing < max(approval.needs, sign_offs, at_least if sign_offs else 0):
        raise NotApproved(
            "It was approved, and the approval counts no more: somebody who gave it may not approve any longer, or "
            "more people have to say yes than then. Ask again."
        )


def living(act: str, thing: models.Model) -> Approval | None:
    """The approval that is open or given for this act and thing; None where nobody has asked."""
    return Approval.objects.live().filter(act=act, thing=audit.name_of(thing)).first()


def newest(act: str, thing: models.Model) -> Approval | None:
    """The living one, or the last that was used, refused or void; None where nobody has ever asked."""
    return Approval.objects.filter(act=act, thing=audit.name_of(thing)).select_related("asked_by").first()
