"""The story of January 2018, act by act. Each act looks first whether an earlier run has played it."""

import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from django.conf import settings
from django.db.models import Count, QuerySet
from django.urls import reverse
from django.utils import timezone
from tqdm import tqdm

from accounts import approvals, audit
from accounts.models import User
from config.demo import affected_csv, cast, people, provider
from config.demo.watching import Watch
from incidents import audience, casefile, publishing
from incidents.audience import approving
from incidents.models import ImportBatch, Incident
from notifications import composing, evidence, links, mailings, next_address, stopping, telling
from notifications.models import Attempt, DeliveryEvent, Mailing, ReaderLink, Recipient

CASE = "mailgun-2018-01"


def play(folder: Path, *, say: Callable[[str], object], watch: Watch) -> dict:
    """Play every act that has not been played yet; the summary as plain values, `adds_up` among them."""
    began = time.monotonic()
    cast.found_organisation()
    wanda, anton, _ada = (cast.enter(person) for person in people.PEOPLE)
    incident = _open_the_case(say, by=wanda)
    _publish(incident, say, by=wanda, yes=anton)
    _import(incident, folder, say, by=wanda, yes=anton, watch=watch)
    mailing = _approve_the_notice(incident, say, by=wanda, yes=anton)
    _send(mailing, say, by=anton, watch=watch)
    _hear_back(incident, say, watch=watch)
    _until_finished(mailing, watch)
    telling.push(incident)
    proof = _prove(incident, folder, say)
    return _sum_up(incident, mailing, folder, proof, seconds=round(time.monotonic() - began, 1))


def _open_the_case(say: Callable, *, by: User) -> Incident:
    facts = casefile.named(CASE)
    incident = Incident.objects.filter(slug=facts["slug"]).first()
    if incident is None:
        incident = casefile.load(facts, by=by)
        say(f"Loaded the incident “{incident.title}”")
    return incident


def _publish(incident: Incident, say: Callable, *, by: User, yes: User) -> None:
    if incident.page_versions.exists():
        return
    if incident.visibility != Incident.Visibility.PUBLIC:
        incident.visibility = Incident.Visibility.PUBLIC
        incident.save(update_fields=["visibility"])
    approvals.answer(publishing.ask(incident, by=by), yes=True, by=yes)
    version = publishing.publish(incident, by=yes)
    incident.refresh_from_db()
    say(f"Published: {by} wrote it, {yes} approved it, the page stands as version {version.number}")


def _import(incident: Incident, folder: Path, say: Callable, *, by: User, yes: User, watch: Watch) -> None:
    if incident.import_batches.filter(state=ImportBatch.State.CONFIRMED).exists():
        return
    path = affected_csv.write(folder / "affected-accounts.csv")
    with path.open("rb") as file, tqdm.wrapattr(
        file, "read", total=path.stat().st_size, desc="Reading accounts", unit="B", unit_scale=True, disable=watch.quiet
    ) as watched:  # fmt: skip
        batch = audience.read(incident, watched, file_name=path.name, by=by, source=ImportBatch.Source.COMMAND)
    approvals.answer(approving.ask(batch, audience.compare(batch), by=by), yes=True, by=yes)
    audience.save(batch, by=by)
    say(f"Imported {incident.affected_accounts.count():,} affected accounts from {path}; {yes} said yes to the number")


def _approve_the_notice(incident: Incident, say: Callable, *, by: User, yes: User) -> Mailing:
    mailing = incident.mailings.exclude(state=Mailing.State.CANCELLED).first()
    if mailing is None:
        subject, body = composing.starter(incident)
        notice = mailings.create(incident, by=by, name="First notice", subject=subject, body=body)
        german, _ = composing.starter(incident, "de")
        words = (Path(__file__).parent / "first.de.md").read_text(encoding="utf-8")
        mailings.edit_in(notice, "de", subject=german, body=words, by=by, edits=notice.edits)
        mailing = mailings.prepare(notice, by=by)
        say(
            f"Wrote the notice and composed it {mailing.recipients_count:,} times without sending: "
            f"{mailings.problem_count(mailing)} problems"
        )
    if mailing.state == Mailing.State.PREPARED:
        approvals.answer(mailings.ask(mailing, by=by), yes=True, by=yes)
        say(f"Approved: {yes} said yes to this text for these {mailing.recipients_count:,} people")
    return mailing


