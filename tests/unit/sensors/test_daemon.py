"""The one private name of Dagster that we set must be there, and be what the loop reads."""

import inspect

import dagster._daemon.daemon as daemons
import dagster._daemon.sensor as sensor_daemon
import dagster_webserver.cli as webserver

from resources.webserver import LOGGERS, MAKER
from sensors.daemon import INTERVAL, SENSOR_LOOP


def test_the_daemons_loop_still_reads_the_interval_that_our_start_script_sets() -> None:
    assert isinstance(getattr(sensor_daemon, INTERVAL), int | float)
    assert INTERVAL in inspect.getsource(sensor_daemon.execute_sensor_iteration_loop)


def test_the_daemon_still_runs_the_loop_in_which_our_start_script_leaves_signs_of_life() -> None:
    assert inspect.isgeneratorfunction(getattr(daemons, SENSOR_LOOP))
    assert SENSOR_LOOP in inspect.getsource(daemons.SensorDaemon.core_loop)


def test_the_web_server_still_makes_its_application_where_our_start_script_puts_the_guard() -> None:
    assert MAKER in inspect.getsource(webserver.host_dagster_ui_with_workspace_process_context)


def test_the_web_server_still_configures_its_log_where_our_start_script_does() -> None:
    assert f"{LOGGERS}(" in inspect.getsource(webserver)
    assert "uvicorn.run(" in inspect.getsource(webserver.host_dagster_ui_with_workspace_process_context)
