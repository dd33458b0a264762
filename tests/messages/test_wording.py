"""A store's own wording: used where it can be, named with file and line where it cannot, and never able to do harm."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.doctor_settings import check_settings
from app.messages.facts import MessageFacts, MessageKind
from app.messages.preview import wording_faults
from app.messages.render import render, render_own
from app.messages.samples import sample, variants
from app.messages.wording import BadWording
from app.settings import Settings

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
OWN = '{% extends "en/layout.txt" %}\n{% block subject %}Cheers, {{ order }}{% endblock %}\n{% block body %}\n'
END = "\n{% endblock %}\n"


def base(kind: MessageKind, locale: str = "en") -> MessageFacts:
    return MessageFacts(
        kind=kind, locale=locale, store_name="Lamp & Co", order_number="#1", store="alpha",
        status_url="https://returns.example/r/1", survey_url="https://returns.example/s/1",
    )  # fmt: skip


def put(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def test_a_store_says_it_in_its_own_words_and_others_in_ours(tmp_path: Path) -> None:
    put(tmp_path, "alpha/en/receipt.txt", f"{OWN}We have it, from {{{{ store }}}}.{END}")
    told = sample(MessageKind.RECEIPT, base(MessageKind.RECEIPT), NOW)
    message = render(told, tmp_path)
    assert message.subject == "Cheers, #1106"
    assert "We have it, from Lamp & Co." in message.text
    assert "We have it, from Lamp &amp; Co." in message.html
    assert 'href="https://returns.example/r/1"' in message.html
    assert render(replace(told, store="beta"), tmp_path) == render(replace(told, store="beta"))
    assert render(replace(told, locale="fr"), tmp_path) == render(replace(told, locale="fr"))


def test_a_frame_of_its_own_goes_around_every_message(tmp_path: Path) -> None:
    put(
        tmp_path,
        "alpha/en/layout.txt",
        "{% block subject %}{% endblock %}\n\nHi there,\n\n{% block body %}{% endblock %}\n\n"
        "{% block link %}{% endblock %}{% block help %}{% endblock %}\n\nYours, {{ store }}\n",
    )
    for kind in MessageKind:
        assert "Hi there," in render(sample(kind, base(kind), NOW), tmp_path).text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{OWN}Line two\n{{{{ nobody }}}}{END}", "receipt.txt:5: 'nobody' is undefined"),
        (f"{OWN}{{% if %}}{END}", "receipt.txt:4"),
        (f"{OWN}{{{{ lines.nothing.more }}}}{END}", "receipt.txt"),
        (f"{OWN}{{{{ 1 / 0 }}}}{END}", "division"),
        ("only a subject", "no text below its subject"),
        ("{% extends 'en/nowhere.txt' %}", "nowhere"),
        ("x" * 70_000, "larger"),
        (f"{OWN}{{{{ ''.__class__.__mro__ }}}}{END}", "unsafe"),
        (f"{OWN}{{{{ lines.append(1) }}}}{END}", "unsafe"),
        (f"{OWN}{{% for _ in range(99999999) %}}x{{% endfor %}}{END}", "range"),
        ("{% include '../../../../etc/passwd' %}", "passwd"),
    ],
)
def test_what_cannot_be_used_is_named_and_ours_is_sent(tmp_path: Path, text: str, said: str) -> None:
    put(tmp_path, "alpha/en/receipt.txt", text)
    told = sample(MessageKind.RECEIPT, base(MessageKind.RECEIPT), NOW)
    with pytest.raises(BadWording) as bad:
        render_own(told, tmp_path)
    assert said in str(bad.value)
    assert "receipt.txt" in str(bad.value)
    assert render(told, tmp_path) == render(told)


def test_a_changed_file_is_read_anew(tmp_path: Path) -> None:
    file = put(tmp_path, "alpha/en/receipt.txt", f"{OWN}First.{END}")
    told = sample(MessageKind.RECEIPT, base(MessageKind.RECEIPT), NOW)
    assert "First." in render(told, tmp_path).text
    file.write_text(f"{OWN}Second, longer.{END}", encoding="utf-8")
    assert "Second, longer." in render(told, tmp_path).text


def test_foreign_texts_cannot_act_as_templates(tmp_path: Path) -> None:
    put(tmp_path, "alpha/en/refused.txt", f"{OWN}{{{{ reason }}}}{END}")
    told = sample(MessageKind.REFUSED, base(MessageKind.REFUSED), NOW)
    message = render(replace(told, reason="{{ store }} <b>{% if %}"), tmp_path)
    assert "{{ store }} <b>{% if %}" in message.text
    assert "<b>" not in message.html


def test_doctor_names_each_file_that_cannot_be_used(settings: Settings, tmp_path: Path) -> None:
    settings.wording_dir = tmp_path
    assert list(wording_faults(settings, NOW)) == []
    put(tmp_path, "alpha/en/receipt.txt", f"{OWN}{{% if items %}}{{{{ itemz }}}}{{% endif %}}{END}")
    put(tmp_path, "alpha/fr/refused.txt", f"{OWN}{{{{ reason }}}}{END}")
    put(tmp_path, "alpha/de/receipt.txt", "x")
    put(tmp_path, "alpha/en/recipt.txt", "x")
    put(tmp_path, "nobody/en/receipt.txt", "x")
    put(tmp_path, "readme.md", "x")
    faults = list(wording_faults(settings, NOW))
    told = "\n".join(faults)
    assert len(faults) == 5
    for expected in ("receipt.txt:4: 'itemz' is undefined", "de/receipt.txt: the languages", "'recipt'", "nobody/en"):
        assert expected in told
    assert "refused" not in told.replace("refused, ", "")
    found = [one for one in check_settings(settings) if one.subject == "wording of mails"]
    assert len(found) == 5
    assert all(one.ok and one.mend and one.code == "wording_unusable" for one in found)
    settings.wording_dir = tmp_path / "missing"
    assert "no such folder" in next(iter(wording_faults(settings, NOW)))


@pytest.mark.parametrize("kind", MessageKind)
@pytest.mark.parametrize("language", ["en", "fr", "he"])
def test_ours_can_say_everything_that_may_be_told(kind: MessageKind, language: str) -> None:
    for told in variants(kind, base(kind, language), NOW):
        message = render(told)
        assert "None" not in message.text
        assert "\n\n\n" not in message.text
