"""Signed links: made for one purpose and a time, and worth nothing when anything about them is changed."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from app import links
from app.errors import ConfigError
from app.links import LinkExpired, LinkInvalid, LinkPurpose
from app.settings import Settings

NOW = datetime(2026, 11, 22, 8, 0, 0, 500_000, tzinfo=UTC)
SUBJECT = "0199f5a2-7c1e-7d5a-9c55-0123456789ab"
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def made(settings: Settings, subject: str = SUBJECT) -> str:
    return links.sign(settings, LinkPurpose.REQUEST, subject, NOW, days=400)


def test_what_was_signed_is_read_until_its_last_second(settings: Settings) -> None:
    token = links.sign(settings, LinkPurpose.PHOTO, SUBJECT, NOW, seconds=60)
    for later in (0, 59):
        assert links.read(settings, LinkPurpose.PHOTO, token, NOW + timedelta(seconds=later)) == SUBJECT
    with pytest.raises(LinkExpired):
        links.read(settings, LinkPurpose.PHOTO, token, NOW + timedelta(seconds=61))


@pytest.mark.parametrize("subject", ["", "alpha:#1106", "בדיקה", "a" * 300, "x.y~z"])
def test_any_subject_survives_and_fits_into_a_path(settings: Settings, subject: str) -> None:
    token = made(settings, subject)
    assert set(token) <= {*ALPHABET, "."}
    assert links.read(settings, LinkPurpose.REQUEST, token, NOW) == subject


def test_a_link_for_a_case_is_short_enough_for_a_mail(settings: Settings) -> None:
    assert len(made(settings)) <= 100


def test_a_token_is_worth_nothing_for_another_purpose(settings: Settings) -> None:
    for purpose in LinkPurpose:
        token = links.sign(settings, purpose, SUBJECT, NOW, days=1)
        for other in set(LinkPurpose) - {purpose}:
            with pytest.raises(LinkInvalid):
                links.read(settings, other, token, NOW)


def test_no_character_of_a_token_can_be_changed(settings: Settings) -> None:
    token = made(settings)
    for at, character in enumerate(token):
        following = ALPHABET[(ALPHABET.find(character) + 1) % len(ALPHABET)]
        for changed in (token[:at] + following + token[at + 1 :], token[:at] + token[at + 1 :], token[:at] + "="):
            with pytest.raises(LinkInvalid):
                links.read(settings, LinkPurpose.REQUEST, changed, NOW)


@pytest.mark.parametrize("end", ["=", "\n", "!", ".", "%3D", "A"])
def test_nothing_can_be_added(settings: Settings, end: str) -> None:
    for changed in (made(settings) + end, end + made(settings), made(settings).replace(".", f"{end}.")):
        with pytest.raises(LinkInvalid):
            links.read(settings, LinkPurpose.REQUEST, changed, NOW)


@pytest.mark.parametrize(
    "token", ["", ".", "a", "a.b", "é" * 30, "\x00", "a" * 5000, "AGk" + "A" * 20 + "." + "A" * 43]
)
def test_what_was_never_signed_is_refused(settings: Settings, token: str) -> None:
    with pytest.raises(LinkInvalid):
        links.read(settings, LinkPurpose.REQUEST, token, NOW)


def test_the_expiry_cannot_be_moved(settings: Settings) -> None:
    token = links.sign(settings, LinkPurpose.REQUEST, SUBJECT, NOW, seconds=1)
    _, signature = token.split(".")
    later = int((NOW + timedelta(days=4000)).timestamp()).to_bytes(5, "big")
    forged = base64.urlsafe_b64encode(later + SUBJECT.encode()).decode().rstrip("=")
    with pytest.raises(LinkInvalid):
        links.read(settings, LinkPurpose.REQUEST, f"{forged}.{signature}", NOW)


def test_keys_rotate_while_links_are_out(settings: Settings) -> None:
    old, new = SecretStr("the-key-before-0123456789"), SecretStr("the-key-of-today-0123456789")
    settings.secret_key = [old]
    before = made(settings)
    settings.secret_key = [new, old]
    after = made(settings)
    assert links.read(settings, LinkPurpose.REQUEST, before, NOW) == SUBJECT
    assert links.read(settings, LinkPurpose.REQUEST, after, NOW) == SUBJECT
    settings.secret_key = [new]
    assert links.read(settings, LinkPurpose.REQUEST, after, NOW) == SUBJECT
    with pytest.raises(LinkInvalid):
        links.read(settings, LinkPurpose.REQUEST, before, NOW)


def test_without_a_key_nothing_is_signed(settings: Settings) -> None:
    settings.secret_key = []
    with pytest.raises(ConfigError, match="SECRET_KEY"):
        made(settings)


def test_addresses_are_below_the_public_url(settings: Settings) -> None:
    settings.public_url = "https://shop.example/returns-desk"
    assert links.url(settings, "/returns/alpha") == "https://shop.example/returns-desk/returns/alpha"
    assert links.path(settings, "/returns/alpha") == "/returns-desk/returns/alpha"
    settings.public_url = "https://returns.example"
    assert links.path(settings, "/returns/alpha") == "/returns/alpha"
