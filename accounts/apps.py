from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = "Accounts"

    def ready(self) -> None:
        from django.db.models.signals import post_migrate

        from accounts import checks, roles  # noqa: F401  (checks register themselves)

        post_migrate.connect(roles.make_groups, sender=self)
