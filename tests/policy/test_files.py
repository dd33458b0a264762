"""Reading policy files: names, paths, versions, lines."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.policy.files import SHIPPED, PolicyFault, load, parse
from app.policy.locate import key_lines, line_of

TEXT = '''name = "x" # [[a]]
[window]
days = 3
by_reason = { defective = 5 } # }
[[rule]]
id = "a]"
when = """
x = "1"
[b]
"""
[rule.say]
en = 'it'
[[rule]]
id = "b"
say.en = "é # [["
list = [
 "a", # ]
]
last = 1
'''


def test_every_key_has_its_line() -> None:
    assert tomllib.loads(TEXT)
    lines = key_lines(TEXT)
    assert {path: lines[path] for path in [
        ("name",), ("window",), ("window", "days"), ("window", "by_reason"), ("rule", 0), ("rule", 0, "when"),
        ("rule", 0, "say", "en"), ("rule", 1), ("rule", 1, "say"), ("rule", 1, "say", "en"), ("rule", 1, "last"),
    ]} == {
        ("name",): 1, ("window",): 2, ("window", "days"): 3, ("window", "by_reason"): 4, ("rule", 0): 5,
        ("rule", 0, "when"): 7, ("rule", 0, "say", "en"): 12, ("rule", 1): 13, ("rule", 1, "say"): 15,
        ("rule", 1, "say", "en"): 15, ("rule", 1, "last"): 19,
    }  # fmt: skip
    assert ("x",) not in {path[-1:] for path in lines}


def test_what_stands_nowhere_has_the_line_of_what_is_above_it() -> None:
    lines = key_lines(TEXT)
    assert line_of(lines, ("window", "by_reason", "broken")) == 4
    assert line_of(lines, ("rule", 1, "route")) == 13
    assert line_of(lines, ("nothing",)) == 1


@given(st.lists(st.text(alphabet="ab#[]{}=,\"'\\ \n.1é", max_size=30), max_size=4))
def test_a_string_never_moves_the_lines(strings: list[str]) -> None:
    """Whatever a string holds, the key after it is found."""
    quoted = [value.encode("unicode_escape").decode().replace('"', '\\"').replace("\\x", "\\u00") for value in strings]
    text = "\n".join(f'key{index} = "{value}"' for index, value in enumerate(quoted)) + "\n[last]\nkey = 1\n"
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    lines = key_lines(text)
    assert lines[("last", "key")] == len(strings) + 2 + (not strings)
    assert [lines[(f"key{index}",)] for index in range(len(strings))] == list(range(1, len(strings) + 1))


def test_shipped_names_and_paths(tmp_path: Path) -> None:
    assert {load(name).policy.name for name in SHIPPED} == set(SHIPPED)
    file = tmp_path / "mine.toml"
    file.write_text(load("eu").body, encoding="utf-8")
    assert load(str(file)).version == load("eu").version


def test_the_version_is_the_authors_and_the_contents() -> None:
    first = parse('name = "a"\nversion = "7"\n', "a.toml")
    again = parse('name = "a"\nversion = "7"\n', "b.toml")
    other = parse('name = "a"\nversion = "7"\n\n', "a.toml")
    assert first.version == again.version != other.version
    assert first.version.startswith("a@7+")
    assert len(first.version) == len("a@7+") + 12


def test_a_name_that_is_nearly_right() -> None:
    with pytest.raises(PolicyFault) as refused:
        load("defualt")
    assert "did you mean default?" in refused.value.detail


def test_text_that_is_no_text(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(PolicyFault, match="UTF-8"):
        load(str(file))


def test_every_fault_of_form_is_told_at_once_with_its_line() -> None:
    with pytest.raises(PolicyFault) as refused:
        parse('name = "Not Good"\nversion = "1"\n[window]\ndayz = 3\ndays = "x"\n', "mine.toml")
    assert [(fault.line, fault.code) for fault in refused.value.faults] == [
        (1, "bad_value"), (4, "unknown_key"), (5, "bad_value"),
    ]  # fmt: skip
    assert "mine.toml:4: window.dayz is not a key of a policy; did you mean 'days'?" in refused.value.detail
