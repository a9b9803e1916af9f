"""The probe of the ports that the platform listens on."""

from __future__ import annotations

from codegen_platform.cli.probing import Probe, fail, ok
from codegen_platform.settings import Settings


def ports(settings: Settings) -> Probe:
    """Ports are free, or held by the platform of this home."""
    from codegen_platform.local.identity import listener_on
    from codegen_platform.local.platform import running
    from codegen_platform.local.ports import is_free

    wanted = {
        "gateway": (settings.gateway.host, settings.gateway.port),
        "webhooks": (settings.gateway.public_host, settings.gateway.public_port),
        "dagster": (settings.dagster.host, settings.dagster.port),
        "publisher metrics": (settings.publisher.metrics_host, settings.publisher.metrics_port),
        "worker metrics": (settings.workers.metrics_host, settings.workers.metrics_port),
    }
    shown = ", ".join(f"{port} {name}" for name, (_, port) in wanted.items())
    if running(settings.home) is not None:
        return ok("ports", f"the platform of this home is running: {shown}")
    taken = [
        f"{port} ({name}) by {listener_on(port) or 'another program'}"
        for name, (host, port) in wanted.items()
        if not is_free(port, host)
    ]
    if taken:
        return fail(
            "ports", f"in use: {', '.join(taken)}", "stop that program, or choose other ports: docs/configuration.md"
        )
    return ok("ports", f"free: {shown}")
