"""Settings by environment, prefix `CARTULARY_`; what is wrong is named, secrets stay hidden."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from libs.edge.masking import is_secret, masked_text
from libs.kernel.errors import CartularyError

PREFIX = "CARTULARY_"

# Comma separated in the environment, not JSON.
List = Annotated[tuple[str, ...], NoDecode]


class SettingsInvalid(CartularyError):
    """The environment holds settings that cannot be used; each is named with its value."""

    code = "settings-invalid"
    title = "The settings are not valid"


class Settings(BaseSettings):
    """Every setting of a process; units come last in the names."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore", validate_default=True)

    home: Path = Field(
        Path("~/.local/share/cartulary"),
        description="State directory: keys, the local issuer, the local stack.",
    )
    postgres_dsn: SecretStr | None = Field(
        None,
        description="postgresql:// address with an administrator's credentials; unset: the local stack's.",
    )
    kafka_bootstrap: List = Field((), description="host:port, comma separated; unset: the local stack's.")
    ledger_rpc: List = Field((), description="JSON-RPC URLs, comma separated; unset: the local stack's.")
    ledger_contract: str | None = Field(
        None,
        pattern=r"^0x[0-9a-fA-F]{40}$",
        description="Address of EventLedger; unset: what the last deployment left.",
    )
    clickhouse_dsn: SecretStr | None = Field(None, description="ClickHouse address; unset: in process (chdb).")

    host: str = Field("127.0.0.1", min_length=1, description="Address to listen on.")
    port: int = Field(8000, ge=0, le=65_535, description="Port to listen on; 0 takes a free one.")
    instance: str = Field(
        "1", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$",
        description="Name of this process among its like; static membership in consumer groups goes by it.",
    )  # fmt: skip
    roles: List = Field((), description="Roles that this process plays, comma separated; unset: all that there are.")

    attestation_set_aside: List = Field(
        (), description="Digests of signed runs that attestation passes over, comma separated (W-13)."
    )

    issuer: str = Field(
        "cartulary-local", min_length=1,
        description="`iss` that a token must carry; the http(s) address of an OpenID provider finds its keys, too.",
    )  # fmt: skip
    audience: str = Field("cartulary", min_length=1, description="`aud` that a token must carry.")
    jwks: str | None = Field(
        None, description="JWKS of the issuer, a file or an http(s) URL; unset: the provider's, or the local issuer's."
    )
    role_claim: str = Field("role", min_length=1, description="Claim with the role, or the dotted path to it.")
    tenant_claim: str = Field("tenant", min_length=1, description="Claim with the tenant.")
    distributor_claim: str = Field("distributor", min_length=1, description="Claim with the distributor.")
    on_behalf_of_claim: str = Field("on_behalf_of", min_length=1, description="Claim with whom it acts for.")
    jwks_cache_s: float = Field(300, gt=0, le=86_400, description="Seconds after which the JWKS is read again.")
    jwks_retry_s: float = Field(
        5, ge=0, le=3_600, description="Seconds between two readings for the sake of an unknown key id."
    )
    token_leeway_s: float = Field(5, ge=0, le=300, description="Seconds by which other clocks may be off.")

    rate_subject_per_s: float = Field(200, gt=0, le=1e6, description="Requests a second of one subject.")
    rate_subject_burst: int = Field(400, ge=1, le=10_000_000, description="Requests of one subject at once.")
    rate_tenant_per_s: float = Field(1_000, gt=0, le=1e6, description="Requests a second of one tenant.")
    rate_tenant_burst: int = Field(2_000, ge=1, le=10_000_000, description="Requests of one tenant at once.")
    rate_address_per_s: float = Field(5, gt=0, le=1e6, description="Failed authentications a second of one address.")
    rate_address_burst: int = Field(50, ge=1, le=10_000_000, description="Failed authentications of one at once.")
    kek: Literal["local", "transit"] = Field(
        "local", description="Where master keys are: files under <home>/keys/kek, or a HashiCorp Vault transit engine."
    )
    transit_url: str | None = Field(None, description="Address of HashiCorp Vault, with kek=transit.")
    transit_token: SecretStr | None = Field(None, description="Its token; may encrypt, decrypt, read, rotate the key.")
    transit_key: str = Field("cartulary", pattern=r"^[A-Za-z0-9_.-]+$", description="Name of the transit key.")
    transit_mount: str = Field("transit", pattern=r"^[A-Za-z0-9_./-]+$", description="Where the engine is mounted.")

    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level logged.")
    traces: Literal["none", "console", "otlp"] = Field("none", description="Where spans go.")
    otlp_endpoint: str = Field(
        "http://127.0.0.1:4318/v1/traces", description="OTLP/HTTP address for spans, with traces=otlp."
    )

    lanes: int = Field(4, ge=1, le=64, description="Lanes of the ledger; fixed when it is deployed (W-2).")
    backlog_limit: int = Field(
        200_000,
        ge=1,
        description="Decisions that may wait for the ledger before commands get 503 (invariant 14).",
    )
    block_period_ms: int = Field(1_000, ge=10, le=60_000, description="Hint: time between two blocks.")
    default_wait_s: float = Field(10, ge=0, le=60, description="Wait for the commit without a `Prefer` header.")
    max_body_bytes: int = Field(1_000_000, ge=1_000, le=100_000_000, description="Largest request body.")
    max_document_bytes: int = Field(5_000_000, ge=1_000, le=100_000_000, description="Largest document of an investor.")
    max_json_depth: int = Field(32, ge=2, le=200, description="Deepest nesting of a JSON body.")
    screening_list: Path | None = Field(
        None, description="List file that persons are screened against; unset: nobody screens, nobody is approved."
    )
    review_days_high: int | None = Field(
        None, ge=1, le=36_500, description="Days to the next review at high risk; unset: one year (TA-I-2)."
    )
    review_days_medium: int | None = Field(
        None, ge=1, le=36_500, description="Days to the next review at medium risk; unset: three years."
    )
    review_days_low: int | None = Field(
        None, ge=1, le=36_500, description="Days to the next review at low risk; unset: five years."
    )
    retention_days: int | None = Field(
        None, ge=1, le=36_500, description="Days that a person's data is kept after the end; unset: five years."
    )
    stop_timeout_s: float = Field(30, ge=0, le=600, description="Longest graceful stop.")

    @field_validator("kafka_bootstrap", "ledger_rpc", "roles", "attestation_set_aside", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("home")
    @classmethod
    def _expand(cls, value: Path) -> Path:
        return value.expanduser()

    @field_validator("kafka_bootstrap")
    @classmethod
    def _host_and_port(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for address in value:
            host, _, port = address.rpartition(":")
            if not host or not port.isdecimal():
                raise ValueError(f"host:port expected, not {address}")
        return value

    @field_validator("ledger_rpc")
    @classmethod
    def _urls(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for address in value:
            _http_url(address)
        return value

    @field_validator("otlp_endpoint")
    @classmethod
    def _url(cls, value: str) -> str:
        return _http_url(value)

    @field_validator("issuer")
    @classmethod
    def _name_or_url(cls, value: str) -> str:
        return _http_url(value) if "://" in value else value

    @field_validator("transit_url")
    @classmethod
    def _vault_url(cls, value: str | None) -> str | None:
        return None if value is None else _http_url(value)

    @field_validator("jwks")
    @classmethod
    def _file_or_url(cls, value: str | None) -> str | None:
        return _http_url(value) if value is not None and "://" in value else value

    def plays(self, *roles: str) -> bool:
        """Whether this process plays one of these roles."""
        return not self.roles or not set(self.roles).isdisjoint(roles)

    @property
    def issuer_folder(self) -> Path:
        """Where the local issuer keeps its key and its JWKS."""
        return self.home / "issuer"

    @property
    def jwks_source(self) -> str:
        """The file or URL that tokens are verified against."""
        return self.jwks or str(self.issuer_folder / "jwks.json")

    @property
    def has_provider(self) -> bool:
        """Whether tokens come from an OpenID provider whose keys are found by its address."""
        return self.jwks is None and urlsplit(self.issuer).scheme in {"http", "https"}

    def having(self, **changed: Any) -> Settings:
        """These settings with some replaced (command line over environment); raises SettingsInvalid."""
        given = {name: getattr(self, name) for name in type(self).model_fields}
        return _checked({**given, **changed})


def _http_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("an http(s) URL expected")
    return value


def load_settings() -> Settings:
    """The settings of the environment; raises SettingsInvalid naming every variable that is wrong."""
    return _checked({})


def _checked(given: dict[str, Any]) -> Settings:
    try:
        return Settings(**given)
    except ValidationError as error:
        lines = [_finding(dict(problem), given) for problem in error.errors()]
        raise SettingsInvalid("; ".join(lines)) from None


def _finding(problem: dict[str, Any], given: dict[str, Any]) -> str:
    name = str(problem["loc"][0])
    variable = PREFIX + name.upper()
    raw = given.get(name, os.environ.get(variable, problem.get("input")))
    secret = isinstance(raw, SecretStr) or is_secret(name)
    shown = "(hidden)" if secret else masked_text(str(raw))[:200]
    return f"{variable}={shown!r}: {problem['msg']}"
