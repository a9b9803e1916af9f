"""Analysers run in a process of their own: a file that hangs, crashes or bloats it costs its own coverage and nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from codegen_platform.analysis import AnalysisLimits, AnalysisOptions
from codegen_platform.analysis.analysing import analyse_with
from codegen_platform.analysis.claims import Claims
from codegen_platform.analysis.isolated import AnalysisProcess, Isolated
from codegen_platform.analysis.messages import decoded
from codegen_platform.analysis.sources import read_sources
from codegen_platform.artifacts import SkipReason
from tests.unit.analysis.poison import Poison
from tests.unit.analysis.snapshots import changed, snapshot_of

ROOT = Path(__file__).parents[2]
LIMITS = AnalysisLimits(seconds=120.0, seconds_a_file=60.0, cpu_seconds_a_file=0.5, memory_mb=1024, output_mb=16)


def run(*lines: str, limits: AnalysisLimits = LIMITS, together: bool = False) -> Claims:
    """Return what the poison says of files of these lines, named after their numbers."""
    sources, _ = read_sources(
        snapshot_of(*(changed(f"{n}.txt", f"{line}\n") for n, line in enumerate(lines))), ignore=()
    )
    with AnalysisProcess(limits) as process:
        return Isolated(Poison(reads_together=together), process).run(sources)


@pytest.mark.parametrize(
    ("poison", "reason"),
    [
        ("backtrack", SkipReason.ANALYSIS_TIMEOUT),
        ("crash", SkipReason.ANALYSIS_FAILED),
        ("grow", SkipReason.ANALYSIS_FAILED),
        ("raise", SkipReason.ANALYSIS_FAILED),
        ("flood", SkipReason.ANALYSIS_FAILED),
    ],
)
@pytest.mark.parametrize("together", [False, True], ids=["one by one", "all together"])
def test_one_poison_file_costs_its_own_coverage_only(poison: str, reason: SkipReason, together: bool) -> None:
    found = run("first", poison, "third", "fourth", together=together)

    assert [claim.title for claim in found.claims] == ["first", "third", "fourth"]
    assert found.unread == {"1.txt": reason}
    assert found.error is not None
    assert found.error.startswith("1 of 4 files not read to the end: ")


def test_several_poison_files_cost_several_processes() -> None:
    found = run("crash", "crash", "third", "crash")

    assert [claim.title for claim in found.claims] == ["third"]
    assert set(found.unread) == {"0.txt", "1.txt", "3.txt"}


def test_a_process_that_waits_without_using_its_processor_time_is_killed_too() -> None:
    limits = AnalysisLimits(seconds=120.0, seconds_a_file=0.5, cpu_seconds_a_file=60.0)

    found = run("sleep", "second", limits=limits)

    assert found.unread == {"0.txt": SkipReason.ANALYSIS_TIMEOUT}
    assert [claim.title for claim in found.claims] == ["second"]


def test_when_the_time_of_the_review_is_over_the_other_files_are_unread() -> None:
    limits = AnalysisLimits(seconds=0.5, seconds_a_file=60.0, cpu_seconds_a_file=60.0)

    found = run("sleep", "second", "third", limits=limits)

    assert found.claims == ()
    assert set(found.unread.values()) == {SkipReason.ANALYSIS_TIMEOUT}
    assert len(found.unread) == 3


def test_the_heartbeat_goes_on_while_an_analyser_holds_its_interpreter() -> None:
    beats = 0
    over = threading.Event()

    def beat() -> None:
        nonlocal beats
        while not over.wait(0.01):
            beats += 1

    heart = threading.Thread(target=beat)
    heart.start()
    run("backtrack")  # more than half a second in C
    over.set()
    heart.join()

    assert beats >= 5


def test_a_raising_analyser_is_reported_by_error_type_never_by_its_text() -> None:
    found = run("raise secret")

    assert found.error is not None
    assert "failed with ValueError" in found.error
    assert "secret" not in found.error


def test_a_review_reports_which_files_a_poisoned_analyser_did_not_read() -> None:
    with AnalysisProcess(LIMITS) as process:
        result = analyse_with(
            [Isolated(Poison(), process)],
            snapshot_of(changed("a.txt", "crash\n"), changed("b.txt", "fine\n")),
            options=AnalysisOptions(),
        )

    assert [finding.title for finding in result.findings] == ["fine"]
    assert result.tools[0].error == "1 of 2 files not read to the end: an analyser failed"


def _until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _runs(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


SPINNING = """
import sys
from tests.integration.test_isolated_analysis import run
from codegen_platform.analysis import AnalysisLimits
run("spin-and-tell " + sys.argv[1], limits=AnalysisLimits(cpu_seconds_a_file=3000.0, seconds_a_file=3000.0, seconds=3000.0))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_no_process_spins_and_no_source_remains_after_the_run_was_killed(tmp_path: Path) -> None:
    told = tmp_path / "told"
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    asking = subprocess.Popen(
        [sys.executable, "-c", SPINNING, str(told)], cwd=ROOT, env={**os.environ, "TMPDIR": str(scratch)}
    )
    try:
        _until(lambda: told.exists() and told.read_text() != "" and any(scratch.rglob("source.py")))
        spinning, folder = told.read_text().split(maxsplit=1)
        assert _runs(int(spinning))
        assert Path(folder).is_relative_to(scratch)
    finally:
        asking.send_signal(signal.SIGKILL)
        asking.wait()

    _until(lambda: not _runs(int(spinning)))
    _until(lambda: not list(scratch.iterdir()))


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_no_process_spins_after_the_fork_server_was_killed(tmp_path: Path) -> None:
    told = tmp_path / "told"
    asking = subprocess.Popen([sys.executable, "-c", SPINNING, str(told)], cwd=ROOT)
    try:
        _until(lambda: told.exists() and told.read_text() != "")
        spinning = int(told.read_text().split()[0])
        server = int(Path(f"/proc/{spinning}/stat").read_text().rpartition(")")[2].split()[1])
        os.kill(server, signal.SIGKILL)

        _until(lambda: not _runs(spinning))
        assert asking.wait(timeout=60) == 0  # the file is unread, and the review goes on
    finally:
        asking.kill()
        asking.wait()


