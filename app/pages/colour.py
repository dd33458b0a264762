"""A store's colour, so that it can be read: mended until it stands out from what is behind it."""

from __future__ import annotations

# WCAG 2.2, 1.4.3: text of ordinary size.
ENOUGH = 4.5
_STEPS = 50


def luminance(colour: str) -> float:
    """Relative luminance of `#rrggbb`, from 0 (black) to 1 (white), as WCAG 2.2 defines it."""
    parts = [part / 255 for part in _parts(colour)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """The contrast of two colours, from 1 to 21."""
    bright, dim = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def readable(colour: str, *behind: str) -> str:
    """The colour nearest to `colour` that can be read on all of `behind`: as it is, or darker, or lighter.

    Towards black on light ground and towards white on dark ground, in steps.
    """
    goal = "#000000" if luminance(behind[0]) > 0.18 else "#ffffff"
    for step in range(_STEPS + 1):
        mixed = _mixed(colour, goal, step / _STEPS)
        if all(contrast(mixed, one) >= ENOUGH for one in behind):
            return mixed
    return goal


def _parts(colour: str) -> tuple[int, int, int]:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return red, green, blue


def _mixed(colour: str, goal: str, share: float) -> str:
    pairs = zip(_parts(colour), _parts(goal), strict=True)
    return "#" + "".join(f"{round(own + (other - own) * share):02x}" for own, other in pairs)
