"""Temporary folders that are found again when the process that made them was killed."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path


def scratch_folder(kind: str) -> tempfile.TemporaryDirectory[str]:
    """Return a temporary folder, for this user only, whose name says which process made it."""
    return tempfile.TemporaryDirectory(prefix=f"codegen-{kind}-{os.getpid()}-", ignore_cleanup_errors=True)


def sweep_scratch() -> None:
    """Remove the temporary folders of this user's processes that are no more."""
    for folder in Path(tempfile.gettempdir()).glob("codegen-*-*-*"):
        with contextlib.suppress(OSError, ValueError):
            is_ours = folder.lstat().st_uid == os.getuid() and folder.is_dir() and not folder.is_symlink()
            if is_ours and not _runs(int(folder.name.split("-")[2])):
                shutil.rmtree(folder, ignore_errors=True)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
