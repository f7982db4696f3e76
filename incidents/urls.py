"""The staff room's pages about one incident. Each group of lines belongs to one room."""

from django.urls import path

from incidents.views import (
    affected,
    affected_changes,
    affected_findings,
    affected_rules,
    affected_upload,
    affected_work,
    compare,
    decisions,
    emergency,
    guidance,
    languages,
    log,
    publish,
    redact,
    room,
    rules,
    updates,
)

app_name = "incidents"

urlpatterns = [
    # Public: any two versions of a published page
    path("compare/<slug:slug>/", compare.compare, name="compare"),
    # The room: the list, a new incident, its frame
    path("staff/", room.index, name="index"),
    path("staff/incidents/new/", room.new, name="new"),
    path("staff/<slug:slug>/edit/", room.edit, name="edit"),
    # Updates and corrections
    path("staff/<slug:slug>/updates/", updates.updates, name="updates"),
    path("staff/<slug:slug>/updates/new/", updates.new, name="update_new"),
    path("staff/<slug:slug>/updates/correct/", updates.correct, name="correction_new"),
    path("staff/<slug:slug>/updates/<int:pk>/edit/", updates.edit, name="update_edit"),
    path("staff/<slug:slug>/updates/<int:pk>/mend/", updates.mend, name="update_mend"),
    path("staff/<slug:slug>/updates/<int:pk>/delete/", updates.delete, name="update_delete"),
    # Guidance: every section of rows has the same five acts
    path("staff/<slug:slug>/guidance/", guidance.guidance, name="guidance"),
    path("staff/<slug:slug>/guidance/<slug:section>/", guidance.guidance, name="section"),
    path("staff/<slug:slug>/guidance/<slug:section>/new/", guidance.add, name="row_new"),
    path("staff/<slug:slug>/guidance/<slug:section>/<int:pk>/edit/", guidance.edit, name="row_edit"),
    path("staff/<slug:slug>/guidance/<slug:section>/<int:pk>/delete/", guidance.delete, name="row_delete"),
    path("staff/<slug:slug>/guidance/<slug:section>/<int:pk>/move/", guidance.move, name="row_move"),
    path("staff/<slug:slug>/guidance/<slug:section>/<int:pk>/hold/", guidance.hold, name="row_hold"),
    # Languages
    path("staff/<slug:slug>/languages/", languages.languages, name="languages"),
    path("staff/<slug:slug>/languages/<slug:language>/", languages.language, name="language"),
    path("staff/<slug:slug>/languages/<slug:language>/save/", languages.save, name="language_save"),
    # Decisions
    path("staff/<slug:slug>/decisions/", decisions.decisions, name="decisions"),
    path("staff/<slug:slug>/decisions/new/", decisions.new, name="decision_new"),
    # The rules of law that clocks count by: of the house, not of one incident
    path("staff/rules/", rules.rules, name="rules"),
    path("staff/rules/new/", rules.edit, name="rule_new"),
    path("staff/rules/<slug:key>/", rules.rule, name="rule"),
    path("staff/rules/<slug:key>/edit/", rules.edit, name="rule_edit"),
    # Log
    path("staff/<slug:slug>/log/", log.log, name="log"),
    # Publishing: the check, the request, the act; what the page would say, what it said
    path("staff/<slug:slug>/publish/", publish.check, name="publish"),
    path("staff/<slug:slug>/publish/ask/", publish.ask, name="publish_ask"),
    path("staff/<slug:slug>/publish/now/", publish.now, name="publish_now"),
    path("staff/<slug:slug>/publish/alone/", emergency.alone, name="publish_alone"),
    path("staff/<slug:slug>/publish/plan/", publish.plan, name="publish_plan"),
    path("staff/<slug:slug>/publish/plan/cancel/", publish.cancel_plan, name="publish_plan_cancel"),
    path("staff/<slug:slug>/preview/", publish.preview, name="preview"),
    path("staff/<slug:slug>/redact/", redact.redact, name="redact"),
    path("staff/<slug:slug>/redact/now/", redact.now, name="redact_now"),
    path("staff/<slug:slug>/versions/", publish.versions, name="versions"),
    path("staff/<slug:slug>/versions/<int:number>/", publish.version, name="version"),
    # The files that said who is affected; the list itself is in notifications, which know who was told
    path("staff/<slug:slug>/affected/imports/", affected.imports, name="affected_imports"),
    path("staff/<slug:slug>/affected/imports/new/", affected_upload.upload, name="affected_upload"),
    path("staff/<slug:slug>/affected/imports/sample.csv", affected_upload.sample, name="affected_sample"),
    path("staff/<slug:slug>/affected/imports/<int:number>/", affected.batch, name="affected_import"),
    path("staff/<slug:slug>/affected/imports/<int:number>/read-as/", affected_upload.read_as, name="affected_read_as"),
    path("staff/<slug:slug>/affected/imports/<int:number>/columns/", affected_upload.columns, name="affected_columns"),
    path("staff/<slug:slug>/affected/imports/<int:number>/confirm/", affected_work.confirm, name="affected_confirm"),
    path("staff/<slug:slug>/affected/imports/<int:number>/progress/", affected_work.progress, name="affected_progress"),
    path("staff/<slug:slug>/affected/imports/<int:number>/compare/", affected_work.compare, name="affected_compare"),
    path("staff/<slug:slug>/affected/imports/<int:number>/discard/", affected.discard, name="affected_discard"),
    path("staff/<slug:slug>/affected/imports/<int:number>/dealt-with/", affected.deal_with, name="affected_deal_with"),
    path("staff/<slug:slug>/affected/imports/<int:number>/rejected.csv", affected.rejected, name="affected_rejected"),
    path(
        "staff/<slug:slug>/affected/imports/<int:number>/findings/",
        affected_findings.findings,
        name="affected_findings",
    ),
    path(
        "staff/<slug:slug>/affected/imports/<int:number>/findings.csv",
        affected_findings.findings_csv,
        name="affected_findings_csv",
    ),
    # What happens to them after they are on the list
    path("staff/<slug:slug>/affected/imports/<int:number>/evidence/", affected_changes.cite, name="affected_cite"),
    path("staff/<slug:slug>/affected/imports/<int:number>/ask/", affected_changes.ask, name="affected_ask"),
    path("staff/<slug:slug>/affected/imports/<int:number>/undo/", affected_changes.undo, name="affected_undo"),
    path("staff/<slug:slug>/affected/<int:pk>/rule-out/", affected_changes.rule_out, name="affected_rule_out"),
    path("staff/<slug:slug>/affected/segments/", affected_rules.segment_list, name="affected_segments"),
    path("staff/<slug:slug>/affected/segments/<int:pk>/", affected_rules.segment_rule, name="segment_rule"),
    path("staff/<slug:slug>/affected/addresses/", affected_rules.address_rules, name="address_rules"),
    path("staff/<slug:slug>/affected/addresses/new/", affected_rules.address_rule_new, name="address_rule_new"),
    path(
        "staff/<slug:slug>/affected/addresses/<int:pk>/end/", affected_rules.address_rule_end, name="address_rule_end"
    ),
]
