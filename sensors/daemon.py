"""Dagster's daemon with a sensor loop that keeps up with its sensors: `python -m sensors.daemon workspace.yaml`.

The daemon looks at every sensor once in 5 seconds and offers no setting for it. Our sensors wait inside their ticks, so a tick that
found work would leave the next work waiting for up to 5 s. docs/adr/0003-sensor-loop.md; a test fails when the name goes away.
"""

import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import dagster._daemon.daemon as daemons
import dagster._daemon.sensor as sensor_daemon
from dagster import DagsterInstance
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster._daemon.controller import daemon_controller_from_instance
from dagster._utils.interrupts import capture_interrupts, setup_interrupt_handlers

from codegen_platform.heartbeat import beat
from codegen_platform.log_format import configure_logging
from codegen_platform.settings import load_settings

INTERVAL = "MIN_INTERVAL_LOOP_TIME"
SENSOR_LOOP = "execute_sensor_iteration_loop"
SENSOR_LOOP_SECONDS = 0.25


def shorten_sensor_loop() -> None:
    """Make the daemon look at the sensors every 0.25 s.

    Raises:
        AttributeError: this version of dagster keeps the interval elsewhere.
    """
    if not hasattr(sensor_daemon, INTERVAL):
        raise AttributeError(f"dagster._daemon.sensor has no {INTERVAL}; see docs/adr/0003-sensor-loop.md")
    setattr(sensor_daemon, INTERVAL, SENSOR_LOOP_SECONDS)


def beat_in_sensor_loop() -> None:
    """Make the sensor loop beat once per iteration: a daemon whose sensors hang is useless.

    Raises:
        AttributeError: this version of dagster keeps the loop elsewhere.
    """
    if not hasattr(daemons, SENSOR_LOOP):
        raise AttributeError(f"dagster._daemon.daemon has no {SENSOR_LOOP}; see docs/adr/0003-sensor-loop.md")
    loop = getattr(daemons, SENSOR_LOOP)

    def beating(*given: Any, **named: Any) -> Iterator[Any]:
        for step in loop(*given, **named):
            beat()
            yield step

    setattr(daemons, SENSOR_LOOP, beating)


def main(workspace: str) -> None:
    """Run the daemon until SIGTERM or Ctrl-C, with log lines like those of every other process of the platform."""
    given = load_settings().logging
    shorten_sensor_loop()
    beat_in_sensor_loop()
    setup_interrupt_handlers()
    target = WorkspaceFileTarget([workspace])
    with (
        suppress(KeyboardInterrupt),
        capture_interrupts(),
        DagsterInstance.get() as instance,
        daemon_controller_from_instance(instance, target, log_level="warning") as controller,
    ):
        configure_logging(level=given.level, format=given.format)  # after Dagster has attached handlers to its loggers
        controller.check_daemon_loop()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m sensors.daemon WORKSPACE.yaml")
    main(sys.argv[1])
