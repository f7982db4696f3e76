"""One settings file, driven by the environment.

DJANGO_ENV=production asks for every secret by name and refuses to start without them; anything else runs with
values that are good enough for a laptop and says so in `manage.py check --deploy`.
"""

from datetime import timedelta
from pathlib import Path

import environ
from csp.constants import NONE, SELF
from kombu import Queue
from redis.backoff import NoBackoff
from redis.retry import Retry

ROOT = Path(__file__).resolve().parent.parent
env = environ.Env()

PRODUCTION = env.str("DJANGO_ENV", default="development") == "production"
DEBUG = False  # never: its pages print addresses. Errors on a laptop stand in the console.


def required(name: str, laptop: str) -> str:
    """A value production must be given by name; `laptop` serves demo and tests."""
    return env.str(name) if PRODUCTION else env.str(name, default=laptop)


# Where things live ------------------------------------------------------------------------------------------

VAR = Path(env.str("CANDOR_VAR", default=str(ROOT / "var"))).resolve()
SITE_FOLDER = Path(env.str("SITE_FOLDER", default=str(VAR / "site")))
"""The published documents. A folder that web servers share, or that is synchronised to a bucket."""

PUBLIC_BASE_URL = required("PUBLIC_BASE_URL", "http://localhost:8000").rstrip("/")
"""Links in messages and documents are built from this, never from a request."""

SECRET_KEY = required("SECRET_KEY", "laptop-only-" + "x" * 60)
ALLOWED_HOSTS = env.list(
    "ALLOWED_HOSTS", default=[] if PRODUCTION else ["localhost", "127.0.0.1", "[::1]", "testserver"]
)
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXY_COUNT", default=0)
"""How many proxies of ours stand in front; the client's address is counted from the right of X-Forwarded-For."""

# Keys of our own. Each is `id:secret`, the first one signs, the others are still understood (rotation).
LINK_KEYS = dict(
    pair.split(":", 1) for pair in env.list("LINK_KEYS", default=[] if PRODUCTION else ["laptop:" + "l" * 43])
)
LOOKUP_KEY = required("LOOKUP_KEY", "laptop-only-lookup-key-" + "k" * 30)
"""HMAC key of the hashes by which an address is found without being shown. Changing it means re-hashing."""
INQUIRY_KEYS = dict(
    pair.split(":", 1) for pair in env.list("INQUIRY_KEYS", default=[] if PRODUCTION else ["laptop:" + "i" * 43])
)
"""Encrypt the address of whoever asks "was I affected?" until they are answered."""
INQUIRY_NEWS_FOR = timedelta(days=env.int("INQUIRY_NEWS_DAYS", default=90))
"""So long an address is kept of whoever asked to hear of a change; at the latest until the scope is final."""
INQUIRY_KEPT_FOR = timedelta(days=env.int("INQUIRY_DAYS", default=365))
"""So long the keyed hash and the outcome of an inquiry are kept."""
INQUIRIES_PER_MINUTE = env.int("INQUIRIES_PER_MINUTE", default=600)
"""Of everyone together; more are asked to come back."""
INQUIRIES_PER_NETWORK = env.int("INQUIRIES_PER_NETWORK", default=60)
"""An hour, of one network: an office may sit behind it."""

AUDIT_KEYS = env.list("AUDIT_KEYS", default=[] if PRODUCTION else ["laptop:" + "a" * 42 + "8"])
"""Ed25519, `id:seed` (32 bytes in base64) or `id:file:/path`: the first signs heads of the log and the evidence."""
AUDIT_OFFICERS = env.list("AUDIT_OFFICERS", default=[])
"""Addresses outside the portal that signed heads of the log are mailed to."""
EVIDENCE_KEPT_FOR = timedelta(hours=env.float("EVIDENCE_HOURS", default=24))
"""So long a bundle of evidence that a worker made can be downloaded."""
AUDIT_ANCHOR_DIR = env.str("AUDIT_ANCHOR_DIR", default="")
"""A folder, best one that only takes new files, that signed heads of the log are written into."""

# The apps ---------------------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "config",
    "notifications",
    "incidents",
    "accounts",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.usersessions",
    "anymail",
    "csp",
    "django_htmx",
    "ninja",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
]

