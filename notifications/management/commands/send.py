from django.core.management.base import BaseCommand

from notifications import dispatch, mailings, next_address, telling


class Command(BaseCommand):
    help = "Send what running mailings have ready, here and now, without a worker; then finish them."

    def handle(self, *args, **options) -> None:
        sent = 0
        while True:
            mailings.watch()  # as beat does: in a restored copy it holds what was going out
            dispatch.reap()
            next_address.queue_all()
            dealt_with = dispatch.run_lane(seconds=60)
            sent += dealt_with
            if not dealt_with and not dispatch.is_work_ready():
                break
        finished = dispatch.finish_mailings()
        telling.push_all()
        self.stdout.write(f"{sent:,} messages handed over, {finished:,} mailings finished.")
