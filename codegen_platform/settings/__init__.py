"""One frozen Settings: defaults, `config/environments/*.yaml` on top, environment variables on top of that."""

from codegen_platform.settings.listing import ShownSetting, differences, shown_settings
from codegen_platform.settings.loading import load_settings
from codegen_platform.settings.origin import Origin
from codegen_platform.settings.schema import Settings
from codegen_platform.settings.sections import FeatureFlags
from codegen_platform.settings.sources import WrongSetting
from codegen_platform.settings.webhook_secret import ensure_webhook_secret

__all__ = [
    "FeatureFlags",
    "Origin",
    "Settings",
    "ShownSetting",
    "WrongSetting",
    "differences",
    "ensure_webhook_secret",
    "load_settings",
    "shown_settings",
]
