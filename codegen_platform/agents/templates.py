"""Prompts as files: text with `{{slots}}`, each of which must be filled, and nothing else filled in."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from importlib import resources

import re2
from pydantic import BaseModel

from codegen_platform.errors import CodegenError

SLOT = re2.compile(r"\{\{([a-z_]+)\}\}")


class PromptError(CodegenError):
    """A prompt file is missing, or its slots and the given values do not match."""

    code = "prompt_error"


@dataclass(frozen=True, kw_only=True, slots=True)
class Prompt:
    """One prompt file, without the newline at its end."""

    name: str
    text: str

    @property
    def slots(self) -> frozenset[str]:
        """Return the names of the slots in the text."""
        return frozenset(SLOT.findall(self.text))

    def render(self, **values: str) -> str:
        """Return the text with every slot filled; values are inserted once, so what looks like a slot in them stays text.

        Raises:
            PromptError: a slot has no value, or a value has no slot.
        """
        missing, unknown = self.slots - values.keys(), values.keys() - self.slots
        if missing or unknown:
            raise PromptError(f"prompt {self.name}: no value for {sorted(missing)}, no slot for {sorted(unknown)}")
        rendered: str = SLOT.sub(lambda slot: values[slot[1]], self.text)
        return rendered


@cache
def prompt(name: str) -> Prompt:
    """Return the prompt file of this name.

    Raises:
        PromptError: there is none.
    """
    try:
        text = (resources.files(__package__) / "prompts" / f"{name}.md").read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise PromptError(f"there is no prompt file {name}.md") from error
    return Prompt(name=name, text=text.removesuffix("\n"))


def version_of(*names: str, output: type[BaseModel]) -> str:
    """Return the hex SHA-256 of prompt files and the answer's schema: what makes two calls comparable."""
    parts = [[name, prompt(name).text] for name in sorted(names)]
    text = json.dumps([parts, output.model_json_schema()], sort_keys=True)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
