"""Makes the first person, or one more, without anybody having to be signed in."""

import sys
from argparse import ArgumentParser

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email
from django.urls import reverse

from accounts import people
from accounts.adapters import absolute
from accounts.models import User
from accounts.roles import ROLES


class Command(BaseCommand):
    help = "Adds a member of staff with a role, or changes the role. The same call again changes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--name", default="", help="as it stands in the log and on approvals")
        parser.add_argument("--role", choices=list(ROLES), required=True)
        parser.add_argument("--password-stdin", action="store_true", help="read the password from standard input")

    def handle(self, *, email: str, name: str, role: str, password_stdin: bool, **options) -> None:
        try:
            validate_email(email)
        except ValidationError:
            raise CommandError("This is no email address. Nothing was changed.") from None
        password = sys.stdin.readline().rstrip("\n") if password_stdin else None
        if password is not None:
            _refuse_weak(password)
        user, changed = people.add(email=email, name=name, role=role, by=None)
        self.stdout.write(f"{user} is {role}." if changed else f"{user} is {role} already; nothing was changed.")
        self._say_next_step(user, password)

    def _say_next_step(self, user: User, password: str | None) -> None:
        if password is not None:
            if not user.check_password(password):
                user.set_password(password)
                user.save(update_fields=["password"])
        elif not user.has_usable_password():
            self.stdout.write("Choose a password here; the link works once, for three days:")
            self.stdout.write(f"  {people.password_link(user)}")
        self.stdout.write(f"Then sign in at {absolute(reverse('account_login'))} and set up a second factor.")


def _refuse_weak(password: str) -> None:
    try:
        validate_password(password)
    except ValidationError as problem:
        raise CommandError(" ".join(problem.messages) + " Nothing was changed.") from None
