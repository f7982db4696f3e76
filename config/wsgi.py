"""The one WSGI callable: published files first, Django for everything that depends on a person."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from config.site_front import front

application = front(get_wsgi_application(), settings.SITE_FOLDER, https=settings.HTTPS)
