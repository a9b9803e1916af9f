"""The platform in real processes: all of it answers, a part that dies comes back, and nothing outlives it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest
import yaml
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from codegen_platform.heartbeat import silences
from codegen_platform.local import ports
from codegen_platform.local.environment import MARK
from codegen_platform.local.errors import AlreadyRunning, PortInUse
from codegen_platform.local.identity import Identity, marked
from codegen_platform.local.platform import Platform, RunningPlatform, running
from codegen_platform.local.shared import SharedPlaces
from codegen_platform.settings import load_settings

CHECKOUT = Path(__file__).parents[2]
PARTS = {"gateway", "publisher", "workers", "code-server", "webserver", "daemon"}
UP = """
from codegen_platform.local.platform import Platform
from codegen_platform.private_home import keep_files_private
from codegen_platform.settings import load_settings
keep_files_private()
with Platform(load_settings()) as platform:
    platform.start(lambda progress: print(progress.name, progress.state, progress.detail, flush=True))
    print("up", flush=True)
    platform.wait()
"""


class Home:
    """A home with ports of its own, on which the platform is started in another process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            "CODEGEN_HOME": str(folder),
            "CODEGEN_GATEWAY__PORT": str(ports.choose()),
            "CODEGEN_GATEWAY__PUBLIC_PORT": str(ports.choose()),
            "CODEGEN_DAGSTER__PORT": str(ports.choose()),
            "CODEGEN_PUBLISHER__METRICS_PORT": str(ports.choose()),
            "CODEGEN_WORKERS__METRICS_PORT": str(ports.choose()),
            "CODEGEN_WORKERS__PROCESSES": "1",
            "CODEGEN_SUPERVISOR__SILENCE_LIMIT_SECONDS": "10",
            "GITHUB_TOKEN": "ghp_may_write",
            "ANTHROPIC_API_KEY": "sk-costs-money",
        }
        self.supervisor: subprocess.Popen[str] | None = None

    def start(self) -> list[str]:
        """Start the platform and return what it told on the way."""
        self.supervisor = subprocess.Popen(
            (sys.executable, "-c", UP),
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(CHECKOUT), **self.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self.supervisor.stdout
        told = []
        for line in self.supervisor.stdout:
            told.append(line.strip())
            if told[-1] == "up":
                return told
        pytest.fail(self.supervisor.communicate()[1])

    def platform(self) -> RunningPlatform:
        found = running(self.folder)
        assert found
        return found

    def everything(self) -> list[Identity]:
        """Return every process that belongs to the running platform."""
        servers = [SharedPlaces(home=self.folder, name=name) for name in ("postgres", "valkey")]
        pids = [
            pid for places in servers if (state := places.read_state()) for pid in (state.keeper_pid, state.server_pid)
        ]
        return [*marked(MARK, self.platform().mark), *(found for pid in pids if (found := Identity.of(pid)))]


def eventually(holds: Callable[[], bool], *, within_seconds: float) -> bool:
    pause = threading.Event()
    for _ in range(int(within_seconds / 0.05)):
        if holds():
            return True
        pause.wait(0.05)
    return False


def get(address: str) -> str:
    with urllib.request.urlopen(address, timeout=10) as answer:
        return str(answer.read().decode())


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    home = Home(tmp_path_factory.mktemp("platform"))
    home.folder.chmod(0o755)  # as earlier releases left it
    try:
        home.told = home.start()  # type: ignore[attr-defined]
        yield home
    finally:
        if home.supervisor:
            home.supervisor.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                home.supervisor.communicate(timeout=60)
            home.supervisor.kill()


def test_every_part_is_told_of_and_answers(home: Home) -> None:
    told = home.told  # type: ignore[attr-defined]
    assert {line.split()[0] for line in told if line.endswith("ready")} == {"postgres", "valkey", "ledger", *PARTS}
    addresses = home.platform().addresses
    assert json.loads(get(f"{addresses.gateway}/readyz"))["status"] == "ready"
    assert "dagster_webserver_version" in get(f"{addresses.dagster}/server_info")
    for metrics in (addresses.publisher_metrics, addresses.worker_metrics):
        assert isinstance(get(metrics), str)


def test_nothing_in_the_home_is_open_to_other_users(home: Home) -> None:
    assert home.folder.stat().st_mode & 0o777 == 0o700
    found = [path for path in home.folder.rglob("*") if not path.is_symlink()]
    assert [str(path) for path in found if path.lstat().st_mode & 0o077] == []
    assert {"logs", "dagster", "postgres", "valkey", "run"} <= {path.name for path in home.folder.iterdir()}


def post_graphql(home: Home, query: str, **headers: str) -> int:
    address = f"{home.platform().addresses.dagster}/graphql"
    sent = {"Content-Type": "application/json", **headers}
    return httpx.post(address, content=json.dumps({"query": query}), headers=sent, timeout=30).status_code


def test_dagster_is_steered_by_its_own_pages_only(home: Home) -> None:
    dagster = home.platform().addresses.dagster
    own = {"Origin": dagster, "Sec-Fetch-Site": "same-origin"}
    assert post_graphql(home, "{ version }") == post_graphql(home, "{ version }", **own) == 200
    assert post_graphql(home, "{ version }", Origin="https://evil.example") == 403
    assert post_graphql(home, "{ version }", Host="evil.example") == 403
    stop = 'mutation { stopSensor(id: "x") { __typename } }'
    assert httpx.get(f"{dagster}/graphql", params={"query": stop}).status_code == 403
    assert httpx.post(f"{dagster}/graphql", params={"query": stop}).status_code == 403
    assert httpx.post(f"{dagster}/report_asset_materialization/code_review", json={}).status_code == 403


def test_dagsters_pages_load_with_all_that_they_name(home: Home) -> None:
    dagster = home.platform().addresses.dagster
    page = httpx.get(f"{dagster}/assets", headers={"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"})
    assert page.headers["x-frame-options"] == "SAMEORIGIN"
    scripts = re.findall(r'src="(/[^"]+\.js)"', page.text)
    assert scripts
    for script in scripts:
        assert httpx.get(f"{dagster}{script}", headers={"Sec-Fetch-Site": "same-origin"}).status_code == 200


@pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not here: .ci/system-packages.txt")
def test_a_browser_shows_dagsters_sensors_through_the_guard(home: Home, tmp_path: Path) -> None:
    """What the page shows comes by GraphQL, as the browser itself sends it."""
    options = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--virtual-time-budget=60000")
    command = ("chromium", *options, f"--user-data-dir={tmp_path}", "--dump-dom")
    address = f"{home.platform().addresses.dagster}/locations/codegen_platform/sensors"
    shown = subprocess.run((*command, address), capture_output=True, text=True, timeout=300, check=False).stdout
    assert "github_events" in shown
    assert "ready_tasks" in shown


@pytest.mark.parametrize(("origin", "is_taken"), [(None, True), ("own", True), ("https://evil.example", False)])
def test_dagsters_websocket_is_for_its_own_pages(home: Home, origin: str | None, is_taken: bool) -> None:
    dagster = home.platform().addresses.dagster
    address = f"{dagster}/graphql".replace("http://", "ws://")
    sent = {"origin": dagster if origin == "own" else origin, "subprotocols": ["graphql-ws"]}
    if not is_taken:
        with pytest.raises(InvalidStatus), connect(address, **sent):
            pass
        return
    with connect(address, **sent) as socket:
        socket.send(json.dumps({"type": "connection_init"}))
        assert json.loads(socket.recv(10)) == {"type": "connection_ack"}


def test_the_code_server_can_be_reached_by_its_owner_only(home: Home) -> None:
    process = psutil.Process(home.platform().pids["code-server"])
    assert [one for one in process.net_connections() if one.status == psutil.CONN_LISTEN] == []
    entry = yaml.safe_load((home.folder / "dagster" / "workspace.yaml").read_text())["load_from"][0]["grpc_server"]
    socket = Path(entry["socket"])
    assert socket.stat().st_mode & 0o077 == 0
    assert socket.parent.stat().st_mode & 0o077 == 0


def test_every_part_leaves_signs_of_life(home: Home) -> None:
    assert set(silences(home.folder)) == {*PARTS, "supervisor"}
    for name in silences(home.folder):
        assert eventually(lambda name=name: (silences(home.folder)[name] or 99) < 5, within_seconds=20), name  # type: ignore[misc]


def test_where_it_runs_is_known_to_others(home: Home) -> None:
    platform = home.platform()
    assert home.supervisor
    assert platform.pid == home.supervisor.pid
    assert set(platform.pids) == PARTS
    assert all(Identity.of(pid) for pid in platform.pids.values())


def test_a_second_platform_on_the_same_home_is_refused_with_pid_and_address(home: Home) -> None:
    said = rf"is already running on .* \(process {home.platform().pid}, {home.platform().addresses.dagster}\)"
    with Platform(load_settings(home.environment)) as second, pytest.raises(AlreadyRunning, match=said):
        second.start()
    assert home.platform()


def test_another_home_is_told_whose_port_it_wants(home: Home, tmp_path: Path) -> None:
    other = load_settings({**home.environment, "CODEGEN_HOME": str(tmp_path / "other")})
    pid = home.platform().pids["gateway"]
    with Platform(other) as platform, pytest.raises(PortInUse, match=rf"which gateway needs, .*\(pid {pid}\)"):
        platform.start()
    assert not (tmp_path / "other" / "postgres").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_secret_is_in_no_process_that_does_not_need_it(home: Home) -> None:
    holders: dict[str, set[str]] = {"ghp_may_write": set(), "sk-costs-money": set()}
    for name, pid in home.platform().pids.items():
        environment = Path(f"/proc/{pid}/environ").read_bytes()
        for secret, found in holders.items():
            if secret.encode() in environment:
                found.add(name)
    assert holders == {"ghp_may_write": {"publisher", "workers"}, "sk-costs-money": {"workers"}}


def test_a_part_that_is_killed_comes_back_and_its_new_pid_is_known(home: Home) -> None:
    before = home.platform().pids["gateway"]
    os.kill(before, signal.SIGKILL)
    assert eventually(lambda: home.platform().pids["gateway"] != before, within_seconds=60)
    assert json.loads(get(f"{home.platform().addresses.gateway}/readyz"))["status"] == "ready"


@pytest.mark.parametrize("name", ["code-server", "publisher"])
def test_a_part_that_is_stopped_is_killed_and_comes_back(home: Home, name: str) -> None:
    before = home.platform().pids[name]
    os.kill(before, signal.SIGSTOP)
    assert eventually(lambda: home.platform().pids[name] != before, within_seconds=90)
    assert Identity.of(before) is None
    assert set(home.platform().pids) == PARTS


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties a child to its parent")
def test_nothing_outlives_a_supervisor_that_is_killed_and_the_next_start_is_clean(home: Home) -> None:
    left = home.everything()
    assert len(left) >= len(PARTS) + 4
    assert home.supervisor
    home.supervisor.kill()
    home.supervisor.communicate()
    assert running(home.folder) is None
    home.start()
    assert not any(process.is_alive() for process in left)


def test_an_interrupt_ends_all_of_it(home: Home) -> None:
    all_of_it = home.everything()
    assert home.supervisor
    home.supervisor.send_signal(signal.SIGINT)
    _, said = home.supervisor.communicate(timeout=60)
    assert "KeyboardInterrupt" in said
    assert not any(process.is_alive() for process in all_of_it)
    assert running(home.folder) is None
