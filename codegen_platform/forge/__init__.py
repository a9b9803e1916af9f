"""Reading pull requests from GitHub or from a local git repository: one interface, two real implementations."""

from codegen_platform.forge.auth import GitHubAuth
from codegen_platform.forge.github import GitHubForge
from codegen_platform.forge.interface import Forge, Head, OpenPullRequest, OpenPullRequests
from codegen_platform.forge.local import LocalForge, LocalPull

__all__ = [
    "Forge",
    "GitHubAuth",
    "GitHubForge",
    "Head",
    "LocalForge",
    "LocalPull",
    "OpenPullRequest",
    "OpenPullRequests",
]
