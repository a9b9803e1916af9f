"""A file that does not parse is reported as broken; one that is only newer, older or a template never is."""

from __future__ import annotations

import pytest

from codegen_platform.analysis import AnalysisOptions
from codegen_platform.analysis.analysers import analysers_for
from codegen_platform.analysis.sources import read_sources
from codegen_platform.artifacts import SkipReason
from tests.unit.analysis.snapshots import changed, findings_in, review, snapshot_of, sources_of
from tests.unit.analysis.test_broken_files import BROKEN

DECOYS = {
    "a date": "# changed 2024-01-05 at 07:05",
    "an old octal number": "# mode 0644",
    "a version": "# since 1.02",
    "old inequality": "# a <> b",
    "old print": "# print the name",
    "a template's value": "# {{ name }}",
    "a template's statement": "# {% if x %}",
    "a template of another kind": "# <%= name %>",
    "a name to fill in": "# @@NAME@@",
    "something of all": "# print 'x' <> 0777 {{ a|b }} {% end %} except A, b:",
}
BROKEN_WITH_DECOY = {
    "a.py": "def f(:\n    return 1\n",
    "b.py": "x = = 1\n",
    "tag.py": "{% if x %}\ndef f(:\n    return 1\n",
    "old.py": "print 'x'\ndef f(:\n    return 1\n",
    "a.js": "function f() {\n  return (1;\n}\n",
    "a.ts": "const x: = 1;\n",
    "a.tsx": "const a = <div style={{ width }}>{(b}</div>;\n",
    "a.jsx": "const a = <div style={{ width }}>{(b}</div>;\n",
    "angular.ts": "@Component({ template: `<p>{{ name | async }}</p>` })\nclass A { f( { }\n",
    "lodash.js": "const t = _.template('<%= user %> <% if (x) { %>');\nfunction f( {\n",
    "a.go": 'package a\n\nvar t = "{{ .Name }} {{ range .Items }}"\n\nfunc f() int {\n\treturn (1\n}\n',
    "A.java": "class A { int f() { return 1 +* 2; } }\n",
    "a.rs": "fn f() -> u8 {\n    1 +* 2 )\n}\n",
}


@pytest.mark.parametrize("path", BROKEN_WITH_DECOY)
def test_a_broken_file_is_reported_whatever_else_it_contains(path: str) -> None:
    names = [f"{number}/{path}" for number in range(len(DECOYS))]
    mark = "# " if path.endswith(".py") else "// "
    texts = [f"{BROKEN_WITH_DECOY[path]}{decoy.replace('# ', mark)}\n" for decoy in DECOYS.values()]

    result = review(*(changed(name, text) for name, text in zip(names, texts, strict=True)))

    told = [finding.path for finding in result.findings if finding.source.startswith("syntax:")]
    assert sorted(told) == sorted(names)


OTHER_KINDS = {
    "python_2.py": "import sys\nprint 'hello'\nprint >>sys.stderr, 'a %s' % (\n    1,)\nexec 'x' in {}\nx = 0777L <> `y`\n",
    "raise.py": "try:\n    pass\nexcept (A, B), error:\n    raise E, 'words'\n",
    "jinja.py": "{% if x %}\nimport {{ cookiecutter.name }}\n{% endif %}\n",
    "value.py": "class {{ name|title }}Config:\n    pass\n",
    "filter.py": "import {{ cookiecutter['name']|default('a') }}\nclass {{ a.b() }}: ...\n",
    "fill.py": "version = @@VERSION@@\n",
    "jinja.ts": "{% for a in b %}\nexport const x = {{ a.value }};\n{% endfor %}\n",
    "erb.js": "<% if x %>\nvar x = <%= y %>;\n<% end %>\n",
    "jinja.go": "package {{ name }}\n\n{% if x %}\nfunc f() {}\n{% endif %}\n",
}


def reasons(path: str, text: str, *, before: str | None = None) -> set[SkipReason]:
    """Return why analysers did not read the file to the end."""
    sources, _ = read_sources(snapshot_of(changed(path, text, before=before)), ignore=())
    found: set[SkipReason] = set()
    for analyser in analysers_for(AnalysisOptions()):
        if analyser.languages is None or sources[0].language in analyser.languages:
            found |= set(analyser.run(sources).unread.values())
    return found


@pytest.mark.parametrize("path", OTHER_KINDS)
def test_python_2_and_templates_are_not_broken_and_not_read_either(path: str) -> None:
    text = OTHER_KINDS[path]

    assert [each for each in findings_in(path, text) if each.source.startswith("syntax:")] == []
    assert SkipReason.UNSUPPORTED_SYNTAX in reasons(path, text)


@pytest.mark.parametrize(
    ("path", "before"),
    [("python_2.py", "import os\n"), ("jinja.py", "import os\n"), ("jinja.ts", "export const x = 1;\n")],
)
def test_a_file_that_parsed_before_the_change_is_neither_a_template_nor_python_2(path: str, before: str) -> None:
    findings = findings_in(path, OTHER_KINDS[path], before=before)

    assert [each.source.partition(":")[0] for each in findings].count("syntax") == 1


