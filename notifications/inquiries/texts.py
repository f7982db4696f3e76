"""The texts that answer: drafted, asked for, approved by two people as one set, put to use, switched off."""

from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from accounts import approvals, audit
from accounts.languages import spoken
from accounts.models import Approval, Organisation, User
from incidents.models import Incident
from notifications import composing, mailings, providers, self_check
from notifications.inquiries import words
from notifications.mailings import texts as notice_texts
from notifications.mailings.said_no import NotNow
from notifications.models import (
    AnswerNotice,
    InquiryAnswer,
    InquirySwitch,
    Notice,
    NoticeText,
    NoticeVersion,
)
from notifications.models.inquiries import Case

ACT = Approval.Act.ANSWER


# Drafts -----------------------------------------------------------------------------------------------------------


@transaction.atomic
def draft_all(incident: Incident, *, by: User, at: datetime | None = None) -> int:
    """A first draft, in all our languages, of each answer that has none yet; how many are new."""
    Incident.objects.select_for_update(of=("self",), no_key=True).get(pk=incident.pk)
    there = set(AnswerNotice.objects.filter(incident=incident).values_list("case", flat=True))
    missing = [case for case in Case if case not in there]
    for case in missing:
        _draft(incident, case, by=by, at=at)
    return len(missing)


def _draft(incident: Incident, case: Case, *, by: User, at: datetime | None) -> None:
    language = spoken(incident.language)
    subject, body = words.first_draft(case, language)
    notice = mailings.create(
        incident, by=by, at=at, kind=Notice.Kind.ANSWER, name=case.label, language=language, subject=subject, body=body
    )
    AnswerNotice.objects.create(notice=notice, incident=incident, case=case)
    others = [code for code, _ in settings.LANGUAGES if code != language]
    drafts = {code: words.first_draft(case, code) for code in others}
    NoticeText.objects.bulk_create(
        NoticeText(notice=notice, language=code, subject=said[0], body=said[1]) for code, said in drafts.items()
    )


def drafts(incident: Incident) -> dict[str, Notice]:
    """The notice of each case, in the order of cases."""
    rows = AnswerNotice.objects.filter(incident=incident).select_related("notice__incident", "notice__created_by")
    by_case = {row.case: row.notice for row in rows}
    return {str(case): by_case[case] for case in Case if case in by_case}


@transaction.atomic
def edited(incident: Incident, *, by: User, at: datetime | None = None) -> int:
    """A draft was saved: the approval of the set that waits no longer holds. How many ended: 0 or 1."""
    return approvals.void(act=ACT, thing=incident, because="an answer was edited", by=by, at=at)


# Two people -------------------------------------------------------------------------------------------------------


@transaction.atomic
def ask(incident: Incident, *, by: User, at: datetime | None = None) -> Approval:
    """Ask a second person for exactly these texts. Raises NotNow."""
    versions = _frozen(incident, by=by, at=at)
    for case, version in versions.items():
        _refuse_what_the_self_check_stops(case, version)
    authors = {pk for version in versions.values() for pk in (version.notice.created_by_id, version.made_by_id) if pk}
    return approvals.ask(
        act=ACT, thing=incident, hashes=_hashes(versions), by=by, at=at, incident=incident.pk, at_least=1,
        summary="Answer whoever asks “was I affected?” with these five texts, by mail, as long as they are in use.",
        page=reverse("notifications:inquiries", args=[incident.slug]), authors=authors,
    )  # fmt: skip


@transaction.atomic
def put_to_use(incident: Incident, *, by: User, at: datetime | None = None) -> list[InquiryAnswer]:
    """From now on these texts answer, first of all those who wait. Raises NotNow, or approvals.NotApproved."""
    at = at or timezone.now()
    Incident.objects.select_for_update(of=("self",), no_key=True).get(pk=incident.pk)
    versions = _frozen(incident, by=by, at=at)
    approval = approvals.use(act=ACT, thing=incident, hashes=_hashes(versions), at_least=1, at=at)
    channel, sender = _sent_by(incident)
    InquiryAnswer.objects.filter(incident=incident, replaced_at=None).update(replaced_at=at)
    rows = InquiryAnswer.objects.bulk_create(
        InquiryAnswer(
            incident=incident, case=case, version=version, approval=approval, provider=channel.name, sender=sender,
            reply_to=Organisation.get().reply_to, started_by=by, started_at=at,
        )
        for case, version in versions.items()
    )  # fmt: skip
    audit.record(act="inquiries.answered_with", thing=incident, by=by, at=at, incident=incident.pk,
                 approval=approval.pk, hashes=approval.hashes)  # fmt: skip
    return rows


def in_use(incident: Incident) -> list[InquiryAnswer]:
    rows = InquiryAnswer.objects.filter(incident=incident, replaced_at=None)
    return list(rows.select_related("version", "approval", "started_by"))


def _frozen(incident: Incident, *, by: User, at: datetime | None) -> dict[str, NoticeVersion]:
    held = drafts(incident)
    if len(held) < len(Case):
        raise NotNow("Texts are missing. Write the first drafts, then look at each of them.")
    frozen = {}
    fresh = []
    for case, notice in held.items():
        version, is_new = notice_texts.frozen(notice, by=by, at=at)
        fresh += [version] if is_new else []
        frozen[case] = version
    for version in fresh:  # the log is written last, so that nobody waits for its lock longer than needed
        notice_texts.record_frozen(version, by=by, at=at)
    return frozen


def _hashes(versions: dict[str, NoticeVersion]) -> dict[str, str]:
    return {case: version.sha256 for case, version in versions.items()}


def _refuse_what_the_self_check_stops(case: str, version: NoticeVersion) -> None:
    name = Case(case).label
    try:
        for language in version.languages:
            composing.compose(notice_texts.sample_recipient(version, language=language))
    except composing.CannotCompose as error:
        raise NotNow(f"“{name}” cannot be written: {error}") from error
    found = self_check.stops(version, sender=Organisation.get().sender, provider="")
    if found:
        raise NotNow(f"The self-check stops “{name}”: {found[0].words}")


def _sent_by(incident: Incident) -> tuple[providers.Channel, str]:
    """The first channel that is not part of the breach. Raises NotNow."""
    said = ""
    for channel in providers.all_channels():
        sender = channel.sender or Organisation.get().sender
        try:
            providers.refuse_exposed(incident, sender=sender, provider=channel.name)
        except providers.Exposed as exposed:
            said = said or str(exposed)
        else:
            return channel, sender
    raise NotNow(said)


@transaction.atomic
def switch(incident: Incident, *, on: bool, by: User, at: datetime | None = None) -> bool:
    """Whether anybody can ask about this incident; whether that changed anything. What was asked waits meanwhile."""
    at = at or timezone.now()
    if on:
        changed = bool(InquirySwitch.objects.filter(pk=incident.pk).delete()[0])
    else:
        _, changed = InquirySwitch.objects.get_or_create(incident=incident, defaults={"off_since": at, "by": by})
    if changed:
        audit.record(act="inquiries.switched_on" if on else "inquiries.switched_off", thing=incident, by=by, at=at,
                     incident=incident.pk)  # fmt: skip
    return changed
