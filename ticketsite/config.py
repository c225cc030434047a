"""Every setting the environment may give, typed; a wrong value stops the start with a sentence."""

import os
import secrets
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

ROOT = Path(__file__).resolve().parent.parent
VAR = Path(os.environ.get("TICKETSITE_VAR") or ROOT / "var").resolve()
LARGEST_PORT = 65535
CommaList = Annotated[list[str], NoDecode]


class Config(BaseSettings):
    """The environment, checked. Field descriptions are what `.env.example` and README say."""

    model_config = SettingsConfigDict(extra="ignore", case_sensitive=True)

    env: Literal["production", "development"] = Field(
        "production", alias="TICKETSITE_ENV", description="`make run` sets `development`"
    )
    var: Path = Field(
        VAR, alias="TICKETSITE_VAR", description="folder for what this checkout makes for itself"
    )
    secret_key: str = Field(
        "", alias="SECRET_KEY", description="required in production, 32 characters or more"
    )
    debug: bool = Field(False, alias="DEBUG", description="refused in production")
    allowed_hosts: CommaList = Field(
        [], alias="ALLOWED_HOSTS", description="comma list; required in production"
    )
    csrf_trusted_origins: CommaList = Field(
        [], alias="CSRF_TRUSTED_ORIGINS", description="comma list of https:// origins"
    )
    database_url: str = Field(
        f"sqlite:///{VAR / 'ticketsite.sqlite3'}",
        alias="DATABASE_URL",
        description="`sqlite:///path` or `postgres://user:password@host:5432/name`",
    )
    redis_url: str = Field(
        "", alias="REDIS_URL", description="none: channel layer and cache live in memory"
    )
    host: str = Field("127.0.0.1", alias="HOST", description="address both servers listen on")
    port: int = Field(8000, alias="PORT", ge=1, le=LARGEST_PORT, description="web role: admin")
    api_port: int = Field(8001, alias="API_PORT", ge=1, le=LARGEST_PORT, description="api role")
    api_workers: int = Field(
        1, alias="API_WORKERS", ge=1, le=64, description="api processes; above 1 needs PostgreSQL"
    )
    log_format: Literal["console", "json"] = Field("console", alias="LOG_FORMAT")
    open_short_form: bool | None = Field(
        None,
        alias="TICKETSITE_OPEN_SHORT_FORM",
        description="purchases without a key; on in development, refused in production",
    )
    rate_limit: str | None = Field(
        None,
        alias="TICKETSITE_RATE_LIMIT",
        description="requests of one API key, as `1000/second` or `50000/minute`; 0: no limit",
    )
    cors_origins: CommaList = Field(
        [],
        alias="TICKETSITE_CORS_ORIGINS",
        description="comma list of origins whose pages may call the API; `*`: all of them",
    )
    loadlab_target: str = Field(
        "", alias="LOADLAB_TARGET", description="what runs load; default: the api role"
    )
    loadlab_allowed_targets: CommaList = Field(
        [], alias="LOADLAB_ALLOWED_TARGETS", description="comma list; default: the target alone"
    )
    loadlab_master_bind: str = Field(
        "",
        alias="LOADLAB_MASTER_BIND",
        pattern=r"^$|^[\w.*-]+:\d{1,5}$",
        description="host:port at which generator processes of other machines report",
    )
    loadlab_max_users: int = Field(1000, alias="LOADLAB_MAX_USERS", ge=1, le=100_000)
    loadlab_max_rate_per_s: int = Field(2000, alias="LOADLAB_MAX_RATE_PER_S", ge=1, le=100_000)
    loadlab_max_duration_s: int = Field(3600, alias="LOADLAB_MAX_DURATION_S", ge=1, le=86_400)
    loadlab_retention_days: int = Field(
        90,
        alias="LOADLAB_RETENTION_DAYS",
        ge=0,
        le=36_500,
        description="runs are kept so long, baselines for ever; 0 keeps all",
    )
    loadlab_allowed_networks: CommaList = Field(
        ["127.0.0.0/8", "::1/128"],
        alias="LOADLAB_ALLOWED_NETWORKS",
        description="private networks that a target's name may lead to",
    )

    @field_validator(
        "allowed_hosts",
        "csrf_trusted_origins",
        "cors_origins",
        "loadlab_allowed_targets",
        "loadlab_allowed_networks",
        mode="before",
    )
    @classmethod
    def split_commas(cls, value: object) -> object:
        """Read `a, b` as two entries."""
        if isinstance(value, str):
            return [part.strip() for part in value.split(",") if part.strip()]
        return value

    @field_validator("loadlab_allowed_networks")
    @classmethod
    def know_networks(cls, value: list[str]) -> list[str]:
        """Accept addresses and networks, as 10.0.0.0/8."""
        for entry in value:
            try:
                ip_network(entry)
            except ValueError as error:
                raise ValueError(f"must be networks as 10.0.0.0/8, not {entry!r}") from error
        return value

    @field_validator("database_url")
    @classmethod
    def know_database(cls, value: str) -> str:
        """Accept SQLite files and PostgreSQL; the URL stays out of the message for its password."""
        if not value.startswith("sqlite:///") and not _is_url(value, {"postgres", "postgresql"}):
            raise ValueError("must be sqlite:///path or postgres://user:password@host:5432/name")
        return value

    @field_validator("redis_url")
    @classmethod
    def know_redis(cls, value: str) -> str:
        """Accept none, or the forms that the Redis client knows."""
        if value and not _is_url(value, {"redis", "rediss", "unix"}):
            raise ValueError("must be redis://host:6379/0, or empty")
        return value

    @field_validator("rate_limit")
    @classmethod
    def know_rate(cls, value: str | None) -> str | None:
        """Accept the notation of the library `limits`, one limit only; empty is the default."""
        if not value or value == "0":
            return value or None
        from limits import parse_many  # here: it brings every storage, a tenth of a second's work

        try:
            [rule] = parse_many(value)
        except ValueError:
            raise ValueError("must be like 1000/second, or 0 for no limit") from None
        if rule.amount < 1:
            raise ValueError("must allow at least one request, or be 0 for no limit")
        return value

    @field_validator("loadlab_master_bind")
    @classmethod
    def know_address(cls, value: str) -> str:
        """Accept none, or a host and a port that there is."""
        if value and int(value.rpartition(":")[2]) > LARGEST_PORT:
            raise ValueError(f"must be host:port with a port up to {LARGEST_PORT}")
        return value

    @field_validator("csrf_trusted_origins")
    @classmethod
    def know_trusted(cls, value: list[str]) -> list[str]:
        """Accept what Django compares with: a scheme and a host, which may begin with *."""
        for origin in value:
            if not _is_url(origin, {"http", "https"}) or not urlsplit(origin).hostname:
                raise ValueError(f"must be like https://tickets.example.org, not {origin!r}")
        return value

    @field_validator("cors_origins")
    @classmethod
    def know_origins(cls, value: list[str]) -> list[str]:
        """Accept scheme, host and port: a browser sends no more, so more would never match."""
        for origin in value:
            parts = urlsplit(origin)
            bare = parts.hostname and f"{parts.scheme}://{parts.netloc}" == origin
            if origin != "*" and not (_is_url(origin, {"http", "https"}) and bare):
                raise ValueError(f"must be like https://shop.example.org, not {origin!r}")
        return value

    @model_validator(mode="after")
    def refuse_unsafe(self) -> Self:
        """Refuse what production must not have, and what SQLite cannot do."""
        if self.env == "production":
            self._refuse_unsafe_production()
        if self.api_workers > 1 and self.database_url.startswith("sqlite"):
            raise ValueError(
                "API_WORKERS above 1 needs PostgreSQL: SQLite is unfair between several writers. "
                "Set DATABASE_URL, or API_WORKERS=1"
            )
        self._refuse_wrong_targets("LOADLAB_TARGET", [self.target])
        self._refuse_wrong_targets("LOADLAB_ALLOWED_TARGETS", self.loadlab_allowed_targets)
        return self

    def _refuse_wrong_targets(self, setting: str, targets: list[str]) -> None:
        for target in targets:
            if not _is_url(target, {"http", "https"}) or not urlsplit(target).hostname:
                raise ValueError(f"{setting} must be http://host:port, not {target!r}")

    def _refuse_unsafe_production(self) -> None:
        if len(self.secret_key) < 32:
            raise ValueError(
                "SECRET_KEY of at least 32 characters is required in production "
                "(on your own machine: TICKETSITE_ENV=development)"
            )
        if self.debug:
            raise ValueError("DEBUG is refused in production")
        if not self.allowed_hosts:
            raise ValueError("ALLOWED_HOSTS is required in production")
        if self.open_short_form:
            raise ValueError("TICKETSITE_OPEN_SHORT_FORM is refused in production")

    @property
    def development(self) -> bool:
        """True only when the environment says so by name."""
        return self.env == "development"

    @property
    def target(self) -> str:
        """Base URL that load runs aim at, without a trailing slash."""
        host = "127.0.0.1" if self.host in {"0.0.0.0", "::", ""} else self.host  # noqa: S104
        host = f"[{host}]" if ":" in host else host
        return (self.loadlab_target or f"http://{host}:{self.api_port}").rstrip("/")

    @property
    def short_form_open(self) -> bool:
        """Whether a purchase without a key is answered."""
        return self.development if self.open_short_form is None else self.open_short_form

    @property
    def requests_a_key(self) -> str:
        """The rate limit of each API key. In development one key is often the whole load."""
        return self.rate_limit or ("100000/second" if self.development else "1000/second")


def read_config() -> Config:
    """Read the environment.

    Raises:
        SystemExit: with one sentence for each wrong setting.
    """
    try:
        config = Config()
    except ValidationError as error:
        sentences = [_sentence(item["loc"], item["msg"]) for item in error.errors()]
        raise SystemExit("ticketsite cannot start: " + "; ".join(sentences) + ".") from None
    if config.development and not config.secret_key:
        config.secret_key = development_secret()
    return config


def _is_url(value: str, schemes: set[str]) -> bool:
    try:
        parts = urlsplit(value)
        _ = parts.port  # reading it is what checks it
    except ValueError:
        return False
    return parts.scheme in schemes


def _sentence(place: tuple[int | str, ...], message: str) -> str:
    name = ".".join(str(part) for part in place)
    text = message.removeprefix("Value error, ").rstrip(".")
    return f"{name}: {text}" if name else text


def development_secret() -> str:
    """Make one secret for this checkout and keep it in an ignored file."""
    path = VAR / "secret_key"
    VAR.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(48))
    return path.read_text()
