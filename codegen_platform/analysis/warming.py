"""Loads every tool and compiles every rule in this process, so that its forks share them."""

from __future__ import annotations

from codegen_platform.analysis.analysers import analysers_for
from codegen_platform.analysis.options import AnalysisOptions
from codegen_platform.analysis.sources import read_sources
from codegen_platform.artifacts import ChangedFile, FileStatus, PullRequestSnapshot

_SAMPLES = {
    "python": "import subprocess\n\n\ndef run(command):\n    return subprocess.run(command, shell=True)\n",
    "javascript": "if (list === []) {\n  stop();\n}\n",
    "typescript": "const name = user?.profile!.name;\n",
    "go": "package a\n\nfunc f() {\n\tdefer mu.Lock()\n}\n",
    "java": "class A {\n  void f() {\n    new Thread(task).run();\n  }\n}\n",
    "rust": "fn f() -> u8 {\n    todo!()\n}\n",
    "c": "void f(void) {\n  p = realloc(p, n);\n}\n",
    "markdown": "The key is `ghp_0123456789`, and this is a z\u00e9ro.\n",
}


def warm_up() -> None:
    """Run every analyser on one small file of each language that has rules; starts no thread, opens no socket."""
    sources, _ = read_sources(SAMPLE, ignore=())
    for analyser in analysers_for(AnalysisOptions()):
        analyser.run(
            [source for source in sources if analyser.languages is None or source.language in analyser.languages]
        )


def _file(language: str, text: str) -> ChangedFile:
    lines = text.removesuffix("\n").split("\n")
    patch = f"@@ -0,0 +1,{len(lines)} @@\n" + "".join(f"+{line}\n" for line in lines)
    return ChangedFile(
        path=f"{language}/file",
        status=FileStatus.ADDED,
        language=language,
        additions=len(lines),
        patch=patch,
        head_text=text,
    )


SAMPLE = PullRequestSnapshot(
    forge="local",
    repository="warm/up",
    number=0,
    title="",
    description="",
    author="",
    base_ref="",
    head_ref="",
    base_sha="0" * 40,
    head_sha="0" * 40,
    url="",
    files=tuple(_file(language, text) for language, text in _SAMPLES.items()),
    files_total=len(_SAMPLES),
)
"""One small file of each language that has rules."""