MIDDLEWARE = [
    "config.webhooks.straight_to_the_door",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "config.middleware.strict_headers",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "config.middleware.readers_choose_their_language",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    "config.middleware.no_nul_in_the_admin",
    "config.middleware.redis_outage_in_words",
    "config.middleware.mail_outage_in_words",
    "accounts.single_sign_on.provider_may_be_posted_to",
    "accounts.session_limits.staff_sessions_end",
    "accounts.middleware.staff_need_a_second_factor",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "accounts.context.organisation",
            ],
        },
    },
]

# Database, broker, limits -----------------------------------------------------------------------------------

DATABASES = {"default": env.db_url("DATABASE_URL")}
DATABASES["default"].setdefault("CONN_MAX_AGE", 60)
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True

REDIS_URL = env.str("REDIS_URL")

# allauth counts its rate limits here, for all processes together. No page and no personal data is ever cached.
# One try of two seconds: a Redis that hangs would otherwise hold every thread of the web server.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "OPTIONS": {"socket_timeout": 2, "socket_connect_timeout": 2, "retry": Retry(NoBackoff(), 0)},
    }
}

CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 3600,
    "socket_timeout": 10,
    "socket_connect_timeout": 5,
}
CELERY_TASK_SEND_SENT_EVENT = False
# A worker that is told nothing works all queues; told "-Q celery", "-Q imports" or "-Q updates" it works one, so that
# neither a list of a million people nor as many who follow keep notices waiting.
CELERY_TASK_QUEUES = [Queue("celery"), Queue("imports"), Queue("updates")]
CELERY_TASK_ROUTES = {
    "incidents.tasks.work_imports": {"queue": "imports"},
    "notifications.tasks.make_evidence": {"queue": "imports"},
    "notifications.tasks.tell_followers": {"queue": "updates"},
    "notifications.tasks.answer_inquiries": {"queue": "updates"},
    "notifications.tasks.call_hooks": {"queue": "updates"},
}
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR / "celerybeat-schedule")

# Mail -------------------------------------------------------------------------------------------------------

EMAIL_BACKEND = env.str("EMAIL_BACKEND", default="notifications.smtp.PhasedBackend")
EMAIL_HOST = env.str("EMAIL_HOST", default="localhost")
EMAIL_PORT = env.int("EMAIL_PORT", default=1025)
EMAIL_HOST_USER = env.str("EMAIL_HOST_USER", default="")
EMAIL_HOST_PASSWORD = env.str("EMAIL_HOST_PASSWORD", default="")
EMAIL_USE_TLS = env.bool("EMAIL_USE_TLS", default=False)
EMAIL_USE_SSL = env.bool("EMAIL_USE_SSL", default=False)
EMAIL_TIMEOUT = env.int("EMAIL_TIMEOUT", default=20)  # seconds; None would hang a worker for ever

# A second channel, verified beforehand, for the night on which the first one is part of the breach.
SPARE_EMAIL_BACKEND = env.str("SPARE_EMAIL_BACKEND", default="")
SPARE_SENDER = env.str("SPARE_SENDER", default="")
"""From, at a domain of its own: "Example Security <security@example.net>"; empty: the organisation's."""
SPARE_EMAIL_OPTIONS = env.json("SPARE_EMAIL_OPTIONS", default={})
"""Keyword arguments of its backend: {"host": …, "username": …} for SMTP, {"api_key": …} for a provider."""
DKIM_SELECTORS = env.list("DKIM_SELECTORS", default=[])
"""Where the self-check looks for our DKIM keys; empty: at the usual places of the provider."""

ANYMAIL = {
    "WEBHOOK_SECRET": required("ANYMAIL_WEBHOOK_SECRET", "laptop:laptop-webhook-secret"),
    "MAILGUN_WEBHOOK_SIGNING_KEY": env.str(
        "MAILGUN_WEBHOOK_SIGNING_KEY", default=None if PRODUCTION else "laptop-signing-key"
    ),
    "REQUESTS_TIMEOUT": (5, 20),
    **{
        name: env.str(name)
        for name in (
            "MAILGUN_API_KEY", "MAILGUN_API_URL", "MAILGUN_SENDER_DOMAIN",
            "POSTMARK_SERVER_TOKEN", "SENDGRID_API_KEY", "BREVO_API_KEY", "RESEND_API_KEY", "RESEND_SIGNING_SECRET",
            "SENDGRID_TRACKING_WEBHOOK_VERIFICATION_KEY", "MAILERSEND_API_TOKEN", "MAILERSEND_SIGNING_SECRET",
            "MAILJET_API_KEY", "MAILJET_SECRET_KEY", "MAILTRAP_API_TOKEN", "MAILTRAP_TRACKING_SECRET",
            "MANDRILL_API_KEY", "MANDRILL_WEBHOOK_KEY", "MANDRILL_WEBHOOK_URL", "POSTAL_API_URL", "POSTAL_API_KEY",
            "POSTAL_WEBHOOK_KEY", "SCALEWAY_SECRET_KEY", "SCALEWAY_PROJECT_ID", "SPARKPOST_API_KEY",
            "UNISENDER_GO_API_KEY", "UNISENDER_GO_API_URL",
        )
        if env.str(name, default="")
    },
}  # fmt: skip

