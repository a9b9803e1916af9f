"""Finds the platform running on a home, with its settings; waits for one that is starting."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from codegen_platform.cli.progress import Progress
from codegen_platform.local.errors import LocalFailure
from codegen_platform.local.running import RunningPlatform, platform_lock, running
from codegen_platform.local.running_settings import settings_of
from codegen_platform.settings import Settings

START_SECONDS = 300.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Joined:
    """The platform to work with (None if none is running) and the settings in force: its own, or this shell's."""

    platform: RunningPlatform | None
    settings: Settings


def join(settings: Settings, progress: Progress) -> Joined:
    """Return the platform running on the home of these settings, and the settings it was started with.

    Raises:
        LocalFailure: a platform has been starting for five minutes.
    """
    found = _platform_on(settings.home, progress)
    theirs = settings_of(found.pid, settings.home) if found else None
    return Joined(platform=found, settings=theirs or settings)


def _platform_on(home: Path, progress: Progress) -> RunningPlatform | None:
    """Return the platform of the home once it is complete; None if none is running or its start failed."""
    lock, deadline = platform_lock(home), time.monotonic() + START_SECONDS
    was_noted = False
    while lock.is_held():
        found = running(home)
        if found is not None:
            return found
        who = lock.holder()
        if time.monotonic() > deadline:
            raise LocalFailure(
                f"process {who} has been starting the platform of {home} for {START_SECONDS:g} s: "
                f"check {home / 'logs'}, or stop it with codegen-platform down"
            )
        if not was_noted:
            progress.note(f"Waiting for the platform that process {who} is starting on {home}.")
            was_noted = True
        time.sleep(0.1)
    return None
