"""A store's colour can be read wherever it is used, whatever colour it is."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.pages.catalogue import FOLDER
from app.pages.colour import contrast, readable
from app.pages.render import ACCENT, DARK, LIGHT, stylesheet

COLOURS = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


def test_contrast_is_what_wcag_says() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    assert contrast("#336699", "#336699") == 1


@given(COLOURS)
def test_any_colour_becomes_one_that_can_be_read(colour: str) -> None:
    for behind in (LIGHT, DARK):
        mended = readable(colour, *behind)
        assert re.fullmatch(r"#[0-9a-f]{6}", mended)
        assert min(contrast(mended, one) for one in behind) >= 4.5


@pytest.mark.parametrize("colour", ["#2f6f62", "#aa3300", "#000000"])
def test_a_colour_that_can_be_read_stays_as_it_is(colour: str) -> None:
    assert readable(colour, *LIGHT) == colour


def test_the_stylesheet_is_mended_for_light_and_dark() -> None:
    css, _ = stylesheet("#ffee00")
    light, dark = re.findall(r"--accent: (#[0-9a-f]{6})", css)[:2]
    assert contrast(light, "#ffffff") >= 4.5
    assert dark == "#ffee00"
    assert "ACCENT" not in css


def test_the_grounds_are_those_of_the_stylesheet() -> None:
    css = (FOLDER / "style.css").read_text("utf-8")
    light, dark = (dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", part)) for part in css.split("@media", 2)[:2])
    assert (light["page"], light["card"]) == LIGHT
    assert (dark["page"], dark["card"]) == DARK
    # What is written on a filled button.
    for ground, words in ((LIGHT, light["on-accent"]), (DARK, dark["on-accent"])):
        for colour in (ACCENT, "#ffee00", "#000000", "#ff0000"):
            assert contrast(readable(colour, *ground), words) >= 4.5