def _send(mailing: Mailing, say: Callable, *, by: User, watch: Watch) -> None:
    mailing.refresh_from_db()
    if mailing.state == Mailing.State.PREPARED:
        mailing = mailings.start(mailing, by=by)
    handed_over = _watch_the_lanes("Sending", mailing.recipients.all(), watch)
    say(f"Handed over through the workers: {handed_over:,} messages")


def _hear_back(incident: Incident, say: Callable, *, watch: Watch) -> None:
    """Rounds of events: an account whose first address bounces is written to at the next one, and heard of again."""
    posted = 0
    for _round in range(6):
        next_address.queue_all()  # beat does this every few seconds; the story does not wait for it
        _watch_the_lanes("Next addresses", incident.recipients.all(), watch, quiet=True)
        events = list(_untold_events(incident))
        if not events:
            break
        with ThreadPoolExecutor(4) as pool:
            answers = pool.map(_post, events)
            bar = tqdm(answers, "Hearing back", len(events), unit="event", disable=watch.quiet)
            statuses = list(bar)
        posted += statuses.count(200)
    say(f"Heard back: {posted:,} events through the provider's webhook")


def _untold_events(incident: Incident):
    heard = DeliveryEvent.objects.filter(recipient__incident=incident).values("recipient")
    handed_over = Attempt.objects.filter(outcome=Attempt.Outcome.ACCEPTED).values("recipient")
    waiting = incident.recipients.filter(pk__in=handed_over).exclude(pk__in=heard)
    for address, message_id in waiting.values_list("address__value", "message_id"):
        yield from provider.events(address, message_id, timezone.now())


def _post(event: dict) -> int:
    return provider.post(settings.PUBLIC_BASE_URL, event)


def _watch_the_lanes(what: str, recipients: QuerySet[Recipient], watch: Watch, *, quiet: bool = False) -> int:
    """Until the workers have nothing left of these; their number."""
    total = recipients.count()
    waiting = recipients.filter(state__in=[Recipient.State.QUEUED, Recipient.State.SENDING])
    watch.until(what, total, lambda: total - waiting.count(), quiet=quiet)
    return total


def held() -> str:
    """What a person has to press before messages go on; empty where nothing holds them."""
    if stopping.standing():
        return f"Everything is stopped by the kill switch. Let sending go on: {settings.PUBLIC_BASE_URL}" + reverse(
            "notifications:sending"
        )
    paused = Mailing.objects.filter(state=Mailing.State.PAUSED).select_related("incident").first()
    if paused is None:
        return ""
    page = reverse("notifications:mailing", args=[paused.incident.slug, paused.number])
    return f"Mailing {paused.number} is paused. Press “Go on” there: {settings.PUBLIC_BASE_URL}{page}"


def _until_finished(mailing: Mailing, watch: Watch) -> None:
    """Beat closes a mailing whose outbox is empty; the proof shall show it closed."""
    finished = Mailing.objects.filter(pk=mailing.pk, state=Mailing.State.FINISHED)
    watch.until("Closing the mailing", 1, finished.count, quiet=True)


def _prove(incident: Incident, folder: Path, say: Callable) -> dict:
    path = folder / f"evidence-{incident.slug}.zip"
    with path.open("wb") as file:
        evidence.write(incident, file)
    verifier = Path(settings.ROOT) / "notifications" / "verify_evidence.py"
    told = subprocess.run([sys.executable, "-I", str(verifier), str(path)], capture_output=True, text=True, check=False)
    say(f"Evidence: {path}, {'verified offline' if told.returncode == 0 else 'does not verify'}")
    return {"file": str(path), "verifies": told.returncode == 0, "audit_entries": audit.verify()}


