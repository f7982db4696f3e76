"""Anymail's view as its documentation installs it: in the project that `startproject` makes, with an empty receiver."""

from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.urls import include, path

from config.bench import deaf  # noqa: F401  (its receiver)

settings.ROOT_URLCONF = __name__
settings.MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
urlpatterns = [path("webhooks/", include("anymail.urls"))]
application = WSGIHandler()
