"""The sensor of docs/how-to/add-a-sensor.md does what the page says: its code and its test are taken from there."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import Any

from codegen_platform.store import Store

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "add-a-sensor.md"


def test_the_sensor_of_the_page_passes_the_test_of_the_page(store: Store) -> None:
    blocks = [
        textwrap.dedent(block)
        for block in re.findall(r"^ *```python\n(.*?)^ *```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    ]
    assert len(blocks) == 2
    module: dict[str, Any] = {"__name__": "documented"}
    for block in blocks:
        exec(compile(block, str(PAGE), "exec", dont_inherit=True), module)
    module["test_a_dead_task_is_named"](store)
