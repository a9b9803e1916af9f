"""The one private name of Dagster that we set must be there, and be what the loop reads."""

import inspect

import dagster._daemon.sensor as sensor_daemon


def test_the_daemons_loop_still_reads_the_interval_that_our_start_script_sets() -> None:
    assert isinstance(sensor_daemon.MIN_INTERVAL_LOOP_TIME, int | float)
    assert "MIN_INTERVAL_LOOP_TIME" in inspect.getsource(sensor_daemon.execute_sensor_iteration_loop)