def _sum_up(incident: Incident, mailing: Mailing, folder: Path, proof: dict, *, seconds: float) -> dict:
    states = dict(incident.recipients.values_list("state").annotate(Count("pk")).order_by("state"))
    outcomes = telling.outcomes(incident)
    affected = incident.affected_accounts.count()
    at_server, unique = _count_mailbox(folder, incident)
    taken = sum(states.get(state, 0) for state in ("accepted", "delivered", "bounced"))
    with urllib.request.urlopen(f"{settings.PUBLIC_BASE_URL}/incidents/{incident.slug}/", timeout=10) as page:  # noqa: S310
        page_shows = incident.title in page.read().decode()
    checks = {
        "every affected account has one outcome": affected == sum(outcomes.values()) == affected_csv.ACCOUNTS,
        "every recipient has one state": incident.recipients.count() == sum(states.values()),
        "what we count as accepted is at the mail server": taken == at_server,
        "nobody was sent two messages": at_server == unique,
        "nothing is left waiting": not {"prepared", "queued", "sending"} & states.keys(),
        "the public page stands": page_shows,
        "the evidence verifies": proof["verifies"],
    }
    return {
        "incident": incident.slug, "affected_accounts": affected, "outcomes": outcomes, "recipients": states,
        "messages_at_server": at_server,
        "complaints": incident.recipients.filter(complained_at__isnull=False).count(),
        "delivery_events": DeliveryEvent.objects.filter(recipient__incident=incident).count(),
        "page_version": incident.page_versions.latest("number").number,
        "mailing_state": Mailing.objects.get(pk=mailing.pk).state,
        "evidence": proof["file"], "audit_entries": proof["audit_entries"], "checks": checks,
        "adds_up": all(checks.values()), "seconds": seconds,
    }  # fmt: skip


def _count_mailbox(folder: Path, incident: Incident) -> tuple[int, int]:
    """Messages of this incident at the mail server: how many, and how many different Message-IDs."""
    ours = set(incident.recipients.values_list("message_id", flat=True))
    with sqlite3.connect(folder / "mailbox.sqlite3") as box:
        caught = [row[0] for row in box.execute("SELECT message_id FROM mail") if row[0] in ours]
    return len(caught), len(set(caught))


def in_words(summary: dict) -> str:
    lines = ["", f"{summary['affected_accounts']:,} affected accounts"]
    lines += [f"  {count:>7,}  {name.replace('_', ' ')}" for name, count in summary["outcomes"].items()]
    messages = sum(summary["recipients"].values())
    lines += ["", f"{messages:,} messages; who was not reached at the first address was written to at the next"]
    lines += [f"  {count:>7,}  {state}" for state, count in summary["recipients"].items()]
    lines += [f"  {summary['complaints']:>7,}  of them complained"]
    lines += ["", *(f"  {'yes' if holds else 'NO '}  {check}" for check, holds in summary["checks"].items())]
    return "\n".join(lines)


def addresses(summary: dict, base: str, mailbox: str) -> str:
    """What to open next, with the log-ins of the rehearsal."""
    link = ReaderLink.objects.filter(
        affected_account__incident__slug=summary["incident"], recipients__state=Recipient.State.DELIVERED
    ).first()
    notice = links.url(link) if link else "none: nobody has been told yet"
    log_ins = "\n".join(f"                    {p.email:<26} {p.role}" for p in people.PEOPLE)
    return f"""
Open
  Public page       {base}/incidents/{summary["incident"]}/
  Personal notice   {notice}
  Staff room        {base}/staff/{summary["incident"]}/
{log_ins}
                    password: {people.PASSWORD}
                    second factor: {mailbox}/authenticator
  Mailbox           {mailbox}/
  API               {base}/api/docs (sign in to the staff room first)

Ctrl-C stops everything. `make demo` goes on from here, `make demo-clean` forgets it."""