# Pace of sending. A lane is one worker's loop of windows; lanes are the concurrency.
SENDING_LANES = env.int("SENDING_LANES", default=2)
SENDING_WINDOW = env.int("SENDING_WINDOW", default=25)
"""Messages that may become `unknown` together when a worker is killed on the wire."""
SENDING_BATCHES = env.bool("SENDING_BATCHES", default=True)
"""Whether a provider that takes many recipients in a call gets them so; then a window is as large as a call."""
SENDING_PER_SECOND = env.int("SENDING_PER_SECOND", default=500)
# How long the people of an incident are kept after it was resolved, where nobody sets a date (retention.py)
RETENTION = timedelta(days=env.int("RETENTION_DAYS", default=3 * 365))
SENDING_LEASE = timedelta(seconds=env.float("SENDING_LEASE_SECONDS", default=55))
"""A killed worker's window is back, or unknown by name, within a minute. Half of the lease has to be longer than the
longest wait for one answer (EMAIL_TIMEOUT, REQUESTS_TIMEOUT)."""
LINK_LIFETIME = timedelta(days=90)
READERS_SIGN_IN = env.bool("READERS_SIGN_IN", default=True)
"""Whether anyone may sign in with a mailbox they show to be theirs, and read what was written to it."""
READERS_KEPT_FOR = timedelta(days=env.int("READERS_DAYS", default=365))
"""Who has not signed in for so long is forgotten, passkeys too: a code lets them in again."""
QUIET_AFTER = timedelta(hours=72)
"""Accepted and no bounce for this long counts as reached, where the provider reports bounces."""
PROVIDER_REPORTS_BOUNCES = env.bool("PROVIDER_REPORTS_BOUNCES", default=False)

# Bounces of our own mail server: where they come back to, and where they are read (`manage.py read_bounces`).
BOUNCE_ADDRESS = env.str("BOUNCE_ADDRESS", default="")
"""The envelope sender: each message gets its own behind a plus, or in the place of {}. Empty: From, and no reading."""
BOUNCE_IMAP_HOST = env.str("BOUNCE_IMAP_HOST", default="")
"""Read every five minutes where it is set; over TLS from the first byte, or after STARTTLS."""
BOUNCE_IMAP_PORT = env.int("BOUNCE_IMAP_PORT", default=993)
BOUNCE_IMAP_STARTTLS = env.bool("BOUNCE_IMAP_STARTTLS", default=False)
BOUNCE_IMAP_CA = env.str("BOUNCE_IMAP_CA", default="")
"""A file with the certificates of an authority of your own; empty: the system's."""
BOUNCE_IMAP_USER = env.str("BOUNCE_IMAP_USER", default="")
BOUNCE_IMAP_PASSWORD = env.str("BOUNCE_IMAP_PASSWORD", default="")
BOUNCE_IMAP_FOLDER = env.str("BOUNCE_IMAP_FOLDER", default="INBOX")
BOUNCE_IMAP_READ_FOLDER = env.str("BOUNCE_IMAP_READ_FOLDER", default="")
"""What was read is moved there; empty: it stays, marked as seen."""

WEBHOOK_NETWORKS = env.list("WEBHOOK_NETWORKS", default=[])
"""Networks of our own that webhooks may call, such as 10.1.2.0/24; all others that are not public are refused."""
WEBHOOK_CA = env.str("WEBHOOK_CA", default="")
"""A file of certificate authorities that webhooks trust beside those of the system."""
LETTER_FONT = env("LETTER_FONT", default="")
"""A TrueType file for letters by post; empty: Roboto, which knows Latin, Greek and Cyrillic."""

