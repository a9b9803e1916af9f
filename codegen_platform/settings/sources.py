"""The two places where values are given: environment variables, and the YAML file of the environment."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import yaml

from codegen_platform.errors import WrongUsage
from codegen_platform.settings.names import (
    NOT_SETTINGS,
    PREFIX,
    file_variables,
    is_secret,
    known_names,
    nearest,
    section_models,
    variable_for,
    variable_names,
)
from codegen_platform.settings.origin import Given, Origin
from codegen_platform.settings.secret_files import UnusableFile, read_secret

_REFERENCE = re.compile(
    r"\$(?:(?P<escaped>\$)|\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}|(?P<bare>\{))"
)


class WrongSetting(WrongUsage):
    """A setting is unknown, malformed or missing; the sentence names the file or variable and what to write instead."""

    code = "wrong_setting"


# Every process gets them; all other secrets reach only the processes that need them, so they cannot come from a shared file.
SERVER_ADDRESSES = ("database.url", "redis.url")


def from_environment(environ: Mapping[str, str]) -> dict[str, Given]:
    """Return the settings given by environment variables; an empty variable counts as not set.

    A secret may also be in a file: `NAME_FILE` gives its path.

    Raises:
        WrongSetting: an unknown `CODEGEN_` variable, two names of one setting that disagree, or an unusable secret file.
    """
    known, files = variable_names(), file_variables()
    given: dict[str, Given] = {}
    for variable in sorted(environ, key=lambda v: (v.startswith(PREFIX), v)):
        value = environ[variable].strip()
        name = known.get(variable) or files.get(variable)
        if name is None:
            _refuse_unknown_variable(variable, [*known, *files])
        elif value:
            file = Path(value).expanduser() if variable in files or _is_key_file(name, value) else None
            value = _from_secret_file(variable, file) if file else value
            before = given.get(name)
            if before is not None and before.value != value:
                raise WrongSetting(
                    f"{before.origin} and {variable} are two names of {name} and disagree; unset one of them"
                )
            given[name] = Given(value=value, origin=Origin(kind="environment", detail=variable, secret_file=file))
    return given


def _is_key_file(name: str, value: str) -> bool:
    """Return whether the App's key was given as the path of its downloaded `.pem` file."""
    return name == "github.app_private_key" and (value.startswith(("/", "~", "./", "../")) or value.endswith(".pem"))


def _from_secret_file(variable: str, file: Path) -> str:
    try:
        return read_secret(file)
    except UnusableFile as error:
        raise WrongSetting(f"{variable} {error}") from None


def _refuse_unknown_variable(variable: str, known: Iterable[str]) -> None:
    if not variable.startswith(PREFIX) or variable.startswith(NOT_SETTINGS):
        return
    meant = nearest(variable, known)
    hint = (
        f"did you mean {meant}?" if meant else f"settings are named {PREFIX}<SECTION>__<KEY>, see docs/configuration.md"
    )
    raise WrongSetting(f"environment variable {variable} is not a setting: {hint}")


def from_file(file: Path, environ: Mapping[str, str], *, shown_as: str) -> dict[str, Given]:
    """Return the settings that a YAML file gives, with `${VAR}` and `${VAR:-default}` replaced; `$$` is a dollar sign.

    Raises:
        WrongSetting: not YAML, an unknown or repeated key, a variable that is not set, or a secret written in the file.
    """
    try:
        root = yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{shown_as}:{mark.line + 1}" if mark else shown_as
        raise WrongSetting(
            f"{place}: this is not YAML: {getattr(error, 'problem', None) or 'it is not UTF-8 text'}"
        ) from error
    except OSError as error:
        raise WrongSetting(f"{shown_as} cannot be read: {error.strerror}") from error
    if root is None:
        return {}
    if not isinstance(root, yaml.MappingNode):
        raise WrongSetting(f"{shown_as}: it must hold `section:` and `key: value` lines")
    return _Reading(environ=environ, shown_as=shown_as).settings(root)


class _Reading:
    def __init__(self, *, environ: Mapping[str, str], shown_as: str) -> None:
        self._environ = environ
        self._shown_as = shown_as
        self._given: dict[str, Given] = {}

    def settings(self, root: yaml.MappingNode) -> dict[str, Given]:
        sections = section_models()
        for key, node in self._entries(root):
            if key in sections and isinstance(node, yaml.MappingNode):
                for inner, value in self._entries(node):
                    self._take(f"{key}.{inner}", value)
            elif key in sections and not _is_empty(node):
                raise WrongSetting(f"{self._place(node)}: {key} is a section: write its keys below it, indented")
            elif key not in sections:
                self._take(key, node)
        return self._given

    def _entries(self, mapping: yaml.MappingNode) -> list[tuple[str, yaml.Node]]:
        return [(str(key.value), value) for key, value in mapping.value]

    def _place(self, node: yaml.Node) -> str:
        return f"{self._shown_as}:{node.start_mark.line + 1}"

    def _take(self, name: str, node: yaml.Node) -> None:
        place = self._place(node)
        if name not in known_names():
            meant = nearest(name, known_names())
            hint = f"did you mean {meant}?" if meant else "docs/configuration.md lists every setting"
            raise WrongSetting(f"{place}: {name} is not a setting: {hint}")
        if name in self._given:
            raise WrongSetting(f"{place}: {name} is given twice in this file")
        written = _plain(node)
        value = self._expand(written, name=name, place=place)
        if is_secret(name) and (name not in SERVER_ADDRESSES or value == written) and value not in (None, ""):
            raise WrongSetting(f"{place}: {name} is a secret: {_where_secrets_go(name)}")
        if value is not None and value != "":
            self._given[name] = Given(value=value, origin=Origin(kind="file", detail=place))

    def _expand(self, value: object, *, name: str, place: str) -> object:
        if isinstance(value, list):
            return [self._expand(item, name=name, place=place) for item in value]
        if not isinstance(value, str):
            return value

        def replacement(match: re.Match[str]) -> str:
            if match["escaped"]:
                return "$"
            if match["bare"]:
                raise WrongSetting(f"{place}: {name}: write ${{NAME}} or ${{NAME:-default}}")
            found = self._environ.get(match["name"], "")
            if not found and match["default"] is None:
                raise WrongSetting(
                    f"{place}: {name} needs the environment variable {match['name']}, which is not set; "
                    f"set it, or write ${{{match['name']}:-default}}"
                )
            return found or match["default"] or ""

        return _REFERENCE.sub(replacement, value)


def _where_secrets_go(name: str) -> str:
    if name in SERVER_ADDRESSES:
        return "put it into an environment variable and write ${VARIABLE} here"
    return f"set the environment variable {variable_for(name)} instead, which only the processes that need it are given"


def _plain(node: yaml.Node) -> object:
    return yaml.SafeLoader("").construct_object(node, deep=True)


def _is_empty(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"
