"""All settings. Environment only (TOPSPIN_*); a wrong value fails loudly; cross-checks are system checks (annotator.checks)."""

from __future__ import annotations

import os
import secrets
import sqlite3
from pathlib import Path

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
VERSION = "0.1.0"

# -- Where things lie -------------------------------------------------------------------------------------------------
DATA = Path(env.str("TOPSPIN_DATA", str(BASE_DIR / "data"))).resolve()
DATA.mkdir(mode=0o700, parents=True, exist_ok=True)
MEDIA_ROOT = DATA / "media"
RUNS_ROOT = DATA / "runs"
DATASETS_ROOT = DATA / "datasets"


def _secret_key() -> str:
    """The key of this site, made at the first start and kept in a file only its owner reads."""
    if given := env.str("TOPSPIN_SECRET_KEY", ""):
        return str(given)
    path = DATA / "secret_key"
    if not path.exists():
        try:
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            pass
        else:
            with os.fdopen(fd, "w") as file:
                file.write(secrets.token_urlsafe(48))
    key = path.read_text().strip()
    if len(key) < 32:
        raise ImproperlyConfigured(f"{path} is too short to be a secret key; delete it and start again")
    return key


SECRET_KEY = _secret_key()
DEBUG = env.bool("TOPSPIN_DEBUG", False)
ALLOWED_HOSTS = env.list("TOPSPIN_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("TOPSPIN_ORIGINS", default=[])
HTTPS = env.bool("TOPSPIN_HTTPS", False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_AGE = 12 * 3600
SECURE_REFERRER_POLICY = "same-origin"
SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
if HTTPS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_621_440
FILE_UPLOAD_PERMISSIONS = 0o600

# -- What the product does (docs/operating.md lists these) -------------------------------------------------------------
PRESET = env.str("TOPSPIN_PRESET", "cpu")  # a preset of mlcore.train: tiny (tests), cpu, published, context
FLOW = env.str("TOPSPIN_FLOW", "dis")  # dis-ultrafast, dis-fast, dis, deepflow, farneback
PREPARE_RATE = env.float("TOPSPIN_PREPARE_RATE", 30.0)  # Hz, pictures kept by mlcore.prepare; 120 for the published preset
BLIND_SHARE = env.float("TOPSPIN_BLIND_SHARE", 0.15)
BLIND_AFTER = env.int("TOPSPIN_BLIND_AFTER", 5)  # the first videos of a site are never drawn blind
RETRAIN_NEW = env.int("TOPSPIN_RETRAIN_NEW", 20)  # the schedule retrains when so many new decisions are there
RETRAIN_CRON = env.str("TOPSPIN_RETRAIN_CRON", "0 2 * * *")
RETRAIN_MAX_MINUTES = env.float("TOPSPIN_RETRAIN_MAX_MINUTES", 240.0)
UPLOAD_MAX_BYTES = env.int("TOPSPIN_UPLOAD_MAX_GB", 8) * 1024**3
UPLOADS_OPEN = env.int("TOPSPIN_UPLOADS_OPEN", 3)  # files that one person may have on the way at once
DURATION_MAX_S = env.int("TOPSPIN_DURATION_MAX_MINUTES", 240) * 60
DISK_RESERVE_BYTES = env.int("TOPSPIN_DISK_RESERVE_MB", 2048) * 1024**2
SLOTS = {"probe": 1, "cpu": env.int("TOPSPIN_CPU_SLOTS", 1), "gpu": 1}
DEVICE = env.str("TOPSPIN_DEVICE", "auto")

# -- Django -------------------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "django_q",
    "csp",
    "strokes",
    "annotator",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "annotator.urls"
WSGI_APPLICATION = "annotator.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# -- Database -------------------------------------------------------------------------------------------------------------
SQLITE_VERSION = sqlite3.sqlite_version_info


def wal_safe(version: tuple[int, ...]) -> bool:
    """Whether this SQLite is free of the WAL-reset fault (fixed in 3.51.3, 3.50.7, 3.44.6)."""
    return version >= (3, 51, 3) or (3, 50, 7) <= version < (3, 51) or (3, 44, 6) <= version < (3, 45)


if env.str("TOPSPIN_DATABASE_URL", ""):
    DATABASES = {"default": env.db_url("TOPSPIN_DATABASE_URL")}
else:
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": DATA / "db.sqlite3",
            "ATOMIC_REQUESTS": False,
            "CONN_MAX_AGE": None,
            "OPTIONS": {
                "timeout": 20,
                "transaction_mode": "IMMEDIATE",
                "init_command": (
                    f"PRAGMA journal_mode={'WAL' if wal_safe(SQLITE_VERSION) else 'TRUNCATE'};"
                    "PRAGMA synchronous=FULL;PRAGMA wal_autocheckpoint=1000;PRAGMA journal_size_limit=67108864;"
                    "PRAGMA cache_size=-20000;PRAGMA temp_store=MEMORY;"
                    "PRAGMA trusted_schema=OFF;PRAGMA cell_size_check=ON;PRAGMA secure_delete=ON;"
                ),
            },
            "TEST": {"NAME": env.str("TOPSPIN_TEST_DB", str(DATA / "test.sqlite3"))},
        }
    }

# -- Queue (docs/decisions/0002-jobs.md says why long work is not in it) -----------------------------------------------------
Q_CLUSTER = {
    "name": "topspin",
    "orm": "default",
    "workers": 1,
    "queue_limit": 1,
    "bulk": 1,
    "timeout": 120,
    "retry": 600,
    "max_attempts": 1,
    "ack_failures": True,
    "recycle": 50,
    "poll": 1.0,
    "save_limit": 500,
    "catch_up": False,
    "guard_cycle": 0.5,
    "daemonize_workers": True,
    "compress": False,
    "time_zone": "UTC",
    "log_level": "WARNING",
}

# -- People and languages ------------------------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("fr", _("French"))]
LOCALE_PATHS = [BASE_DIR / "annotator" / "locale"]
USE_TZ = True
TIME_ZONE = env.str("TOPSPIN_TIME_ZONE", "UTC")
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "library"
LOGOUT_REDIRECT_URL = "sign-in"
SENDS_MAIL = bool(env.str("TOPSPIN_MAIL_URL", ""))  # smtp+tls://user:password@host:587; without it nothing is ever sent
if SENDS_MAIL:
    vars().update(env.email_url("TOPSPIN_MAIL_URL"))
    DEFAULT_FROM_EMAIL = env.str("TOPSPIN_MAIL_FROM")
PASSWORD_RESET_TIMEOUT = 3 * 24 * 3600
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

# -- Static files and policy ---------------------------------------------------------------------------------------------------
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = DATA / "staticfiles"
STATIC_ROOT.mkdir(exist_ok=True)
WHITENOISE_USE_FINDERS = True  # plain `runserver` serves them without collectstatic
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "annotator.staticfiles.HashedModules"
    },
}
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:", "blob:"],
        "media-src": [SELF],
        "worker-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}

# -- API ---------------------------------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_PERMISSION_CLASSES": ["annotator.access.DenyAll"],
    "DEFAULT_AUTHENTICATION_CLASSES": ["annotator.access.SessionAuthentication"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "annotator.messages.api_exception",
    "DEFAULT_PAGINATION_CLASS": None,
}
SPECTACULAR_SETTINGS = {"TITLE": "Topspin", "VERSION": "1", "SERVE_INCLUDE_SCHEMA": False}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": env.str("TOPSPIN_LOG", "WARNING")},
}
