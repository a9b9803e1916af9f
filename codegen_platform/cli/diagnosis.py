"""`doctor`: what is in force and from where, and whether everything needed answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from rich.console import Console
from rich.text import Text

from codegen_platform.cli import probing, probing_servers
from codegen_platform.cli.command_settings import settings_as_they_are
from codegen_platform.cli.output import console, print_json
from codegen_platform.cli.probing import Probe, State, probe_all
from codegen_platform.cli.probing_ports import ports
from codegen_platform.local.running import platform_lock
from codegen_platform.local.running_settings import settings_of
from codegen_platform.security.visible import visible
from codegen_platform.settings import ShownSetting, differences, shown_settings

PROBES = (
    ("python", probing.python),
    ("git", probing.git),
    ("dagster", probing.dagster),
    ("home", probing.home),
    ("disk", probing.disk),
    ("ports", ports),
    ("webhook secret", probing.webhook_secret),
    ("secret files", probing.secret_files),
    ("postgresql", probing_servers.postgresql),
    ("redis", probing_servers.redis),
    ("artifacts", probing_servers.artifacts),
    ("github", probing_servers.github),
    ("model", probing_servers.model),
)

_STYLE: Mapping[State, str] = {"ok": "green", "warn": "yellow", "fail": "bold red"}


def diagnose(*, as_json: bool) -> int:
    """Print settings and probes; return 1 if a probe failed, else 0."""
    here = settings_as_they_are()
    holder = _holder(here.home)
    theirs = settings_of(holder, here.home) if holder else None
    settings = theirs or here
    shown, differing = shown_settings(settings), differences(settings, here)
    probes = probe_all(PROBES, settings)
    failed = any(probe.state == "fail" for probe in probes)
    if as_json:
        print_json(
            {
                "ok": not failed,
                "platform": {"pid": holder, "settings_are_its_own": theirs is not None} if holder else None,
                "settings": [_setting(one, differing) for one in shown],
                "probes": [_probe(one) for one in probes],
            }
        )
    else:
        out = console()
        _print_platform(out, here.home, holder, theirs is not None)
        _print_settings(out, shown)
        _print_differences(out, differing)
        _print_probes(out, probes)
    return 1 if failed else 0


def _holder(home: Path) -> int | None:
    """Return the pid of the process that runs, or is starting, a platform on the home."""
    with suppress(OSError):
        return platform_lock(home).holder()
    return None


def _print_platform(out: Console, home: Path, holder: int | None, is_known: bool) -> None:
    if holder is None:
        return
    whose = "Its settings follow." if is_known else "Its settings cannot be read; those of this shell follow."
    out.print(Text(visible(f"A platform is running on {home}: process {holder}. {whose}")), soft_wrap=True)
    out.print()


def _print_differences(out: Console, differing: Mapping[str, ShownSetting]) -> None:
    if not differing:
        return
    out.print()
    out.print(Text("Different in this shell, with no effect on the running platform", style="bold"))
    for one in differing.values():
        value = visible(one.value) if one.value is not None else "-"
        out.print(Text(f"  {one.name:36}{value:32}  from {one.origin}"), soft_wrap=True)


def _print_settings(out: Console, shown: Sequence[ShownSetting]) -> None:
    out.print(Text("In force", style="bold"))
    for one in shown:
        value = visible(one.value) if one.value is not None else "-"
        is_default = one.origin.kind == "default"
        source = f"default, {one.variable}" if is_default else f"from {one.origin}"
        out.print(
            Text.assemble(f"  {one.name:36}", f"{value:32}  ", (source, "dim" if is_default else "cyan")),
            soft_wrap=True,
        )


def _print_probes(out: Console, probes: Sequence[Probe]) -> None:
    out.print()
    out.print(Text("Probed", style="bold"))
    for probe in probes:
        out.print(
            Text.assemble(
                ("  ", ""), (f"{probe.state:5}", _STYLE[probe.state]), f"{probe.name:16}", visible(probe.found)
            ),
            soft_wrap=True,
        )
        if probe.todo:
            out.print(Text(f"{'':23}-> {visible(probe.todo)}", style=_STYLE[probe.state]), soft_wrap=True)


def _setting(one: ShownSetting, differing: Mapping[str, ShownSetting]) -> dict[str, object]:
    other = differing.get(one.name)
    return {
        "name": one.name,
        "value": one.value,
        "source": one.origin.kind,
        "from": str(one.origin),
        "variable": one.variable,
        "in_this_shell": {"value": other.value, "from": str(other.origin)} if other else None,
    }


def _probe(one: Probe) -> dict[str, object]:
    return {"name": one.name, "state": one.state, "found": one.found, "todo": one.todo}
