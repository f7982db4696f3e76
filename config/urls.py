"""What depends on a person. The public site is files: see config/site_front.py."""

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from config.api import api, no_such_call
from config.health import health
from config.readiness import page as readiness_page

admin.autodiscover()
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

urlpatterns = [
    path("staff/readiness/", readiness_page.page, name="readiness"),
    path("staff/readiness/look/", readiness_page.look, name="readiness_look"),
    path("", include("accounts.urls")),
    path("", include("incidents.urls")),
    path("", include("notifications.urls")),
    path("account/3rdparty/", RedirectView.as_view(pattern_name="mfa_index")),  # nothing can be connected
    path("account/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("api/", api.urls),
    path("api/<path:rest>", no_such_call),
    path("webhooks/", include("config.webhooks")),
    path("health/", health, name="health"),
]
