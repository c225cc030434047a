"""Django's settings, built from the checked environment in `ticketsite.config`."""

from typing import Any

import dj_database_url
import structlog

from ticketsite.admin_theme import UNFOLD as UNFOLD
from ticketsite.config import ROOT, VAR, read_config

CONFIG = read_config()

DEBUG = CONFIG.debug
SECRET_KEY = CONFIG.secret_key
LOCAL_HOSTS = ["localhost", "127.0.0.1", "[::1]"]
# In development every name of this machine is fine; HOST=0.0.0.0 must be reachable by its names.
ALLOWED_HOSTS = CONFIG.allowed_hosts or (
    ["*"] if CONFIG.host not in {"127.0.0.1", "localhost", "::1"} else LOCAL_HOSTS
)
CSRF_TRUSTED_ORIGINS = CONFIG.csrf_trusted_origins

INSTALLED_APPS = [
    "daphne",  # first, or runserver is Django's own
    "unfold",  # before the admin, whose templates it replaces
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "channels",
    "ninja",  # serves the documentation's own scripts, so that /docs works offline
    "vacancy",
    "tickets",
    "loadlab",
    "ticketsite",
]

MIDDLEWARE = [  # for the admin; the API has its own short list, see ticketsite/lean.py
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "ticketsite.middleware.content_security_policy",
    "ticketsite.middleware.no_nul_in_address",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "ticketsite.middleware.browser_zone",
]

# What stands before the API's endpoints: Django's way, but async only; see ticketsite/lean.py.
API_MIDDLEWARE = ["corsheaders.middleware.CorsMiddleware"] if CONFIG.cors_origins else []
CORS_ALLOW_ALL_ORIGINS = "*" in CONFIG.cors_origins
CORS_ALLOWED_ORIGINS = [origin for origin in CONFIG.cors_origins if origin != "*"]
CORS_ALLOW_METHODS = ("GET", "HEAD", "POST", "DELETE", "OPTIONS")
CORS_ALLOW_HEADERS = (
    "accept", "authorization", "content-type", "idempotency-key", "if-none-match", "x-request-id",
)  # fmt: skip
CORS_EXPOSE_HEADERS = (
    "ETag", "Location", "RateLimit", "RateLimit-Policy", "Retry-After", "Server-Timing",
    "X-Request-ID",
)  # fmt: skip

ROOT_URLCONF = "ticketsite.urls"
ASGI_APPLICATION = "ticketsite.asgi.application"
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
            ],
        },
    },
]


def _database(url: str) -> dict[str, Any]:
    """Return Django's settings for one database URL, with what each engine needs under load."""
    database: dict[str, Any] = {**dj_database_url.parse(url)}
    options = database.setdefault("OPTIONS", {})
    if database["ENGINE"].endswith("sqlite3"):
        # IMMEDIATE: a transaction that reads first and writes later could otherwise fail with
        # "database is locked" at once, whatever the timeout. FULL: an answered sale survives
        # a power cut.
        options |= {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
        }
        # An in-memory test database cannot be shared between threads under load.
        database["TEST"] = {"NAME": str(database["NAME"]) + ".test"}
    else:
        # The pool keeps connections, so Django must hand them back after each use.
        # A pool that cannot connect tries again after ever longer pauses, minutes at last; after
        # one second it is to give up, and whoever comes next makes it try at once.
        options["pool"] = {"min_size": 1, "max_size": 20, "timeout": 2, "reconnect_timeout": 1}
        # Statements that run for every sale are prepared at once (vacancy.trips), no others are.
        options["prepare_threshold"] = 0
        database |= {"CONN_MAX_AGE": 0, "CONN_HEALTH_CHECKS": True}
    return database


VAR.mkdir(parents=True, exist_ok=True)
DATABASES = {"default": _database(CONFIG.database_url)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

if CONFIG.redis_url:
    CHANNEL_LAYERS: dict[str, Any] = {
        "default": {
            "BACKEND": "ticketsite.layers.RedisLayer",
            # The layer waits five seconds for a message, and five is also when redis-py gives
            # up on a silent socket: without a longer limit every quiet websocket breaks.
            "CONFIG": {"hosts": [{"address": CONFIG.redis_url, "socket_timeout": 20}]},
        }
    }
    CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": CONFIG.redis_url,
        }
    }
else:
    CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

AUTHENTICATION_BACKENDS = ["ticketsite.auth.StaffBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("pt-br", "Português (Brasil)")]
LOCALE_PATHS = [ROOT / "locale"]
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = ROOT / "staticfiles"
# Hashing and compressing every file takes many seconds: the image build does it, once.
WHITENOISE_USE_FINDERS = CONFIG.development
# Otherwise an edited script is cut off at the length that it had when the server started.
WHITENOISE_AUTOREFRESH = CONFIG.development
if CONFIG.development:
    STATIC_ROOT.mkdir(exist_ok=True)  # WhiteNoise warns of a missing one at every start
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if CONFIG.development
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

SESSION_COOKIE_HTTPONLY = True
X_FRAME_OPTIONS = "DENY"
if not CONFIG.development:
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

TICKETSITE_ENV = CONFIG.env
TICKETSITE_RATE_LIMIT = CONFIG.requests_a_key
TICKETSITE_OPEN_SHORT_FORM = CONFIG.short_form_open
LOADLAB_TARGET = CONFIG.target
LOADLAB_ALLOWED_TARGETS = CONFIG.loadlab_allowed_targets or [CONFIG.target]
LOADLAB_MAX_USERS = CONFIG.loadlab_max_users
LOADLAB_MAX_RATE_PER_S = CONFIG.loadlab_max_rate_per_s
LOADLAB_MASTER_BIND = CONFIG.loadlab_master_bind
LOADLAB_MAX_DURATION_S = CONFIG.loadlab_max_duration_s
LOADLAB_RETENTION_DAYS = CONFIG.loadlab_retention_days
LOADLAB_ALLOWED_NETWORKS = CONFIG.loadlab_allowed_networks

_SHARED_PROCESSORS: list[Any] = [
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
]
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "structured": {
            "()": structlog.stdlib.ProcessorFormatter,
            "processor": structlog.processors.JSONRenderer()
            if CONFIG.log_format == "json"
            else structlog.dev.ConsoleRenderer(colors=False),
            "foreign_pre_chain": _SHARED_PROCESSORS,
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structured"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        # One line a request, or three about listening, are noise here.
        "httpx": {"level": "WARNING"},
        "daphne": {"level": "WARNING"},
    },
}
