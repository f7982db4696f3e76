"""System checks that refuse to start on a missing or unsafe value."""

from django.conf import settings
from django.core.checks import Error, Tags, register

from accounts import signing


@register(Tags.security)
def settings_are_safe(app_configs=None, **kwargs) -> list[Error]:
    problems = []
    if "*" in settings.ALLOWED_HOSTS:
        problems.append(Error("ALLOWED_HOSTS contains '*'.", hint="Name each host.", id="candor.E001"))
    if not settings.LINK_KEYS:
        problems.append(
            Error("LINK_KEYS is empty.", hint="Set LINK_KEYS=id:secret with 32 random bytes.", id="candor.E002")
        )
    if not settings.INQUIRY_KEYS:
        problems.append(
            Error("INQUIRY_KEYS is empty.", hint="Set INQUIRY_KEYS=id:secret with 32 random bytes.", id="candor.E005")
        )
    try:
        if not settings.AUDIT_KEYS:
            raise signing.NoKey("AUDIT_KEYS is empty.")
        for pair in settings.AUDIT_KEYS:
            signing.secret(pair)
    except signing.NoKey as problem:
        problems.append(Error(str(problem), hint="Set AUDIT_KEYS=id:seed: openssl rand -base64 32", id="candor.E004"))
    if settings.OIDC_ISSUER and not (settings.OIDC_CLIENT_ID and settings.OIDC_CLIENT_SECRET):
        problems.append(
            Error("OIDC_ISSUER is set without its client.", hint="Set OIDC_CLIENT_ID and OIDC_CLIENT_SECRET.",
                  id="candor.E006")
        )  # fmt: skip
    if settings.PRODUCTION and settings.OIDC_ISSUER and not settings.OIDC_ISSUER.startswith("https://"):
        problems.append(Error("OIDC_ISSUER is not https.", hint="Name it as the provider does.", id="candor.E007"))
    if not settings.EMAIL_TIMEOUT:
        problems.append(
            Error(
                "EMAIL_TIMEOUT is not set.",
                hint="Set seconds; without it a worker can hang for ever.",
                id="candor.E003",
            )
        )
    return problems
