"""The one private name of Dagster that we set must be there, and be what the loop reads."""

import inspect

import dagster._daemon.sensor as sensor_daemon

from sensors.daemon import INTERVAL


def test_the_daemons_loop_still_reads_the_interval_that_our_start_script_sets() -> None:
    assert isinstance(getattr(sensor_daemon, INTERVAL), int | float)
    assert INTERVAL in inspect.getsource(sensor_daemon.execute_sensor_iteration_loop)
