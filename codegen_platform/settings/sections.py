"""The sections of the settings: each key with its type, its bounds and its default."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator

from codegen_platform.artifacts.findings import Severity
from codegen_platform.settings.kinds import (
    Count,
    HostNames,
    HttpAddress,
    Languages,
    Networks,
    Port,
    PostgresAddress,
    PrivateKey,
    RedisAddress,
    Seconds,
    StorageAddress,
    Token,
    UserIds,
)


class Section(BaseModel):
    """A frozen group of settings; an unknown key in it is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, hide_input_in_errors=True)


class DatabaseSettings(Section):
    """PostgreSQL; without a URL the embedded server is started. The URL is secret because it may carry a password."""

    url: PostgresAddress | None = None
    pool_size: Annotated[int, Field(ge=1, le=100)] = 4

    @property
    def address(self) -> str | None:
        """Return the URL in the clear: to connect, never to print."""
        return self.url.get_secret_value() if self.url else None


class RedisSettings(Section):
    """Redis; without a URL the embedded server is started."""

    url: RedisAddress | None = None
    max_connections: Annotated[int, Field(ge=1, le=10_000)] = 20

    @property
    def address(self) -> str | None:
        """Return the URL in the clear: to connect, never to print."""
        return self.url.get_secret_value() if self.url else None


class ArtifactsSettings(Section):
    """Where documents are stored: `s3://bucket/prefix` or `file:///folder`; default a folder in the home."""

    url: StorageAddress
    s3_endpoint_url: HttpAddress | None = None
    s3_region: str | None = None


class GitHubSettings(Section):
    """GitHub: a token, or an App with its private key; `read_token` is for readers where `token` may also write."""

    api_url: HttpAddress = "https://api.github.com"
    webhook_secret: SecretStr | None = None
    webhook_secret_previous: SecretStr | None = None
    token: Token | None = None
    read_token: Token | None = None
    app_id: Count | None = None
    app_private_key: PrivateKey | None = None
    ignored_user_ids: UserIds = ()
    review_bots: bool = False

    @property
    def reading_token(self) -> str | None:
        """Return the token for those who only read, in the clear: `read_token`, else `token`."""
        token = self.read_token or self.token
        return token.get_secret_value() if token else None

    @property
    def private_key(self) -> str | None:
        """Return the App's private key in the clear."""
        return self.app_private_key.get_secret_value() if self.app_private_key else None

    @model_validator(mode="after")
    def _app_is_whole(self) -> GitHubSettings:
        if (self.app_id is None) != (self.app_private_key is None):
            raise ValueError("app_id and app_private_key belong together: set both or neither")
        return self


class ModelSettings(Section):
    """The model; without an API key reviews are static. `max_cost_usd` is the ceiling of one review."""

    name: Annotated[str, Field(min_length=1, max_length=128)] = "claude-sonnet-5-5"
    api_key: Token | None = None
    base_url: HttpAddress = "https://api.anthropic.com"
    timeout_seconds: Seconds = 300.0
    max_cost_usd: Annotated[float, Field(gt=0)] = 1.0


class ReviewSettings(Section):
    """What a review may say: findings below the floor or over the limit are counted, not posted."""

    severity_floor: Severity = Severity.LOW
    max_comments: Annotated[int, Field(ge=1, le=100)] = 30
    max_prompt_tokens: Annotated[int, Field(ge=1_000, le=1_000_000)] = 120_000


class AnalysisSettings(Section):
    """Resource limits of static analysis for one review; a file that exceeds them is reported as unread.

    Wall-clock seconds for the review and for one analyser on one file; CPU seconds for one analyser on one file; address space of the
    analysis process and size of one analyser's output, in MiB.
    """

    seconds: Annotated[float, Field(gt=0, le=3600)] = 300.0
    seconds_a_file: Annotated[float, Field(gt=0, le=3600)] = 30.0
    cpu_seconds_a_file: Annotated[float, Field(gt=0, le=3600)] = 5.0
    memory_mb: Annotated[int, Field(ge=512, le=1 << 20)] = 2048
    output_mb: Annotated[int, Field(ge=1, le=1024)] = 64


class GatewaySettings(Section):
    """Two listeners: `host` and `port` serve the API to this machine, the public ones only take webhooks.

    GitHub sends at most 25 MB. `X-Forwarded-For` is trusted only from `trusted_proxies`.
    """

    host: str = "127.0.0.1"
    port: Port = 8001
    public_host: str = "127.0.0.1"
    public_port: Port = 8000
    trusted_proxies: Networks = ("127.0.0.0/8", "::1/128")
    max_body_bytes: Annotated[int, Field(ge=1024, le=25 * 1024 * 1024)] = 25 * 1024 * 1024

    @model_validator(mode="after")
    def _listeners_differ(self) -> GatewaySettings:
        if self.port == self.public_port:
            raise ValueError("port and public_port must differ: otherwise the public port would serve the API")
        return self


class DagsterSettings(Section):
    """The Dagster web UI; besides loopback names, it answers only to `allowed_hosts`."""

    host: str = "127.0.0.1"
    port: Port = 3000
    allowed_hosts: HostNames = ()


class PublisherSettings(Section):
    """The publisher: a request that may have been lost is looked for after request timeout + quiet period, never repeated blindly."""

    metrics_host: str = "127.0.0.1"
    metrics_port: Port = 8002
    quiet_seconds: Annotated[float, Field(ge=0, le=3600)] = 30.0
    request_timeout_seconds: Seconds = 12.0
    lease_seconds: Seconds = 90.0

    @model_validator(mode="after")
    def _lease_covers_request(self) -> PublisherSettings:
        if self.lease_seconds <= self.request_timeout_seconds:
            raise ValueError("lease_seconds must be longer than request_timeout_seconds")
        return self


class WorkersSettings(Section):
    """The warm run workers of one process; a run that does not renew its lease for `lease_seconds` is taken over by another."""

    type: Literal["reviewer", "generator", "fixer", "validator"] = "reviewer"
    languages: Languages = ()
    platform_jobs: bool = True
    processes: Annotated[int, Field(ge=1, le=256)] = 4
    metrics_host: str = "127.0.0.1"
    metrics_port: Port = 8003
    max_tasks_per_child: Count = 50
    lease_seconds: Annotated[float, Field(ge=2, le=3600)] = 15.0
    max_attempts: Annotated[int, Field(ge=1, le=8)] = 8


class SupervisorSettings(Section):
    """The supervision of `up`: a process without a heartbeat for this long is killed and restarted."""

    silence_limit_seconds: Annotated[float, Field(ge=5, le=3600)] = 30.0


class LoggingSettings(Section):
    """`console` for people, `json` for machines."""

    level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(lambda v: str(v).lower())] = "info"
    format: Literal["console", "json"] = "console"


class FeatureFlags(Section):
    """Switches; a repository may set its own in `.codegen-platform.yaml` on its base branch."""

    advanced_code_analysis: bool = True
    multi_language_support: bool = True
    experimental_ai_features: bool = False
    enhanced_monitoring: bool = False