# Signing in -------------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/staff/"
ACCOUNT_ADAPTER = "accounts.adapters.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_PREVENT_ENUMERATION = "strict"
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 15 * 60  # seconds
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = True
ACCOUNT_SESSION_REMEMBER = True  # no box to tick: SESSION_COOKIE_AGE decides
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXY_COUNT  # the address that sessions and limits see
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if PUBLIC_BASE_URL.startswith("https") else "http"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_TOLERANCE = 1  # the code before and after count too (RFC 6238, 5.2): a tired hand types across the half minute
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not PRODUCTION  # passkeys on http://localhost
MFA_ADAPTER = "accounts.adapters.MFAAdapter"
USERSESSIONS_TRACK_ACTIVITY = True

# Single sign-on of staff by the company's own provider (OpenID Connect); none where the issuer is empty.
OIDC_ISSUER = env.str("OIDC_ISSUER", default="").rstrip("/")
OIDC_CLIENT_ID = env.str("OIDC_CLIENT_ID", default="")
OIDC_CLIENT_SECRET = env.str("OIDC_CLIENT_SECRET", default="")
OIDC_NAME = env.str("OIDC_NAME", default="single sign-on")
"""As it stands on the button: "Sign in with Example ID"."""
OIDC_ORIGINS = env.list("OIDC_ORIGINS", default=["/".join(OIDC_ISSUER.split("/")[:3])])
"""Of the provider's pages that ask who somebody is, where they are not those of the issuer."""
SOCIALACCOUNT_ADAPTER = "accounts.single_sign_on.Adapter"
SOCIALACCOUNT_EMAIL_AUTHENTICATION = True  # the provider is the company's own, and vouches for addresses
SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT = False  # nothing is kept that would open the door by itself
SOCIALACCOUNT_STORE_TOKENS = False
SOCIALACCOUNT_REQUESTS_TIMEOUT = 5  # seconds
SOCIALACCOUNT_PROVIDERS = {
    "openid_connect": {
        "OAUTH_PKCE_ENABLED": True,
        "APPS": [
            {
                "provider_id": "company",
                "name": OIDC_NAME,
                "client_id": OIDC_CLIENT_ID,
                "secret": OIDC_CLIENT_SECRET,
                "settings": {"server_url": OIDC_ISSUER},
            }
        ]
        if OIDC_ISSUER
        else [],
    }
}

HTTPS = PUBLIC_BASE_URL.startswith("https://")
SESSION_COOKIE_NAME = "__Host-session" if HTTPS else "session"
CSRF_COOKIE_NAME = "__Host-csrf" if HTTPS else "csrf"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
STAFF_SESSION_HOURS = env.int("STAFF_SESSION_HOURS", default=12)  # a night shift, whatever happens
STAFF_IDLE_MINUTES = env.int("STAFF_IDLE_MINUTES", default=60)
SESSION_COOKIE_AGE = STAFF_SESSION_HOURS * 60 * 60  # seconds
SESSION_ENGINE = "django.contrib.sessions.backends.db"  # Redis may be flushed at any moment

# Headers ----------------------------------------------------------------------------------------------------

SECURE_SSL_REDIRECT = False  # nginx redirects; an API client must see its mistake
SILENCED_SYSTEM_CHECKS = ["security.W008"]
SECURE_HSTS_SECONDS = 63_072_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXY_COUNT else None
SECURE_REFERRER_POLICY = "strict-origin"  # under no-referrer Chromium's form POST fails the CSRF check
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],  # data: is the TOTP QR code
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    },
}

# Language, time, static files -------------------------------------------------------------------------------

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "German"), ("fr", "French"), ("es", "Spanish"), ("ar", "Arabic")]
LOCALE_PATHS = [ROOT / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "/static/"
STATIC_ROOT = VAR / "static" if PRODUCTION else None  # elsewhere WhiteNoise finds them where they lie
STATICFILES_DIRS = [ROOT / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = not PRODUCTION

# Uploads are streamed into PostgreSQL and never kept as files.
FILE_UPLOAD_MAX_MEMORY_SIZE = 2_500_000  # bytes
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2_000
DATA_UPLOAD_MAX_MEMORY_SIZE = 10_000_000  # bytes, as nginx: a provider reports thousands of messages in one call

# Logs -------------------------------------------------------------------------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"redact": {"()": "config.logs.Redact"}, "once": {"()": "config.logs.OncePerWindow"}},
    "formatters": {"line": {"()": "config.logs.formatter"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["once", "redact"]}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="INFO")},
    "loggers": {
        # These repeat full paths, and a path may be a link that opens a notice.
        "django.request": {"level": "ERROR"},
        "django.server": {"level": "ERROR"},
    },
}
