"""`doctor`: what is in force and from where, and whether everything needed answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.text import Text

from codegen_platform.cli import probing, probing_servers
from codegen_platform.cli.command_settings import command_settings
from codegen_platform.cli.output import console, print_json
from codegen_platform.cli.probing import Probe, State, probe_all
from codegen_platform.cli.probing_ports import ports
from codegen_platform.security.visible import visible
from codegen_platform.settings import ShownSetting, shown_settings

PROBES = (
    ("python", probing.python),
    ("git", probing.git),
    ("dagster", probing.dagster),
    ("home", probing.home),
    ("disk", probing.disk),
    ("ports", ports),
    ("webhook secret", probing.webhook_secret),
    ("postgresql", probing_servers.postgresql),
    ("redis", probing_servers.redis),
    ("artifacts", probing_servers.artifacts),
    ("github", probing_servers.github),
    ("model", probing_servers.model),
)

_STYLE: Mapping[State, str] = {"ok": "green", "warn": "yellow", "fail": "bold red"}


def diagnose(*, as_json: bool) -> int:
    """Print settings and probes; return 1 if a probe failed, else 0."""
    settings = command_settings()
    shown = shown_settings(settings)
    probes = probe_all(PROBES, settings)
    failed = any(probe.state == "fail" for probe in probes)
    if as_json:
        print_json(
            {"ok": not failed, "settings": [_setting(one) for one in shown], "probes": [_probe(one) for one in probes]}
        )
    else:
        out = console()
        _print_settings(out, shown)
        _print_probes(out, probes)
    return 1 if failed else 0


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


def _setting(one: ShownSetting) -> dict[str, object]:
    return {
        "name": one.name,
        "value": one.value,
        "source": one.origin.kind,
        "from": str(one.origin),
        "variable": one.variable,
    }


def _probe(one: Probe) -> dict[str, object]:
    return {"name": one.name, "state": one.state, "found": one.found, "todo": one.todo}
