"""Log lines: one per event, whatever the text in it."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from codegen_platform.log_format import configure_logging

HOSTILE = "title\x1b[2J\nfake line\r\u202egnp\x00\u2028\ud800"


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


def lines(format: str, *, level: str = "info") -> list[str]:
    stream = io.StringIO()
    configure_logging(level=level, format=format, stream=stream)
    log = structlog.get_logger()
    log.info("task.started", title=HOSTILE, parts=[HOSTILE], facts={HOSTILE: HOSTILE})
    log.debug("task.detail")
    logging.getLogger("someone.else").warning("said %s", HOSTILE)
    try:
        raise ValueError(HOSTILE)
    except ValueError:
        log.exception("task.broke")
    return stream.getvalue().split("\n")[:-1]


@pytest.mark.parametrize("format", ["console", "json"])
def test_hostile_text_and_tracebacks_stay_on_their_line_without_control_characters(format: str) -> None:
    written = lines(format)

    assert len(written) == 3
    assert all(line.isprintable() for line in written)


def test_json_lines_carry_the_fields() -> None:
    first, second, third = (json.loads(line) for line in lines("json"))

    assert (first["event"], first["level"], first["title"][:5]) == ("task.started", "info", "title")
    assert second["logger"] == "someone.else"
    assert "test_log_format.py" in third["raised"]
    assert "ValueError" in third["raised"]


def test_the_level_holds_back_what_is_below() -> None:
    assert len(lines("json", level="error")) == 1
    assert len(lines("json", level="debug")) == 4
