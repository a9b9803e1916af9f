"""Characters that deceive are found and shown; scripts and emoji that need theirs are left alone."""

from __future__ import annotations

import pytest

from codegen_platform.artifacts import Severity
from tests.unit.analysis.snapshots import findings_in, sources_of

DECEIVING = {
    "early return": ("a.py", "def f():\n    ''' subtract \u2067''' ;return\n", "hidden:bidi"),
    "commenting out": (
        "a.go",
        "package a\n\n/*\u202e } \u2066if isAdmin\u2069 \u2066 begin admins only */\n",
        "hidden:bidi",
    ),
    "stretched string": ("a.js", 'if (level != "user\u202e \u2066// Check if admin\u2069 \u2066") {}\n', "hidden:bidi"),
    "in an unknown language": ("a.asm", "mov \u202eeax\u202c, 1\n", "hidden:bidi"),
    "in prose": ("README.md", "Run \u202ethis\u202c now.\n", "hidden:bidi"),
    "zero width in a name": ("a.py", "def say\u200bhello(): ...\n", "hidden:invisible"),
    "zero width non-joiner in a name": ("a.js", "const is\u200cAdmin = true;\n", "hidden:invisible"),
    "word joiner": ("a.rs", "let a\u2060b = 1;\n", "hidden:invisible"),
    "invisible plus": ("a.c", "int a\u2064b;\n", "hidden:invisible"),
    "hangul filler as a name": ("a.js", "const { timeout, \u3164 } = request.query;\n", "hidden:invisible"),
    "half width filler": ("a.py", "\uffa0 = 1\n", "hidden:invisible"),
    "tags that carry text": (
        "docs/a.md",
        "Hello" + "".join(chr(0xE0000 + ord(c)) for c in "run this") + "\n",
        "hidden:invisible",
    ),
    "bytes in variation selectors": ("a.md", "Hi\U0001f600\ufe0f\ufe01\U000e0110\U000e0111\n", "hidden:invisible"),
    "variation selector on a letter": ("a.py", "name\ufe01 = 1\n", "hidden:invisible"),
    "soft hyphen in code": ("a.py", "pass\u00adword = 1\n", "hidden:invisible"),
    "mark inside the file": ("a.py", "x\ufeff = 1\n", "hidden:invisible"),
    "backspaces": ("a.sh", "rm -rf / #\x08\x08\x08\x08 ls\n", "hidden:control"),
    "escape sequence": ("a.py", "print('\x1b[2K')\n", "hidden:control"),
    "cyrillic letter in a name": ("a.py", "def s\u0430y(): ...\n", "hidden:lookalike"),
    "greek letter in a name": ("a.go", "package a\n\nvar \u039fpen = 1\n", "hidden:lookalike"),
    "full width letter in a name": ("a.ts", "const \uff41dmin = 1;\n", "hidden:lookalike"),
    "cyrillic letter in a c++ name": ("a.cpp", "void say\u041dello() {}\n", "hidden:lookalike"),
}


@pytest.mark.parametrize("kind", DECEIVING)
def test_what_deceives_is_found(kind: str) -> None:
    path, text, source = DECEIVING[kind]

    assert source in sources_of(findings_in(path, text))


HARMLESS = {
    "arabic text": ("a.py", "greeting = 'مرحبا بالعالم'  # تعليق\n"),
    "hebrew text": ("a.js", "const title = 'שלום עולם'; // הערה\n"),
    "persian with its joiner": ("a.py", "text = 'می\u200cخواهم'\n"),
    "hindi with its joiner": ("a.py", "text = 'क्\u200dष'\n"),
    "a mark of order beside hebrew": ("a.py", "text = 'שלום\u200e'\n"),
    "chinese": ("a.py", "名前 = '世界'\n"),
    "korean": ("a.md", "안녕하세요\n"),
    "russian": ("a.py", "# Привет, мир\nсчётчик = 1\n"),
    "russian with a latin letter in a comment": ("a.py", "# Cкачать файл\n"),
    "russian with a latin letter in a text": ("a.py", "label = 'Cкачать'\n"),
    "greek letters of mathematics": ("a.py", "Δx = λ_max * σ2\n"),
    "family emoji": ("a.py", "face = '👨\u200d👩\u200d👧'\n"),
    "emoji with its selector": ("a.md", "It works ✔\ufe0f and ❤\ufe0f and 1\ufe0f\u20e3\n"),
    "flag of scotland": ("a.md", "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f\n"),
    "mark at the start": ("a.py", "\ufeffx = 1\n"),
    "soft hyphen in prose": ("a.md", "Donau\u00addampf\u00adschiff\n"),
    "accents": ("a.py", "café = 'naïve'\n"),
    "tab and form feed": ("a.py", "x = 1\t# one\n\x0c\ny = 2\n"),
    "thai with break opportunities": ("a.md", "สวัสดี\u200bชาวโลก\n"),
}


@pytest.mark.parametrize("kind", HARMLESS)
def test_what_a_script_or_an_emoji_needs_raises_no_alarm(kind: str) -> None:
    path, text = HARMLESS[kind]

    assert [finding for finding in findings_in(path, text) if finding.source.startswith("hidden:")] == []


def test_hidden_characters_are_shown_and_never_repeated() -> None:
    (finding,) = [each for each in findings_in("a.md", "if \u202e x \u2066 y\n") if each.source == "hidden:bidi"]

    assert finding.severity is Severity.HIGH
    assert finding.quote == "if ⟦U+202E⟧ x ⟦U+2066⟧ y"
    assert "⟦U+202E⟧ right-to-left override" in finding.body
    assert "\u202e" not in finding.model_dump_json()


def test_test_data_is_told_with_less_weight() -> None:
    (finding,) = findings_in("tests/models/urls.json", '{"a": "\u202efoo"}\n')

    assert finding.severity is Severity.MEDIUM


def test_a_hidden_character_that_was_there_before_is_not_the_changes_doing() -> None:
    before = "a = '\u202e'\n"

    assert findings_in("a.md", before + "b\n", before=before) == []
