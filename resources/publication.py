"""The publisher, for runs that are executed without a platform around them."""

import os
import subprocess
import sys

import dagster as dg

from resources.process import in_a_platform, services, settings


class PublisherProcess(dg.ConfigurableResource[None]):
    """The publisher is a process of its own, the only one with a write token; `up` keeps it running.

    A run without a platform around it (`dagster job execute` in somebody's CI) starts one that posts what is due and exits.
    """

    def post_if_alone(self) -> None:
        """Run the publisher once if there is none beside this process."""
        if in_a_platform():
            return
        running, given = services(), settings()
        environment = {
            **os.environ,
            "CODEGEN_HOME": str(given.home),
            "CODEGEN_DATABASE_URL": running.database_url,
            "CODEGEN_REDIS_URL": running.redis_url,
        }
        subprocess.run([sys.executable, "-m", "codegen_platform.publishing", "--drain"], env=environment, check=False)
