"""The one Settings object. Where its values come from is told in `loading`."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any, Literal

from pydantic import PrivateAttr, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from codegen_platform.settings.origin import DEFAULT, Origin
from codegen_platform.settings.sections import (
    AnalysisSettings,
    ArtifactsSettings,
    DagsterSettings,
    DatabaseSettings,
    FeatureFlags,
    GatewaySettings,
    GitHubSettings,
    LoggingSettings,
    ModelSettings,
    PublisherSettings,
    RedisSettings,
    ReviewSettings,
    SupervisorSettings,
    WorkersSettings,
)


def _checkout() -> Path:
    """Return the folder with `config`, `dagster.yaml` and Dagster's four folders: the checkout, or its copy in the wheel."""
    package = Path(str(resources.files("codegen_platform")))
    carried = package / "_checkout"
    return carried if carried.is_dir() else package.parent.resolve()


CHECKOUT = _checkout()


def default_home() -> Path:
    """Return `.codegen` in the checkout, or in the working directory where the platform was installed without one."""
    return (CHECKOUT if (CHECKOUT / "pyproject.toml").is_file() else Path.cwd()) / ".codegen"


class Settings(BaseSettings):
    """All settings of one process, read once at its start by `load_settings` and never changed."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", validate_default=True, hide_input_in_errors=True)

    environment: Literal["development", "staging", "production"] = "development"
    home: Path
    database: DatabaseSettings = DatabaseSettings()
    redis: RedisSettings = RedisSettings()
    artifacts: ArtifactsSettings
    github: GitHubSettings = GitHubSettings()
    model: ModelSettings = ModelSettings()
    review: ReviewSettings = ReviewSettings()
    analysis: AnalysisSettings = AnalysisSettings()
    gateway: GatewaySettings = GatewaySettings()
    dagster: DagsterSettings = DagsterSettings()
    publisher: PublisherSettings = PublisherSettings()
    workers: WorkersSettings = WorkersSettings()
    supervisor: SupervisorSettings = SupervisorSettings()
    logging: LoggingSettings = LoggingSettings()
    features: FeatureFlags = FeatureFlags()

    _origins: dict[str, Origin] = PrivateAttr(default_factory=dict)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take constructor arguments only: the library's own sources would read `HOME` as our `home`."""
        return (init_settings,)

    @model_validator(mode="before")
    @classmethod
    def _default_places(cls, values: dict[str, Any]) -> dict[str, Any]:
        home = Path(values.get("home") or default_home()).expanduser().absolute()
        artifacts = values.get("artifacts", {})
        if isinstance(artifacts, dict) and "url" not in artifacts:
            artifacts = {**artifacts, "url": (home / "artifacts").as_uri()}
        return {**values, "home": home, "artifacts": artifacts}

    def origin_of(self, name: str) -> Origin:
        """Return where the value of a setting such as `gateway.port` came from."""
        return self._origins.get(name, DEFAULT)
