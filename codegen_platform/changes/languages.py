"""What a file is by its name: its language, and whether people write it."""

from __future__ import annotations

import re

BY_NAME = {
    "dockerfile": "dockerfile",
    "containerfile": "dockerfile",
    "makefile": "make",
    "gnumakefile": "make",
    "justfile": "just",
    "cmakelists.txt": "cmake",
    "gemfile": "ruby",
    "rakefile": "ruby",
    "vagrantfile": "ruby",
    "jenkinsfile": "groovy",
    "go.mod": "go-module",
    "build": "starlark",
    "build.bazel": "starlark",
    "workspace": "starlark",
    ".bashrc": "shell",
    ".profile": "shell",
    ".gitignore": "ignore",
    ".dockerignore": "ignore",
    ".gitattributes": "ignore",
}
"""File name in lower case -> language."""

BY_EXTENSION = {
    "py": "python", "pyi": "python", "pyw": "python", "pyx": "cython", "pxd": "cython", "ipynb": "notebook",
    "js": "javascript", "mjs": "javascript", "cjs": "javascript", "jsx": "javascript",
    "ts": "typescript", "mts": "typescript", "cts": "typescript", "tsx": "typescript",
    "go": "go", "java": "java", "rs": "rust", "c": "c", "h": "c",
    "cc": "cpp", "cpp": "cpp", "cxx": "cpp", "hh": "cpp", "hpp": "cpp", "hxx": "cpp", "ipp": "cpp", "inl": "cpp", "cu": "cpp",
    "m": "objective-c", "mm": "objective-c", "swift": "swift", "kt": "kotlin", "kts": "kotlin", "scala": "scala", "sc": "scala",
    "groovy": "groovy", "gradle": "groovy", "clj": "clojure", "cljs": "clojure", "cljc": "clojure", "edn": "clojure",
    "cs": "csharp", "fs": "fsharp", "fsx": "fsharp", "vb": "visual-basic",
    "rb": "ruby", "erb": "ruby", "rake": "ruby", "gemspec": "ruby", "php": "php", "phtml": "php", "pl": "perl", "pm": "perl", "t": "perl",
    "lua": "lua", "r": "r", "jl": "julia", "dart": "dart", "ex": "elixir", "exs": "elixir", "erl": "erlang", "hrl": "erlang",
    "hs": "haskell", "ml": "ocaml", "mli": "ocaml", "elm": "elm", "nim": "nim", "zig": "zig", "v": "verilog", "sv": "verilog",
    "vhd": "vhdl", "sol": "solidity", "asm": "assembly", "s": "assembly", "f90": "fortran", "f": "fortran", "pas": "pascal", "d": "d",
    "sh": "shell", "bash": "shell", "zsh": "shell", "ksh": "shell", "fish": "fish", "ps1": "powershell", "psm1": "powershell",
    "bat": "batch", "cmd": "batch", "sql": "sql", "graphql": "graphql", "gql": "graphql", "proto": "protobuf", "thrift": "thrift",
    "html": "html", "htm": "html", "vue": "vue", "svelte": "svelte", "astro": "astro", "jinja": "jinja", "j2": "jinja", "hbs": "handlebars",
    "css": "css", "scss": "scss", "sass": "sass", "less": "less", "svg": "svg",
    "tf": "terraform", "tfvars": "terraform", "hcl": "hcl", "nix": "nix", "bzl": "starlark", "star": "starlark", "cmake": "cmake",
    "mk": "make", "dockerfile": "dockerfile", "rego": "rego", "bicep": "bicep", "cue": "cue",
    "json": "json", "jsonc": "json", "json5": "json", "yaml": "yaml", "yml": "yaml", "toml": "toml", "ini": "ini", "cfg": "ini",
    "conf": "ini", "properties": "properties", "env": "dotenv",
    "xml": "xml", "xsd": "xml", "xsl": "xml", "csv": "csv", "tsv": "csv", "plist": "xml",
    "md": "markdown", "markdown": "markdown", "mdx": "markdown", "rst": "restructuredtext", "adoc": "asciidoc", "txt": "text",
    "tex": "latex",
}  # fmt: skip
"""Extension in lower case, without its dot -> language."""

