"""The publisher, for runs that are executed without a platform around them."""

import os
import subprocess
import sys

import dagster as dg

from resources.process import services, settings


class PublisherProcess(dg.ConfigurableResource[None]):
    """The publisher is a process of its own, the only one with a write token; `up` keeps it running.

    A run that had to start its own databases (`dagster job execute` in somebody's CI) has none beside it, so it starts one that
    posts what is due and exits.
    """

    def post_if_alone(self) -> None:
        """Run the publisher once if this process started the databases itself."""
        running = services()
        if not running.started:
            return
        given = settings()
        environment = {
            **os.environ,
            "CODEGEN_HOME": str(given.home),
            "CODEGEN_DATABASE_URL": running.database_url,
            "CODEGEN_REDIS_URL": running.redis_url,
        }
        subprocess.run([sys.executable, "-m", "codegen_platform.publishing", "--drain"], env=environment, check=False)