def test_a_process_that_died_while_it_waited_costs_no_file() -> None:
    server = run("pid").claims[0].title  # the process of this review waits for the next one
    os.kill(int(server), signal.SIGKILL)
    _until(lambda: not _runs(int(server)))

    found = run("first", "pid")

    assert found.claims[0].title == "first"
    assert found.unread == {}
    assert found.claims[1].title != server


def test_a_process_is_kept_for_the_next_review() -> None:
    assert run("pid").claims[0].title == run("pid").claims[0].title


FORKING = """
import os
from codegen_platform.analysis import AnalysisOptions, analyse, warm
from codegen_platform.analysis.warming import SAMPLE

def found():
    return [finding.source for finding in analyse(SAMPLE, options=AnalysisOptions()).findings]

warm()
before = found()
if os.fork() == 0:
    os._exit(0 if found() == before and found() == before else 1)
after = found()
print(os.wait()[1], before == after, len(before) > 5)
"""


def test_a_process_and_its_fork_share_the_server_but_not_its_children() -> None:
    done = subprocess.run([sys.executable, "-c", FORKING], cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "0 True True"


def test_analysis_in_a_daemonic_process_is_allowed() -> None:
    """Celery's workers are daemonic, and multiprocessing forbids those to have children."""
    script = (
        "import multiprocessing\n"
        "from codegen_platform.analysis import AnalysisOptions, analyse\n"
        "from codegen_platform.analysis.warming import SAMPLE\n"
        "child = multiprocessing.get_context('fork').Process("
        "target=lambda: analyse(SAMPLE, options=AnalysisOptions()), daemon=True)\n"
        "child.start(); child.join(); print(child.exitcode)\n"
    )

    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "0"


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"null",
        b'{"claims": 1}',
        b'{"claims": [], "error": 1, "unread": {}}',
        b'{"claims": [[9, 1, 1, "r", "w", "low", "bug", "t", "b", null, false, []]], "error": null, "unread": {}}',
        b'{"claims": [[0, "1", 1, "r", "w", "low", "bug", "t", "b", null, false, []]], "error": null, "unread": {}}',
        b'{"claims": [[0, 1, 1, "r", "w", "worst", "bug", "t", "b", null, false, []]], "error": null, "unread": {}}',
        b'{"claims": [], "error": null, "unread": {"0": "tired"}}',
        b"[" * 100_000,
    ],
)
def test_nonsense_from_the_process_is_refused(said: bytes) -> None:
    sources, _ = read_sources(snapshot_of(changed("a.txt", "x\n")), ignore=())

    with pytest.raises(ValueError):
        decoded(said, sources)
