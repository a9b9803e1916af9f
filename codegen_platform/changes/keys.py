"""Names for pull requests that no repository, branch or file name can escape from.

Everything that is stored or shown per pull request derives its name here, so that two writers never disagree.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from codegen_platform.errors import WrongUsage

LOCAL_OWNER = "_local"
"""Owner of local repositories; no GitHub owner begins with `_` (managed users do contain one: `mona_acme`)."""

_PARTITION = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}")
_OWNER = re.compile(r"_local|[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
_NAME = re.compile(r"[A-Za-z0-9._-]{1,100}")
_SEGMENT = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}")
_PULL_REQUEST = re.compile(r"([^/\s#]+/[^/\s#]+)#([1-9][0-9]{0,9})")


def partition_key(repository: str, number: int) -> str:
    """Return `owner.name.number`, the partition of a pull request or issue: at most 128 of `[A-Za-z0-9._-]`, not starting with `.`.

    Owners have no dots, so the key is unambiguous. Names so long that the key would not fit give `_long.<40 hex>.<number>`;
    no owner begins with `_`.

    Raises:
        WrongUsage: `repository` is not `owner/name` as GitHub allows it, or `number` is not positive.
    """
    owner, name = split_repository(repository)
    if number < 1:
        raise WrongUsage(f"a pull request number is positive, not {number}")
    key = f"{owner}.{name}.{number}"
    if len(key) > 128:
        key = f"_long.{hashlib.sha256(repository.encode()).hexdigest()[:40]}.{number}"
    if not _PARTITION.fullmatch(key):
        raise WrongUsage(f"{repository!r} #{number} cannot be a partition")
    return key


def split_repository(repository: str) -> tuple[str, str]:
    """Return owner and name of a full repository name.

    Raises:
        WrongUsage: it is not `owner/name`, or holds what no such name can hold (`..`, a slash, a control character).
    """
    owner, slash, name = repository.partition("/")
    if not slash or not _OWNER.fullmatch(owner) or not _NAME.fullmatch(name) or name in (".", ".."):
        raise WrongUsage(f"{repository[:120]!r} is not a repository: say owner/name")
    return owner, name


def artifact_path(asset: str, partition: str, name: str) -> str:
    """Return `assets/<asset>/<partition>/<name>` below the artifact root; `name` is `latest.json` or `<head_sha>.json`.

    Raises:
        WrongUsage: a part is empty, starts with a dot, or has a character outside `[A-Za-z0-9._-]`.
    """
    for part in (asset, partition, name):
        if not _SEGMENT.fullmatch(part):
            raise WrongUsage(f"{part[:120]!r} cannot be part of an artifact's path")
    return f"assets/{asset}/{partition}/{name}"


def local_full_name(path: Path) -> str:
    """Return `_local/<folder name>-<8 hex of the absolute path>`, the full name of a local repository; links are resolved first."""
    absolute = path.resolve()
    slug = re.sub(r"[^A-Za-z0-9_-]+", "-", absolute.name).strip("-")[:50] or "repository"
    return f"{LOCAL_OWNER}/{slug}-{hashlib.sha256(str(absolute).encode('utf-8', 'surrogateescape')).hexdigest()[:8]}"


def parse_pull_request(text: str) -> tuple[str, int]:
    """Return repository and number of `owner/name#123`.

    Raises:
        WrongUsage: the text has another form.
    """
    match = _PULL_REQUEST.fullmatch(text.strip())
    if match is None:
        raise WrongUsage(f"{text[:120]!r} is not a pull request: say owner/name#123")
    repository, number = match[1], int(match[2])
    split_repository(repository)
    return repository, number


def parse_partition_key(key: str) -> tuple[str, int]:
    """Return repository and number of a partition.

    Raises:
        WrongUsage: no pull request has this key, or its names were too long to be kept in it.
    """
    owner, _, rest = key.partition(".")
    name, _, number = rest.rpartition(".")
    if not number.isdecimal() or partition_key(repository := f"{owner}/{name}", int(number)) != key:
        raise WrongUsage(f"{key[:128]!r} is not owner.name.number")
    return repository, int(number)
