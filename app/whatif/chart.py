"""The chart of a comparison: what becomes of the cases, what it costs, and how soon the money is out. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal

from app.money import currency_exponent
from app.whatif.report import MONEY
from app.whatif.svg import bar, line, picture, rule, text
from app.whatif.tally import ALL, Tally, currencies, days

_WIDTH, _LEFT, _RIGHT = 880, 250, 700
_SHARES = {
    "sent_back": "approved, goods go back",
    "claim": "approved, a claim at the supplier",
    "returnless": "approved, nothing goes back",
    "unanswered": "asked for evidence, none came",
    "operator": "left to a person",
    "rejected": "rejected",
}
_LONGEST_DAYS = 60


def chart(before: Tally, after: Tally, names: tuple[str, str]) -> str:
    """The SVG file. `names` are those of the two policies, as the table has them."""
    old, new = before.of(ALL), after.of(ALL)
    shapes, y = [], 34.0
    for part in (_outcomes, _money, _times):
        drawn, y = part(old, new, y)
        shapes += drawn
    head = [
        bar(24, 14, 14, 14, "before", names[0]),
        text(44, 26, f"before: {names[0]}"),
        bar(_WIDTH / 2, 14, 14, 14, "after", names[1]),
        text(_WIDTH / 2 + 20, 26, f"after: {names[1]}"),
    ]
    said = f"{old['cases']} past cases, decided by {names[0]} and by {names[1]}."
    return picture(_WIDTH, int(y), "Two policies over the same cases", said, [*head, *shapes])


def _outcomes(old: Counter[str], new: Counter[str], y: float) -> tuple[list[str], float]:
    shapes = [text(24, y + 34, "What becomes of a case", "title")]
    y += 48
    for label, sums in (("before", old), ("after", new)):
        shapes.append(text(_LEFT - 12, y + 19, label, "quiet", "end"))
        x = float(_LEFT)
        for index, (name, words) in enumerate(_SHARES.items()):
            share = _share(sums, name)
            width = share * (_WIDTH - 24 - _LEFT)
            shapes.append(bar(x, y, width, 28, f"s{index}", f"{words}: {100 * share:.1f} %"))
            x += width
        y += 36
    for index, words in enumerate(_SHARES.values()):
        x, row = _LEFT + index % 2 * 300, index // 2
        shapes += [bar(x, y + 6 + row * 20, 12, 12, f"s{index}", words), text(x + 18, y + 17 + row * 20, words)]
    return shapes, y + 72


def _share(sums: Counter[str], name: str) -> float:
    """Shares of all cases that add up to one: each case is in one of them."""
    whole = sums["cases"] or 1
    if name == "sent_back":
        return (sums["approved"] - sums["returnless"] - sums["claim"]) / whole
    return sums[name] / whole


def _money(old: Counter[str], new: Counter[str], y: float) -> tuple[list[str], float]:
    shapes = []
    for currency in currencies(old, new):
        shapes.append(text(24, y + 34, f"Money ({currency})", "title"))
        y += 48
        amounts = {name: [_whole(sums, name, currency) for sums in (old, new)] for name in MONEY}
        most = max([abs(amount) for pair in amounts.values() for amount in pair] + [Decimal(1)])
        for name, pair in amounts.items():
            shapes.append(text(_LEFT - 12, y + 20, MONEY[name], "quiet", "end"))
            for index, (kind, amount) in enumerate(zip(("before", "after"), pair, strict=True)):
                width = float(abs(amount) / most) * (_RIGHT - _LEFT)
                shapes.append(bar(_LEFT, y + index * 14, width, 12, kind, f"{kind}: {amount:,.0f} {currency}"))
                shapes.append(text(_LEFT + width + 8, y + 11 + index * 14, f"{amount:,.0f}", "quiet"))
            y += 38
    return shapes, y


def _whole(sums: Counter[str], name: str, currency: str) -> Decimal:
    return Decimal(sums[f"{name}:{currency}"]).scaleb(-currency_exponent(currency))


def _times(old: Counter[str], new: Counter[str], y: float) -> tuple[list[str], float]:
    shapes = [text(24, y + 34, "How many of the refunds are out, days after the request", "title")]
    top, bottom, right = y + 52, y + 212, _WIDTH - 40
    for percent in (0, 25, 50, 75, 100):
        level = bottom - percent / 100 * (bottom - top)
        shapes += [rule(_LEFT, level, right, level), text(_LEFT - 12, level + 4, f"{percent} %", "quiet", "end")]
    for day in range(0, _LONGEST_DAYS + 1, 10):
        x = _LEFT + day / _LONGEST_DAYS * (right - _LEFT)
        shapes.append(text(x, bottom + 20, str(day), "quiet", "middle"))
    for kind, sums in (("before", old), ("after", new)):
        points = [
            (_LEFT + day / _LONGEST_DAYS * (right - _LEFT), bottom - share * (bottom - top))
            for day, share in _reached(sums)
        ]
        shapes.append(line(points, kind))
    return shapes, bottom + 44


def _reached(sums: Counter[str]) -> Iterator[tuple[int, float]]:
    """The share of the refunds that is out by the end of each day."""
    by_day = dict(days(sums))
    total, out = sum(by_day.values()) or 1, 0
    for day in range(_LONGEST_DAYS + 1):
        out += by_day.get(day, 0)
        yield day, out / total
