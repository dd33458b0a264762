"""The perceptual hash: what it takes for the same picture, and how a database looks it up."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageEnhance

from app.evidence.likeness import NEAR, bands, candidate_bands, distance, likeness
from tests.evidence.pictures import file_of, scene

HASHES = st.integers(-(2**63), 2**63 - 1)


def hashed(picture: Image.Image) -> int:
    found = likeness(picture)
    assert found is not None
    return found


@pytest.mark.parametrize("seed", range(12))
def test_the_same_picture_saved_otherwise_is_near(seed: int) -> None:
    original = scene(seed)
    messenger = Image.open(io.BytesIO(file_of(original.resize((400, 300)), "JPEG", quality=30)))
    brighter = ImageEnhance.Brightness(original).enhance(1.1)
    for other in (messenger, brighter, original.convert("L").convert("RGB")):
        assert distance(hashed(original), hashed(other)) <= NEAR


def test_other_pictures_are_far() -> None:
    found = [hashed(scene(seed)) for seed in range(60)]
    near = [(a, b) for a in range(60) for b in range(a) if distance(found[a], found[b]) <= NEAR]
    assert near == []


def test_a_blank_picture_is_like_none() -> None:
    assert likeness(Image.new("RGB", (300, 300), "white")) is None
    assert likeness(Image.new("RGB", (1, 1), "black")) is None


@given(one=HASHES, other=HASHES)
def test_distance_counts_bits(one: int, other: int) -> None:
    assert distance(one, one) == 0
    assert distance(one, other) == distance(other, one) <= 64
    assert distance(0, -1) == 64


@given(one=HASHES, flipped=st.sets(st.integers(0, 63), max_size=NEAR))
def test_whatever_is_near_shares_a_band(one: int, flipped: set[int]) -> None:
    """Nothing within the limit is missed by the look-up; every number fits the database's integers."""
    bits = one & (2**64 - 1)
    for bit in flipped:
        bits ^= 1 << bit
    other = bits - 2**64 if bits >> 63 else bits
    assert distance(one, other) == len(flipped)
    found = zip(bands(other), candidate_bands(one), strict=True)
    assert any(band in near for band, near in found)
    assert all(0 <= band < 2**31 for near in candidate_bands(one) for band in near)
