"""Telling people: the staff room's pages about notices and evidence, and what readers of a notice open."""

from django.urls import path

from notifications.views import room

app_name = "notifications"

urlpatterns = [
    # The room: overview and evidence
    path("staff/<slug:slug>/", room.overview, name="overview"),
    # Notices and mailings (NOTICES adds its lines here)
    # Readers (READER adds its lines here)
]
