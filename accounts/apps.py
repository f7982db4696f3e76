from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = "Accounts"

    def ready(self) -> None:
        from django.db.models.signals import post_migrate

        from accounts import checks, roles, sign_ins  # noqa: F401  (checks and receivers register themselves)

        post_migrate.connect(roles.make_groups, sender=self)
