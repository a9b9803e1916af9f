"""The process that runs analysers: `python -m codegen_platform.analysis.process NUMBER` serves forks of itself on that socket."""

from __future__ import annotations

import gc
import pickle
import resource
import socket
import sys
from collections.abc import Iterator, Sequence

from codegen_platform.analysis.claims import Analyser, Claims
from codegen_platform.analysis.messages import DONE, FAILED, READ, Request, answer_of, encoded
from codegen_platform.analysis.sources import SourceFile
from codegen_platform.errors import CodegenError
from codegen_platform.sandbox.fork_server import ForkServer
from codegen_platform.sandbox.frames import FrameReader, PeerEnded, send_frame

MAX_REQUEST_BYTES = 1 << 40
"""All requests of one connection together, for many reviews; practically unlimited, since they come from our own side."""


def main() -> None:
    """Load every tool, then fork for each connection."""
    from codegen_platform.analysis.warming import warm_up

    clients = socket.socket(fileno=int(sys.argv[1]))
    warm_up()
    gc.collect()
    gc.freeze()
    ForkServer(clients, answer_all).run()


def answer_all(connection: socket.socket) -> None:
    """Answer requests until the other end closes."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    requests = FrameReader(connection, max_bytes=MAX_REQUEST_BYTES)
    while True:
        try:
            # Trusted: our own parent process created this socket. Our answers are not trusted, and are not pickles.
            request: Request = pickle.loads(requests.read(ends_at=None))  # noqa: S301
        except PeerEnded:
            return
        _limit_memory(request.memory_bytes)
        for frame in _answers(request):
            send_frame(connection, frame)


def _answers(request: Request) -> Iterator[bytes]:
    """Yield the messages to send: the claims about each file, or about several together; then the end.

    Several on which the analyser fails are tried again in halves, so that the failure costs one of them.
    """
    waiting = [request.files] if request.together else [[source] for source in reversed(request.files)]
    while waiting:
        files = waiting.pop()
        _limit_cpu(request.cpu_seconds)
        claims, failure = _attempt(request.analyser, files)
        if claims is not None:
            yield answer_of(READ, len(files), encoded(claims, files))
        elif len(files) > 1:
            half = len(files) // 2
            waiting += [files[half:], files[:half]]
        else:
            yield answer_of(FAILED, len(files), failure.encode("utf-8", "replace"))
    yield DONE


def _attempt(analyser: Analyser, files: Sequence[SourceFile]) -> tuple[Claims | None, str]:
    """Return the analyser's result, or the reason why there is none."""
    try:
        return analyser.run(files), ""
    except CodegenError as error:
        return None, str(error)
    except BaseException as error:
        # A tool's bug on hostile input must cost one file only. A panic of a Rust library is no Exception.
        # The error's text may quote the pull request, so report only its type.
        return None, f"failed with {type(error).__name__}"


def _limit_cpu(seconds: float) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    _lower(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime + seconds) + 1)


def _limit_memory(size: int) -> None:
    _lower(resource.RLIMIT_AS, size)


def _lower(kind: int, value: int) -> None:
    """Set only the soft limit: the next request may have another."""
    _, hard = resource.getrlimit(kind)
    resource.setrlimit(kind, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard))


if __name__ == "__main__":
    main()
