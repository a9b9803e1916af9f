"""Reading the settings: defaults, below the YAML file of the environment, below environment variables."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from codegen_platform.settings.home_secrets import from_home
from codegen_platform.settings.names import is_secret, nearest, section_models, variable_for
from codegen_platform.settings.origin import DEFAULT, Given, Origin
from codegen_platform.settings.schema import CHECKOUT, Settings, default_home
from codegen_platform.settings.sources import WrongSetting, from_environment, from_file

CONFIG_DIR = CHECKOUT / "config" / "environments"


class _GivenSource(PydanticBaseSettingsSource):
    """Hands values with known origins to pydantic-settings, nested by section."""

    def __init__(self, settings_cls: type[BaseSettings], given: Mapping[str, Given]) -> None:
        super().__init__(settings_cls)
        self._given = given

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Return what was given for one top-level field; sections come as dictionaries."""
        return self().get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        nested: dict[str, Any] = {}
        for name, given in self._given.items():
            section, _, key = name.partition(".")
            if key:
                nested.setdefault(section, {})[key] = given.value
            else:
                nested[name] = given.value
        return nested


def load_settings(environ: Mapping[str, str] | None = None, config_dir: Path | None = None) -> Settings:
    """Read the settings of this process.

    Args:
        environ: environment variables; default the process's own.
        config_dir: folder of `<environment>.yaml` files; default `config/environments` of the checkout.

    Raises:
        WrongSetting: one sentence that names the variable, or the file and line, and what to write instead.
    """
    environ = os.environ if environ is None else environ
    folder = CONFIG_DIR if config_dir is None else config_dir
    from_variables = from_environment(environ)
    from_yaml = _environment_file(from_variables, environ, folder)
    named = (from_yaml | from_variables).get("home")
    home = Path(str(named.value)).expanduser().absolute() if named else default_home()
    from_app = from_home(home, environ)
    origins = {name: given.origin for name, given in (from_app | from_yaml | from_variables).items()}
    try:
        settings = Settings(
            _build_sources=(tuple(_GivenSource(Settings, given) for given in (from_variables, from_yaml, from_app)), {})
        )
    except ValidationError as error:
        raise _one_sentence(error, origins) from None
    settings._origins.update(origins)
    return settings


def _environment_file(given: Mapping[str, Given], environ: Mapping[str, str], folder: Path) -> dict[str, Given]:
    choice = given.get("environment")
    name = str(choice.value) if choice else "development"
    if not folder.is_dir():
        return {}
    file = folder / f"{name}.yaml"
    known = sorted(path.stem for path in folder.glob("*.yaml"))
    if name not in known:
        meant = nearest(name, known)
        hint = f"did you mean {meant}?" if meant else f"there are {', '.join(known) or 'none'}"
        raise WrongSetting(
            f"{choice.origin if choice else 'environment'}: there is no environment {name!r} in {folder}: {hint}"
        )
    shown_as = str(file.relative_to(CHECKOUT)) if file.is_relative_to(CHECKOUT) else str(file)
    values = from_file(file, environ, shown_as=shown_as)
    said = values.pop("environment", None)
    if said is not None and said.value != name:
        raise WrongSetting(f"{said.origin}: environment is chosen by CODEGEN_ENVIRONMENT, not by the file")
    return values


def _one_sentence(error: ValidationError, origins: Mapping[str, Origin]) -> WrongSetting:
    first, *more = error.errors(include_url=False, include_context=False)
    name = ".".join(str(part) for part in first["loc"][:2])
    problem = first["msg"].removeprefix("Value error, ").removeprefix("Input ")
    rest = f" (and {len(more)} more)" if more else ""
    if name in section_models():
        return WrongSetting(f"{name}: {problem}{rest}")
    origin = origins.get(name, DEFAULT)
    place = variable_for(name) if origin is DEFAULT else str(origin)
    said = "" if is_secret(name) else f", not {str(first['input'])[:80]!r}"
    return WrongSetting(f"{place}: {name} {problem}{said}{rest}")
