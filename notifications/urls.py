"""Telling people: the staff room's pages about notices and evidence, and what readers of a notice open."""

from django.urls import path, re_path

from notifications.links import TOKEN_LENGTH
from notifications.views import (
    affected,
    evidence,
    exports,
    inquiries,
    links,
    mailings,
    notice_texts,
    notices,
    pace,
    person,
    previews,
    reader,
    records,
    room,
    self_checks,
    settling,
    stopping,
    subscriptions,
    sums,
    your_notices,
)

app_name = "notifications"

urlpatterns = [
    # The affected accounts: all of them, some of them, one at a time
    path("staff/look-up/", person.look_up, name="look_up"),
    path("staff/<slug:slug>/affected/", affected.affected, name="affected"),
    path("staff/<slug:slug>/affected/look-up/", affected.look_up, name="affected_look_up"),
    path("staff/<slug:slug>/affected/export/", exports.ask, name="export_new"),
    path("staff/<slug:slug>/affected/exports/<int:pk>/", exports.export, name="export"),
    path("staff/<slug:slug>/affected/exports/<int:pk>/download/", exports.download, name="export_download"),
    path("staff/<slug:slug>/affected/<int:pk>/", person.account, name="affected_account"),
    path("staff/<slug:slug>/affected/<int:pk>/record/", person.record, name="affected_record"),
    path(
        "staff/<slug:slug>/affected/<int:pk>/record/<int:record>/take-back/", person.take_back, name="record_take_back"
    ),
    path("staff/<slug:slug>/affected/<int:pk>/links/<int:link>/revoke/", links.revoke, name="link_revoke"),
    path("staff/<slug:slug>/links/", links.revoke_all, name="links"),
    path("staff/<slug:slug>/records/", records.upload, name="record_upload"),
    path("staff/<slug:slug>/records/<int:pk>/", records.file, name="record_file"),
    path("staff/<slug:slug>/records/<int:pk>/put-away/", records.put_away, name="record_put_away"),
    path("staff/<slug:slug>/unreached/", person.unreached, name="unreached"),
    # The whole house
    path("staff/sending/", stopping.sending, name="sending"),
    path("staff/followers/", subscriptions.followers, name="followers"),
    path("staff/followers/look-up/", subscriptions.look_up, name="followers_look_up"),
    path("staff/followers/<int:pk>/pause/", subscriptions.pause, name="followers_pause"),
    path("staff/followers/<int:pk>/resume/", subscriptions.resume, name="followers_resume"),
    path("staff/sending/stop/", stopping.stop, name="sending_stop"),
    path("staff/sending/lift/", stopping.lift, name="sending_lift"),
    # The room: overview and evidence
    path("staff/<slug:slug>/", room.overview, name="overview"),
    path("staff/<slug:slug>/evidence/", evidence.evidence, name="evidence"),
    path("staff/<slug:slug>/evidence/progress/", evidence.progress, name="evidence_progress"),
    path("staff/<slug:slug>/evidence/ask/", evidence.ask, name="evidence_ask"),
    path("staff/<slug:slug>/evidence/<int:pk>/download/", evidence.download, name="evidence_download"),
    path("staff/<slug:slug>/evidence/verify/", evidence.verify, name="evidence_verify"),
    # Notices: the text
    path("staff/<slug:slug>/notices/", notices.notices, name="notices"),
    path("staff/<slug:slug>/notices/new/", notices.write, name="notice_new"),
    path("staff/<slug:slug>/notices/<int:pk>/", previews.preview, name="notice_preview"),
    path("staff/<slug:slug>/notices/<int:pk>/html/", previews.preview_html, name="notice_html"),
    path("staff/<slug:slug>/notices/<int:pk>/look-up/", self_checks.look_up, name="notice_look_up"),
    path("staff/<slug:slug>/notices/<int:pk>/variants/", previews.variants, name="notice_variants"),
    path("staff/<slug:slug>/notices/<int:pk>/texts/new/", notice_texts.write, name="notice_text_new"),
    path("staff/<slug:slug>/notices/<int:pk>/texts/<str:language>/", notice_texts.edit, name="notice_text"),
    path("staff/<slug:slug>/notices/<int:pk>/texts/<str:language>/drop/", notice_texts.drop, name="notice_text_drop"),
    path("staff/<slug:slug>/notices/<int:pk>/edit/", notices.edit, name="notice_edit"),
    path("staff/<slug:slug>/notices/<int:pk>/test/", notices.test, name="notice_test"),
    path("staff/<slug:slug>/notices/<int:pk>/prepare/", notices.prepare, name="notice_prepare"),
    # Inquiries: who asked, and which texts answer
    path("staff/<slug:slug>/inquiries/", inquiries.inquiries, name="inquiries"),
    path("staff/<slug:slug>/inquiries/draft/", inquiries.draft, name="inquiries_draft"),
    path("staff/<slug:slug>/inquiries/ask/", inquiries.ask, name="inquiries_ask"),
    path("staff/<slug:slug>/inquiries/use/", inquiries.put_to_use, name="inquiries_use"),
    path("staff/<slug:slug>/inquiries/pause/", inquiries.pause, name="inquiries_pause"),
    path("staff/<slug:slug>/inquiries/resume/", inquiries.resume, name="inquiries_resume"),
    path("staff/<slug:slug>/inquiries/switch/", inquiries.switch, name="inquiries_switch"),
    path("staff/<slug:slug>/inquiries/<slug:case>/<slug:language>/", inquiries.text, name="inquiry_text"),
    # Mailings: who gets it
    path("staff/<slug:slug>/mailings/<int:number>/", mailings.mailing, name="mailing"),
    path("staff/<slug:slug>/mailings/<int:number>/progress/", mailings.progress, name="mailing_progress"),
    path("staff/<slug:slug>/mailings/<int:number>/ask/", mailings.ask, name="mailing_ask"),
    path("staff/<slug:slug>/mailings/<int:number>/start/", mailings.start, name="mailing_start"),
    path("staff/<slug:slug>/mailings/<int:number>/how/", pace.how, name="mailing_how"),
    path("staff/<slug:slug>/mailings/<int:number>/schedule/", pace.schedule, name="mailing_schedule"),
    path("staff/<slug:slug>/mailings/<int:number>/rest/", pace.rest, name="mailing_rest"),
    path("staff/<slug:slug>/mailings/<int:number>/move/", pace.move, name="mailing_move"),
    path("staff/<slug:slug>/mailings/<int:number>/pause/", mailings.pause, name="mailing_pause"),
    path("staff/<slug:slug>/mailings/<int:number>/resume/", mailings.resume, name="mailing_resume"),
    path("staff/<slug:slug>/mailings/<int:number>/cancel/", mailings.cancel, name="mailing_cancel"),
    path("staff/<slug:slug>/mailings/<int:number>/recipients/", mailings.recipients, name="mailing_recipients"),
    path("staff/<slug:slug>/mailings/<int:number>/people/", sums.people, name="mailing_people"),
    path("staff/<slug:slug>/mailings/<int:number>/unreachable/", mailings.unreachable, name="mailing_unreachable"),
    path("staff/<slug:slug>/mailings/<int:number>/unknown/", settling.unknown, name="mailing_unknown"),
    path(
        "staff/<slug:slug>/mailings/<int:number>/unknown/settle/",
        settling.settle_unknown,
        name="mailing_settle_unknown",
    ),
    # The reader. Only what looks like a token is taken for one; every other shape is a 404.
    re_path(rf"^notice/(?P<token>[A-Za-z0-9_-]{{{TOKEN_LENGTH}}})/\Z", reader.neutral, name="neutral"),
    re_path(rf"^notice/(?P<token>[A-Za-z0-9_-]{{{TOKEN_LENGTH}}})/fresh/\Z", reader.fresh_link, name="fresh_link"),
    path("notice/fresh/", reader.fresh_link_asked, name="fresh_link_asked"),
    path("notice/", reader.notice, name="notice"),
    path("notice/steps/", reader.steps, name="steps"),
    path("notice/read/", reader.acknowledge, name="acknowledge"),
    path("notice/page/", reader.full_page, name="full_page"),
    path("notice/close/", reader.close, name="close"),
    path("genuine/", reader.genuine, name="genuine"),
    # Behind sign-in
    path("your-notices/", your_notices.your_notices, name="your_notices"),
    path("your-notices/sign-in/", your_notices.sign_in, name="sign_in"),
    path("your-notices/code/", your_notices.code, name="sign_in_code"),
    path("your-notices/open/", your_notices.open_notice, name="open_notice"),
    path("your-notices/sign-out/", your_notices.sign_out, name="sign_out"),
    # Was I affected?
    path("inquiry/<slug:slug>/", inquiries.inquire, name="inquiry"),
    path("inquiry/<slug:slug>/<slug:language>/", inquiries.inquire, name="inquiry_in"),
    path("inquiry/<slug:slug>/<slug:language>/sent/", inquiries.sent, name="inquiry_sent"),
    # Following by mail
    path("follow/", subscriptions.follow, name="follow"),
    path("follow/asked/", subscriptions.asked, name="follow_asked"),
    path("follow/confirmed/", subscriptions.confirmed, name="follow_confirmed"),
    re_path(
        rf"^follow/confirm/(?P<token>[A-Za-z0-9_-]{{{TOKEN_LENGTH}}})/\Z", subscriptions.confirm, name="follow_confirm"
    ),
    re_path(rf"^follow/end/(?P<token>[A-Za-z0-9_-]{{{TOKEN_LENGTH}}})/\Z", subscriptions.end, name="follow_end"),
    path("follow/<slug:slug>/", subscriptions.follow, name="follow_incident"),
]
