"""Classifies a file by its name and first lines: its language, and whether people write it here."""

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
    "license": "text",
    "licence": "text",
    "copying": "text",
    "notice": "text",
    "authors": "text",
    "changelog": "text",
    "readme": "text",
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
    "md": "markdown", "markdown": "markdown", "mdx": "mdx", "rst": "restructuredtext", "adoc": "asciidoc", "txt": "text",
    "tex": "latex",
}  # fmt: skip
"""Extension in lower case, without its dot -> language."""

PROSE = frozenset({"markdown", "restructuredtext", "asciidoc", "text", "latex"})
"""Languages that people read and nothing runs."""

DATA = frozenset(
    {"json", "yaml", "toml", "ini", "properties", "dotenv", "xml", "csv", "svg", "ignore", "notebook", "go-module"}
)
"""Languages that configure or feed programs."""

ANALYSED = frozenset({"python", "javascript", "typescript", "go", "java", "rust", "c"})
"""Languages that static analysis has an analyser for; of every other file it reads the characters only."""

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

_REQUIREMENTS = re.compile(r"(?:[a-z0-9._-]*[._-])?(?:requirements|constraints)(?:[._-][a-z0-9._-]*)?\.txt")

_REQUIREMENTS_FOLDER = re.compile(r"(?i)(?:^|/)(?:requirements|constraints)/[^/]+\.txt$")

_MEDIA = frozenset(
    {
        "png", "jpg", "jpeg", "gif", "webp", "avif", "bmp", "ico", "icns", "tif", "tiff", "heic", "psd", "xcf",
        "woff", "woff2", "ttf", "otf", "eot", "mp3", "ogg", "wav", "flac", "m4a", "mp4", "webm", "mov", "avi", "mkv",
    }
)  # fmt: skip
"""Extensions of files that are looked at or listened to, and that nothing runs."""

_DERIVED_DATA = re.compile(r"\.(?:js|mjs|cjs|css|ts)\.map$")
_VENDORED = re.compile(
    r"(?:^|/)(?:node_modules|bower_components|site-packages)/"
    r"|(?:^|/)\.yarn/(?:cache|releases|plugins|sdks|unplugged)/|(?:^|/)\.pnp\.[cm]?js$"
    r"|(?:^|/)vendor/(?:[a-z0-9-]+(?:\.[a-z0-9-]+)+/[^/]|modules\.txt$|bundle/|cache/|composer/|autoload\.php$)"
)
_COMMENT = re.compile(r"^[\s\ufeff]*(?:\#|//|/\*|\*|--|;|<!--|%|\"\"\"|'''|\(\*|@?rem\b)[\s#/*!;%-]*", re.IGNORECASE)
_MARKER = re.compile(
    r"(?:This file is (?:automatically )?)?@generated\b"
    r"|Code generated .*\bDO NOT EDIT\b"
    r"|<auto-generated ?/?>"
    r"|GENERATED CODE - DO NOT MODIFY BY HAND"
    r"|This file (?:is|was) auto-?generated by (?:uv|pip-compile)\b"
    r"|Jest Snapshot v\d"
    r"|(?:(?:This|The) (?:file|code) (?:is|was|has been) )?(?:[Aa]uto(?:matically)?[- ]?)?[Gg]enerated (?:by|from|with|using) "
    r".*\b(?:DO NOT|[Dd]o not) (?:EDIT|MODIFY|CHANGE|edit|modify|change)\b"
)
_HEADER_LINES, _HEADER_CHARACTERS = 12, 2_000


def language_of(path: str) -> str | None:
    """Return the lower-case language name by file name, None if unknown: `src/App.TSX` is `typescript`."""
    name = path.rpartition("/")[2].lower()
    if name in BY_NAME:
        return BY_NAME[name]
    if name.startswith(("dockerfile.", "containerfile.")):
        return "dockerfile"
    if _REQUIREMENTS.fullmatch(name) or _REQUIREMENTS_FOLDER.search(path):
        return "requirements"
    if name == ".env" or name.startswith(".env."):
        return "dotenv"
    stem, dot, extension = name.rpartition(".")
    return BY_EXTENSION.get(extension) if dot and stem else None


def is_generated(path: str, head_text: str | None = None, *, added: frozenset[int] = frozenset()) -> bool:
    """Return whether a program wrote the file: a lock file or a source map by its name, any other by a comment among its first lines.

    The comment must have one of the forms that generators write (`Code generated ... DO NOT EDIT.`, `@generated`), and stand on a line
    that the change does not add: what a change says about itself proves nothing.

    Args:
        added: head line numbers of the lines that the change adds.
    """
    if path.rpartition("/")[2].lower() in LOCK_FILES or _DERIVED_DATA.search(path):
        return True
    header = (head_text or "")[:_HEADER_CHARACTERS].split("\n")[:_HEADER_LINES]
    return any(number not in added and _is_marker(line[:300]) for number, line in enumerate(header, start=1))


def is_vendored(path: str) -> bool:
    """Return whether the file stands where package managers copy other people's code to, in their exact layout.

    `vendor/` alone says nothing: shops have vendors. Go's has hosts below it (`vendor/github.com/...`).
    """
    return _VENDORED.search(path) is not None


def is_media(path: str) -> bool:
    """Return whether the file is an image, a font, sound or film by its name."""
    return path.rpartition(".")[2].lower() in _MEDIA


def _is_marker(line: str) -> bool:
    comment = _COMMENT.match(line)
    return comment is not None and _MARKER.match(line, comment.end()) is not None
