from django.urls import path

from accounts import views, views_reviews, views_single_sign_on, views_tokens

app_name = "accounts"

urlpatterns = [
    path("staff/approvals/", views.approval_list, name="approvals"),
    path("staff/approvals/<int:pk>/answer/", views.answer, name="answer"),
    path("staff/approvals/<int:pk>/review/", views_reviews.review, name="review"),
    path("staff/people/", views.people_list, name="people"),
    path("staff/people/<int:pk>/", views.person, name="person"),
    path("staff/people/<int:pk>/invite/", views.invite_again, name="invite_again"),
    path("staff/people/<int:pk>/close/", views.close, name="close"),
    path("staff/people/<int:pk>/reopen/", views.reopen, name="reopen"),
    path("staff/tokens/", views_tokens.token_list, name="tokens"),
    path("staff/tokens/new/", views_tokens.make_token, name="token_new"),
    path("staff/tokens/<int:pk>/revoke/", views_tokens.revoke_token, name="token_revoke"),
    path("staff/single-sign-on/", views_single_sign_on.switch, name="single_sign_on"),
    path("staff/organisation/", views.our_organisation, name="organisation"),
    path("staff/organisation/<int:pk>/carry-out/", views.carry_out, name="carry_out"),
    path("staff/log/", views.whole_log, name="log"),
    path("staff/log/verify/", views.verify_log, name="verify_log"),
]
