"""The staff room's pages about one incident. Each group of lines belongs to one room."""

from django.urls import path

from incidents.views import decisions, guidance, log, room, updates

app_name = "incidents"

urlpatterns = [
    # The room: the list, a new incident, its frame
    path("staff/", room.index, name="index"),
    path("staff/incidents/new/", room.new, name="new"),
    path("staff/<slug:slug>/edit/", room.edit, name="edit"),
    # Updates and corrections
    path("staff/<slug:slug>/updates/", updates.updates, name="updates"),
    path("staff/<slug:slug>/updates/new/", updates.new, name="update_new"),
    path("staff/<slug:slug>/updates/correct/", updates.correct, name="correction_new"),
    path("staff/<slug:slug>/updates/<int:pk>/edit/", updates.edit, name="update_edit"),
    path("staff/<slug:slug>/updates/<int:pk>/delete/", updates.delete, name="update_delete"),
    # Guidance: every section of rows has the same five acts
    path("staff/<slug:slug>/guidance/", guidance.guidance, name="guidance"),
    path("staff/<slug:slug>/guidance/<slug:section>/new/", guidance.add, name="row_new"),
    path("staff/<slug:slug>/guidance/<slug:section>/<int:pk>/edit/", guidance.edit, name="row_edit"),
    path("staff/<slug:slug>/guidance/<slug:section>/<int:pk>/delete/", guidance.delete, name="row_delete"),
    path("staff/<slug:slug>/guidance/<slug:section>/<int:pk>/move/", guidance.move, name="row_move"),
    path("staff/<slug:slug>/guidance/<slug:section>/<int:pk>/hold/", guidance.hold, name="row_hold"),
    # Decisions
    path("staff/<slug:slug>/decisions/", decisions.decisions, name="decisions"),
    path("staff/<slug:slug>/decisions/new/", decisions.new, name="decision_new"),
    # Log
    path("staff/<slug:slug>/log/", log.log, name="log"),
    # Publishing, preview, versions (PUBLISH adds its lines here)
    # Affected accounts (AUDIENCE adds its lines here)
]
