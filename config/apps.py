from django.apps import AppConfig


class ConfigConfig(AppConfig):
    name = "config"
    verbose_name = "Candor"

    def ready(self) -> None:
        # The app that the tasks of the house belong to. Not in config/__init__: whoever imports config.embedded
        # needs neither Celery nor settings.
        from config import celery  # noqa: F401
