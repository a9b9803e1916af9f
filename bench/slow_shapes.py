"""Shapes of text that have made analysers of this and of other tools slow, each of any size: what hostile people commit."""

from __future__ import annotations

from collections.abc import Callable

Shape = tuple[str, Callable[[int], str]]
"""A file's name, and its text of about so many characters."""


def _times(unit: str, *, before: str = "", after: str = "") -> Callable[[int], str]:
    """Return a text of one unit again and again."""
    return lambda size: before + unit * max(1, size // len(unit)) + after


def _nested(opening: str, closing: str, *, before: str = "", core: str = "", after: str = "") -> Callable[[int], str]:
    """Return a text nested as deep as the size allows."""

    def text(size: int) -> str:
        depth = max(1, size // (len(opening) + len(closing)))
        return before + opening * depth + core + closing * depth + after

    return text


def _lines(line: str, *, before: str = "") -> Callable[[int], str]:
    """Return the same line again and again."""
    return _times(f"{line}\n", before=before)


def _longest_lines(unit: str, *, before: str = "", after: str = "\n") -> Callable[[int], str]:
    """Return lines that are as long as a parser is still given."""
    line = before + unit * ((19_990 - len(before) - len(after)) // len(unit)) + after
    return lambda size: line * max(1, size // len(line))


def _indented(size: int) -> str:
    """Return blocks within blocks, indented by one blank each."""
    depth = int((2 * size) ** 0.5)
    return "".join(" " * level + "if x:\n" for level in range(depth)) + " " * depth + "pass\n"


SHAPES: dict[str, Shape] = {
    # Lines without anything.
    "newlines.h": ("a.h", _times("\n")),
    "newlines.py": ("a.py", _times("\n")),
    "newlines.ts": ("a.ts", _times("\n")),
    "newlines after a syntax error.py": ("a.py", _times("\n", before="x = = 1\n")),
    "newlines after a syntax error.ts": ("a.ts", _times("\n", before="const x = = 1\n")),
    "blank lines.py": ("a.py", _lines(" " * 200)),
    "tabs.go": ("a.go", _lines("\t" * 200, before="package a\n")),
    "carriage returns.py": ("a.py", _times("\r")),
    "carriage returns.js": ("a.js", _times("\r")),
    "lines of one character.py": ("a.py", _lines("x")),
    "lines of one character.js": ("a.js", _lines("x")),
    "lines of one character.go": ("a.go", _lines("x", before="package a\n")),
    # Characters.
    "one character that is not ASCII at the end of long lines.py": ("a.py", _longest_lines("x", after="\u0430 = 1\n")),
    "long names of two scripts.js": ("a.js", _longest_lines("a\u0430", after=" = 1;\n")),
    "tag characters.py": ("a.py", _longest_lines("\U000e0041", before="# ")),
    "tag characters on one line.md": ("a.md", _times("\U000e0041", after="\n")),
    "flags that never end.md": ("a.md", _times("\U0001f3f4\U000e0067", after="\n")),
    "combining marks.py": ("a.py", _longest_lines("\u0301", before="# e")),
    "zero width joiners.js": ("a.js", _longest_lines("\u200d", before="// a")),
    "bidirectional controls.c": ("a.c", _longest_lines("\u202e\u2066", before="// ")),
    "variation selectors.md": ("a.md", _times("\ufe0f\ufe0e", after="\n")),
    "control characters.txt": ("a.txt", _times("\x1b\x07", after="\n")),
    "NULs.py": ("a.py", _times("\0", after="\n")),
    # Secrets.
    "AWS keys on one line.txt": ("a.txt", _times("AKIA" + "QYLPMN5HFIQR7XYA ", after="\n")),
    "AWS keys on one line.js": ("a.js", _longest_lines("'AKIA" + "QYLPMN5HFIQR7XYA', ")),
    "GitHub tokens.env": (".env", _lines("TOKEN=ghp_" + "0aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT0uV1wX")),
    "passwords.yaml": ("a.yaml", _lines("password: 'hJ8kLm2Qw9Zx4Vb7'")),
    "keys that never end.pem": ("a.pem", _lines("-----BEGIN RSA PRIVATE KEY-----")),
    "base64.txt": ("a.txt", _lines("TWFuIGlzIGRpc3Rpbmd1aXNoZWQsIG5vdCBvbmx5IGJ5IGhpcyByZWFzb24s")),
    "words before an equals sign.py": ("a.py", _longest_lines("secret_key", after=" =\n")),
    # Nesting.
    "parentheses.py": ("a.py", _nested("(", ")", before="x = ", core="1", after="\n")),
    "brackets that never close.py": ("a.py", _longest_lines("[", before="x = ")),
    "brackets.js": ("a.js", _nested("[\n", "]\n", before="x = ")),
    "braces.go": ("a.go", _nested("{\n", "}\n", before="package a\nfunc f() ")),
    "parentheses.c": ("a.c", _nested("(\n", ")\n", before="int x = ", core="1", after=";\n")),
    "braces.rs": ("a.rs", _nested("{\n", "}\n", before="fn f() ")),
    "classes.java": ("A.java", _nested("class A {\n", "}\n")),
    "types.ts": ("a.ts", _nested("A<\n", ">\n", before="let x: ", core="B", after=";\n")),
    "elements.tsx": ("a.tsx", _nested("<a>\n", "</a>\n", before="const x = ", after=";\n")),
    "elements that never close.jsx": ("a.jsx", _lines("<div>", before="const x = ")),
    "blocks by indentation.py": ("a.py", _indented),
    "template literals.js": ("a.js", _nested("`${\n", "}`\n", before="x = ", core="1")),
    "f-strings.py": ("a.py", _nested("f'{\n", "}'\n", before="x = ", core="1")),
    "open f-strings.py": ("a.py", _lines("x = f'{a!r:{")),
    # Chains.
    "attributes.py": ("a.py", _longest_lines("a.", after="a\n")),
    "attributes over lines.ts": ("a.ts", _times(".a\n", before="x = a\n")),
    "calls over lines.js": ("a.js", _times(".then(x => x)\n", before="a\n")),
    "calls over lines.py": ("a.py", _times(".b()\n", before="x = (a\n", after=")\n")),
    "additions over lines.java": ("A.java", _times("+ 1\n", before="class A { int x = 1\n", after="; }\n")),
    "else if.py": ("a.py", _times("elif x:\n    pass\n", before="if x:\n    pass\n")),
    "else if.js": ("a.js", _times("else if (x) {}\n", before="if (x) {}\n")),
    "arrows.ts": ("a.ts", _times("x =>\n", before="f = ", after="1\n")),
    "generics or comparisons.ts": ("a.ts", _times("a<b<\n", before="x = ")),
    "less than.cpp": ("a.cpp", _times("<\n", before="int x = a\n")),
    "smaller than.rs": ("a.rs", _times("a < \n", before="fn f() { a")),
    "signs.py": ("a.py", _longest_lines("-", before="x = ", after="1\n")),
    "lambdas.py": ("a.py", _longest_lines("lambda: ", before="x = ", after="1\n")),
    "conditions.py": ("a.py", _longest_lines("1 if 1 else ", before="x = ", after="1\n")),
    "pointers.c": ("a.c", _times("*\n", before="int ", after="x;\n")),
    # What begins and does not end.
    "quotes.py": ("a.py", _lines("x = '")),
    "quotes on one line.js": ("a.js", _longest_lines("'\"`")),
    "triple quotes.py": ("a.py", _lines("'''\"\"\"")),
    "backslashes.py": ("a.py", _longest_lines("\\", before="x = '", after="'\n")),
    "continued lines.c": ("a.c", _lines("\\")),
    "comments that begin.c": ("a.c", _lines("/*")),
    "comments that begin.rs": ("a.rs", _lines("/*")),
    "regular expressions that begin.js": ("a.js", _lines("x = /(")),
    "heredocs.sh": ("a.sh", _lines("cat <<EOF <<-'EOT'")),
    "heredocs.php": ("a.php", _lines("x = <<<EOT", before="<?php\n")),
    "raw strings.rs": ("a.rs", _lines('r#"')),
    "template braces.html": ("a.html", _times("{{", after="\n")),
    "template braces.py": ("a.py", _lines("{{ x | y")),
    "template braces.go": ("a.go", _lines("{{ x | y", before="package a\n")),
    "interpolation.rb": ("a.rb", _lines('"#{"')),
    "conflict markers.py": ("a.py", _lines("<<<<<<< a")),
    "whole conflicts.txt": ("a.txt", _times("<<<<<<< a\n=======\n>>>>>>> b\n")),
    "directives.c": ("a.c", _lines("#if A")),
    "fences.md": ("a.md", _lines("~~~ ```")),
    # Many small things that rules look for.
    "imports.py": ("a.py", _lines("import a")),
    "star imports.py": ("a.py", _lines("from a import *")),
    "same function.py": ("a.py", _lines("def f(x=[]): return undefined")),
    "shell calls.py": ("a.py", _lines("os.system('a' + b)", before="import os\n")),
    "SQL.py": ("a.py", _lines("x = 'SELECT a FROM b WHERE c = ' + d")),
    "SQL that never ends.py": ("a.py", _longest_lines("select a from ", before="x = '", after="' + d\n")),
    "comparisons with NaN.js": ("a.js", _lines("if (x === NaN) {}")),
    "old print.py": ("a.py", _lines("print 'a'")),
    "old numbers.py": ("a.py", _lines("x = 00 00 1L 1L `a` <>")),
    "numbers.py": ("a.py", _longest_lines("9", before="x = ")),
    "decorators.py": ("a.py", _lines("@a", before="")),
    "assertions.ts": ("a.ts", _lines("a?.b!.c = x as any")),
    "goto.c": ("a.c", _lines("a: goto a;", before="void f(void) {\n")),
    "mutexes.go": ("a.go", _lines("defer mu.Lock()", before="package a\nfunc f() {\n")),
    "unwraps.rs": ("a.rs", _lines("x.unwrap();", before="fn f() {\n")),
    "loop variables.py": ("a.py", _lines("for x in y: f(lambda: x)")),
    "loop variables in one body.py": ("a.py", _lines("    def f(): return x", before="for x in y:\n")),
    "imports for types.py": ("a.py", _lines("if TYPE_CHECKING: import a", before="import a\n")),
    "prose.py": ("a.py", _lines("here we explain, in words")),
    "minus signs.sql": ("a.sql", _lines("--")),
}
"""Name -> shape, in about 20 languages."""