@pytest.mark.parametrize("path", BROKEN)
def test_a_broken_file_is_unread_also_where_it_was_broken_before(path: str) -> None:
    _, broken = BROKEN[path]

    assert SkipReason.SYNTAX_ERROR in reasons(path, f"{broken}\n\n", before=broken)


VALID = [
    ("a.ts", 'const a = await f<typeof import("x")>();\n'),
    ("a.ts", "const a = await f<typeof import('x').default>();\n"),
    ("a.ts", 'let a: typeof import("x");\n'),
    ("a.ts", 'type A = readonly import("x").B[];\n'),
    ("a.ts", 'export type * as b from "a";\n'),
    ("a.ts", 'import defer * as x from "y";\n'),
    ("a.ts", 'import source x from "y";\n'),
    ("a.ts", "using x = f();\nawait using y = f();\nfor (using z of y) {}\nfor (await using z of y) {}\n"),
    ("a.ts", "class A {\n  static accessor x = 1;\n  accessor y;\n}\n"),
    ("a.ts", "class A {\n  @dec accessor x = 1;\n  @a.b() static accessor y: number;\n}\n"),
    ("a.js", "class A { @dec accessor x = 1; }\n"),
    ("a.js", "// @flow\nconst f = (x: number): string => x;\n"),
    ("a.js", "/**\n * @flow strict\n */\ntype A = {| a: number |};\n"),
    ("a.ts", "type A<in out T> = T;\ninterface B<out T> {}\n"),
    ("a.ts", "export default abstract class {}\n"),
    ("a.ts", "const a = { b: 1 } satisfies C;\nfunction f<const T>(x: T) {}\n"),
    ("a.tsx", 'const a = await i<typeof import("x")>();\nconst f = <T,>(x: T) => <div style={{ width }}>{x}</div>;\n'),
    ("a.js", 'import a from "b" with { type: "json" };\nlet r = /[[a-z]&&[aeiou]]/v;\n'),
    ("a.go", "package a\nfunc f() { for range 10 { } }\nvar x = []T{{1}, {2}}"),
    ("A.java", "import module java.base;\nvoid main() { IO.println(1); }\n"),
    ("A.java", "class A { A() { int x = 1; super(); } }\n"),
    ("a.rs", 'unsafe extern "C" { safe fn f(); }\nimpl const A for B {}\n'),
    ("a.rs", "trait T = A + B;\n"),
    ("a.ts", "const nul = '\0';\nconst x = 1;\n"),
    ("a.py", "x = 1\r\ry = 2\rdef f():\r    return 1\r"),
    ("a.py", "x = 1\n# one\r still the comment, as one sees it\ny = 2\n"),
    ("a.py", "x = '''\ra\r'''\ny = f(1,\r2)\n"),
    ("a.py", "x = 1\r\r\ny = 2\r\r\n"),
    ("a.js", "f();\rg();\r// a\rh();\r"),
    ("a.ts", "const x = 1;\r"),
    ("A.java", "class A {\r  int x;\r}\r"),
    ("a.py", "type X = str\nx = f'{'a'}'\ny = t'{x}'\ntry:\n    pass\nexcept A, B:\n    pass\n"),
    ("a.py", "def f[T](x: T) -> T: ...\nclass A[T: int = str]: ...\nwith (open(a) as b, open(c) as d): ...\n"),
]


@pytest.mark.parametrize(("path", "text"), VALID)
def test_valid_syntax_is_never_called_broken(path: str, text: str) -> None:
    assert [each for each in findings_in(path, text) if each.source.startswith("syntax:")] == []


@pytest.mark.parametrize(
    ("path", "text", "source", "line"),
    [
        ("a.py", "import os\nx = 1\n# harmless\ros.system(input())\ny = 2\n", "bandit:B605", 3),
        ("a.py", "x = 1\r\rdef f(x=[]):\r    return x\r", "ruff:B006", 1),
        ("a.js", "f();\n// harmless\rif (x === NaN) {}\ng();\n", "rules:js-compared-with-nan", 2),
    ],
)
def test_code_after_a_lone_carriage_return_is_reported_on_gits_line(
    path: str, text: str, source: str, line: int
) -> None:
    assert [(each.source, each.line) for each in findings_in(path, text)] == [(source, line)]


@pytest.mark.parametrize("text", ["x = 1\r", "x = 1\ry = 2\r", "x = 1\r\r\ny = 2\r\r\n", "\r", "x = 1\n\r"])
@pytest.mark.parametrize("path", ["a.py", "a.js", "A.java", "a.go", "a.txt"])
def test_a_carriage_return_at_the_end_of_a_file_stops_no_analyser(path: str, text: str) -> None:
    result = review(changed(path, text))

    assert [tool.error for tool in result.tools if tool.error and "failed" in tool.error] == []


def test_newer_syntax_that_is_rewritten_for_the_grammar_hides_no_defect() -> None:
    findings = findings_in("a.ts", 'const a = await f<typeof import("x")>();\nif (a === NaN) {}\n')

    assert [(each.source, each.line) for each in findings] == [("rules:js-compared-with-nan", 2)]


def test_a_file_that_parses_in_part_is_still_searched_for_what_needs_no_parser() -> None:
    assert "secrets:aws-access-token" in sources_of(findings_in("a.py", "x = = 'AKIA" + "QYLPMN5HFIQR7XYA'\n"))
