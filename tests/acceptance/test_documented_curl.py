"""docs/how-to/drive-tasks-with-curl.md, done as it is written: by bash and curl, on the platform that runs."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.acceptance.conftest import CHECKOUT, RunningPlatform
from tests.acceptance.test_whole_way import seed
from tests.shell_tools import PATH, needs_shell_tools

pytestmark = needs_shell_tools

PAGE = CHECKOUT / "docs" / "how-to" / "drive-tasks-with-curl.md"
BLOCK = re.compile(r"^```sh\n(.*?)^```\n(?:```text\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL)
END = "-- end of a block --"
WHOLE_WAY_SECONDS = 180


def blocks() -> list[tuple[str, str]]:
    """Return what is typed and what is printed then, block by block."""
    return [(script, printed or "") for script, printed in BLOCK.findall(PAGE.read_text(encoding="utf-8"))]


@pytest.fixture(scope="module")
def printed(platform: RunningPlatform, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What each block of the page prints, all of them typed into one shell."""
    for number in (123, 124):
        seed(platform, "shop", number)
    session = "set -eu -o pipefail\n" + "".join(f"{script}echo '{END}'\n" for script, _ in blocks())
    ended = subprocess.run(
        ["bash", "-c", session],
        cwd=tmp_path_factory.mktemp("session"),
        env={"PATH": PATH, "CODEGEN_API": f"{platform.gateway}/api/v1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=WHOLE_WAY_SECONDS,
    )
    assert ended.returncode == 0, (ended.stdout, ended.stderr)
    return ended.stdout.split(f"{END}\n")[:-1]


@pytest.mark.parametrize("place", range(len(blocks())))
def test_a_block_of_the_page_prints_what_the_page_says(printed: list[str], place: int) -> None:
    assert printed[place] == blocks()[place][1]


def test_the_page_goes_the_whole_way_of_a_task(printed: list[str]) -> None:
    assert "complete\npending\nin_progress\nvalidation\ncomplete\n" in printed
