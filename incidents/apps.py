from django.apps import AppConfig


class IncidentsConfig(AppConfig):
    name = "incidents"
    verbose_name = "Incidents"

    def ready(self) -> None:
        from django.db.models.signals import post_migrate

        from incidents import obligations, templates

        post_migrate.connect(obligations.load_starter, sender=self)
        post_migrate.connect(templates.load_starter, sender=self)
