"""The REST API as the command line calls it."""

from codegen_platform.cli.api.calling import ApiFailed, ApiRefused
from codegen_platform.cli.api.operations import Api

__all__ = ["Api", "ApiFailed", "ApiRefused"]
