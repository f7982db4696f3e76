"""What depends on a person. The public site is files: see config/site_front.py."""

from allauth.account.decorators import secure_admin_login
from anymail import urls as anymail_urls
from django.contrib import admin
from django.urls import include, path

from config.api import api, no_such_call
from config.health import health
from notifications import providers
from notifications.tracking.webhooks import door

admin.autodiscover()
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

# Of Anymail's many webhooks only those of providers in our table: each address is one more door.
names = {f"{adapter.name}_tracking_webhook" for adapter in providers.ADAPTERS.values() if adapter.is_anymail}
webhooks = [
    path(f"{pattern.pattern}", door(pattern.callback), name=pattern.name)
    for pattern in anymail_urls.urlpatterns
    if pattern.name in names
]

urlpatterns = [
    path("", include("accounts.urls")),
    path("", include("incidents.urls")),
    path("", include("notifications.urls")),
    path("account/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("api/", api.urls),
    path("api/<path:rest>", no_such_call),
    path("webhooks/", include((webhooks, "anymail"))),
    path("health/", health, name="health"),
]