PROSE = frozenset({"markdown", "restructuredtext", "asciidoc", "text", "latex"})
"""Languages that people read and nothing runs."""

DATA = frozenset(
    {"json", "yaml", "toml", "ini", "properties", "dotenv", "xml", "csv", "svg", "ignore", "notebook", "go-module"}
)
"""Languages that configure or feed programs."""

LOCK_FILES = frozenset(
    {
        "package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock", "bun.lockb", "deno.lock",
        "poetry.lock", "pipfile.lock", "pdm.lock", "uv.lock", "pixi.lock", "conda-lock.yml", "requirements.lock",
        "cargo.lock", "go.sum", "go.work.sum", "gopkg.lock", "gemfile.lock", "composer.lock", "podfile.lock", "package.resolved",
        "mix.lock", "rebar.lock", "pubspec.lock", "packages.lock.json", "gradle.lockfile", "flake.lock", ".terraform.lock.hcl",
        "chart.lock", "cabal.project.freeze", "stack.yaml.lock", "module.bazel.lock", "buf.lock",
    }
)  # fmt: skip
"""Names, in lower case, of files that package managers write."""

_GENERATED_NAMES = re.compile(
    r"""
    \.min\.(?:js|mjs|cjs|css)$ | [.-]bundle\.js$ | \.(?:js|mjs|cjs|css|ts)\.map$
    | _pb2(?:_grpc)?\.pyi?$ | \.pb\.(?:go|cc|h|dart)$ | \.pb\.gw\.go$ | _grpc\.pb\.go$ | _pb\.(?:js|ts|d\.ts)$
    | \.(?:g|freezed|mocks)\.dart$ | \.designer\.(?:cs|vb)$ | \.g(?:\.i)?\.cs$ | (?:^|/)zz_generated\.[^/]*$
    | (?:^|/)[^/]*[._]generated\.[a-z0-9]+$ | (?:^|/)__generated__/ | \.snap$ | (?:^|/)\.pnp\.c?js$ | (?:^|/)\.yarn/releases/
    """,
    re.VERBOSE | re.IGNORECASE,
)
_VENDORED = re.compile(
    r"(?:^|/)(?:node_modules|bower_components|vendor|third[_-]?party|3rd[_-]?party|\.yarn|site-packages)/",
    re.IGNORECASE,
)
_COMMENT = r"^[\s\ufeff]*(?:\#|//|/\*|\*|--|;|<!--|%|\"\"\"|'''|\(\*|@?rem\b)"
_MARKER = re.compile(
    _COMMENT
    + r".*?(?:(?<![\w@])@generated\b|\bgenerated\b.*\bdo\s+not\s+(?:edit|modify|change)\b"
    + r"|\bdo\s+not\s+(?:edit|modify|change)\b.*\bgenerated\b|\bDO\s+NOT\s+EDIT\b)",
    re.IGNORECASE,
)
_HEADER_LINES, _HEADER_CHARACTERS = 12, 2_000


def language_of(path: str) -> str | None:
    """Return the lower-case language name by file name, None if unknown: `src/App.TSX` is `typescript`."""
    name = path.rpartition("/")[2].lower()
    if name in BY_NAME:
        return BY_NAME[name]
    if name.startswith(("dockerfile.", "containerfile.")):
        return "dockerfile"
    if name == ".env" or name.startswith(".env."):
        return "dotenv"
    stem, dot, extension = name.rpartition(".")
    return BY_EXTENSION.get(extension) if dot and stem else None


def is_generated(path: str, head_text: str | None = None) -> bool:
    """Return whether a program wrote the file or it was copied in: lock files, generated and vendored code.

    The text counts only if a comment among its first lines says so (`@generated`, `Code generated ... DO NOT EDIT.`).
    """
    if path.rpartition("/")[2].lower() in LOCK_FILES or _VENDORED.search(path) or _GENERATED_NAMES.search(path):
        return True
    header = (head_text or "")[:_HEADER_CHARACTERS].split("\n")[:_HEADER_LINES]
    return any(_MARKER.match(line[:300]) for line in header)
