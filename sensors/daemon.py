"""Dagster's daemon with a sensor loop that keeps up with its sensors: `python -m sensors.daemon run -w workspace.yaml`.

The daemon looks at every sensor once in 5 seconds and offers no setting for it. Our sensors wait inside their ticks, so a tick that
found work would leave the next work waiting for up to 5 s. docs/adr/0003-sensor-loop.md; a test fails when the name goes away.
"""

import dagster._daemon.sensor as sensor_daemon
from dagster._daemon.cli import main

INTERVAL = "MIN_INTERVAL_LOOP_TIME"
SENSOR_LOOP_SECONDS = 0.25


def shorten_sensor_loop() -> None:
    """Make the daemon look at the sensors every 0.25 s.

    Raises:
        AttributeError: this version of dagster keeps the interval elsewhere.
    """
    if not hasattr(sensor_daemon, INTERVAL):
        raise AttributeError(f"dagster._daemon.sensor has no {INTERVAL}; see docs/adr/0003-sensor-loop.md")
    setattr(sensor_daemon, INTERVAL, SENSOR_LOOP_SECONDS)


if __name__ == "__main__":
    shorten_sensor_loop()
    main()
