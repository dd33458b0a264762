"""CEL conditions of a policy: what they may look at, and whether one holds. Pure; `docs/policy.md` lists the names.

Amounts are whole minor units, and `amount("12.50")` turns a text into minor units of the order's currency, so no float
is ever needed. What is not known is an empty text or 0, never null.
"""

from __future__ import annotations

import difflib
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any

import cel

from app.errors import AppError
from app.money import Money
from app.policy.question import AskedLine, Question, window_start

Values = dict[str, dict[str, str | int | bool]]

# Every name that a condition may use, with a value of its type.
SAMPLE: Values = {
    "order": {
        "number": "#1001",
        "total": 5990,
        "currency": "EUR",
        "country": "FR",
        "region": "",
        "company": False,
        "days_since_placed": 9,
        "lines": 2,
        "payment_method": "",
    },
    "line": {
        "id": "1",
        "sku": "LAMP-01",
        "title": "Lamp",
        "vendor": "Acme",
        "product_id": "7",
        "variant_id": "8",
        "quantity": 1,
        "ordered": 2,
        "reason": "changed_mind",
        "value": 2990,
        "unit_value": 2990,
        "days_since_start": 5,
        "condition": "",
        "gift_card": False,
        "recent_damage": 0,
    },
    "customer": {"orders": 3, "cases": 1, "spent": 12000, "refunded": 2990, "refunded_percent": 24},
    "supplier": {"key": "acme", "requires_rma": True, "wants_goods": "unknown", "claim_window_days": 30},
    "request": {"remedy": "refund", "value": 2990, "lines": 1, "photos": 0, "answers": 0},
}
# The library logs what it raises as well; the text of a condition that fails is told once, by the error.
logging.getLogger("cel").setLevel(logging.CRITICAL + 1)
_TEXT = re.compile(r"""'''.*?'''|\"\"\".*?\"\"\"|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'""", re.DOTALL)
_MEMBER = re.compile(rf"\b({'|'.join(SAMPLE)})\s*\.\s*([A-Za-z_]\w*)(?!\s*\()")
_MOST = 1000


class BadCondition(AppError):
    """A condition that cannot be read, or names something that is not there. The text says what to write instead."""

    status = 422
    code = "bad_condition"
    title = "A condition cannot be used"


class _NoNumber(BadCondition):
    """A division by zero, or a number that is too large: a matter of the values, not of the condition."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A compiled condition and the values it looks at (`("line", "value")`)."""

    text: str
    program: cel.Program
    looks_at: tuple[tuple[str, str], ...]


@lru_cache(maxsize=1000)
def compiled(text: str) -> Condition:
    """The condition, checked: it can be read, every name is known, and every type fits. Raises `BadCondition`."""
    if len(text) > _MOST:
        raise BadCondition(f"a condition has at most {_MOST} characters")
    try:
        program = cel.compile(text)
    except ValueError as error:
        where = str(error).partition("ERROR: ")[2].split("\n")[0] or "it is not CEL"
        raise BadCondition(f"this is no condition: {where}") from None
    bare = _TEXT.sub('""', text)
    looks_at = tuple(dict.fromkeys((root, name) for root, name in _MEMBER.findall(bare)))
    for root, name in looks_at:
        if name not in SAMPLE[root]:
            near = difflib.get_close_matches(name, SAMPLE[root], n=1, cutoff=0.0)[0]
            raise BadCondition(f"{root}.{name} is not known; did you mean {root}.{near}?")
    for name in _wrong_roots(program, bare):
        near = difflib.get_close_matches(name, SAMPLE, n=1, cutoff=0.0)[0]
        raise BadCondition(f"{name} is not known; conditions look at {', '.join(SAMPLE)} (did you mean {near}?)")
    condition = Condition(text, program, looks_at)
    for sample in (SAMPLE, _extreme(0, ""), _extreme(10**9, "zzz")):
        if not isinstance(_try(condition, sample), bool):
            raise BadCondition('it must be true or false, such as line.value > amount("50.00")')
    return condition


def _extreme(number: int, text: str) -> Values:
    """The sample with other values of the same types: `&&` and `||` hide a wrong type from one sample alone."""

    def other(value: str | int | bool) -> str | int | bool:
        if isinstance(value, bool):
            return number > 0
        return text if isinstance(value, str) else number

    return {root: {name: other(value) for name, value in names.items()} for root, names in SAMPLE.items()}


def _try(condition: Condition, sample: Values) -> Any:
    try:
        return _run(condition, context(sample, "EUR", 2))
    except _NoNumber:
        return True


def _wrong_roots(program: cel.Program, bare: str) -> list[str]:
    """Variables that are none of the roots, nor bound by a macro such as `exists(x, …)`."""
    bound = set(re.findall(r"\(\s*([A-Za-z_]\w*)\s*,", bare))
    return [name for name in program.variables() if name not in SAMPLE and name not in bound and name[0] != "@"]


def context(values: Values, currency: str, exponent: int) -> cel.Context:
    """What a condition is run on."""

    def amount(text: str) -> int:
        return Money.parse(text, currency, exponent).minor

    return cel.Context(dict(values), {"amount": amount})


def holds(text: str, looked: cel.Context) -> bool:
    """Whether the condition holds. Raises `BadCondition` when it cannot be said (a division by zero, for example)."""
    answer = _run(compiled(text), looked)
    if not isinstance(answer, bool):
        raise BadCondition("it was neither true nor false")
    return answer


def _run(condition: Condition, looked: cel.Context) -> Any:
    try:
        return condition.program.execute(looked)
    except ArithmeticError:
        raise _NoNumber("it cannot be worked out: a division by zero, or a number that is too large") from None
    except (RuntimeError, TypeError, ValueError, KeyError) as error:
        told = str(error).split("\n")[0].rpartition("BadAmount: ")[2].split(". ")[0].split(": the ")[0]
        raise BadCondition(f"it cannot be worked out: {told}") from None


def values_of(question: Question, line: AskedLine) -> Values:
    """What conditions see of one line of a question."""
    order, history, supplier = question.order, question.history, question.supplier
    bought = order.line(line.line_id)
    began = window_start(order, line.line_id)
    wants = supplier.requires_goods if supplier else None
    return {
        "order": {
            "number": order.number,
            "total": order.total,
            "currency": order.currency,
            "country": order.country or "",
            "region": order.region or "",
            "company": order.company,
            "days_since_placed": max(0, (question.declared_at - order.placed_at).days),
            "lines": len(order.lines),
            "payment_method": order.payment_method or "",
        },
        "line": {
            "id": line.line_id,
            "sku": (bought.sku if bought else None) or "",
            "title": bought.title if bought else "",
            "vendor": (bought.vendor if bought else None) or "",
            "product_id": (bought.product_id if bought else None) or "",
            "variant_id": (bought.variant_id if bought else None) or "",
            "quantity": line.quantity,
            "ordered": bought.quantity if bought else 0,
            "reason": str(line.reason),
            "value": line.value,
            "unit_value": line.value // max(1, line.quantity),
            "days_since_start": max(0, (question.declared_at - began).days),
            "condition": line.condition or "",
            "gift_card": bool(bought and bought.gift_card),
            "recent_damage": line.recent_damage,
        },
        "customer": {
            "orders": history.orders,
            "cases": history.cases,
            "spent": history.spent,
            "refunded": history.refunded,
            "refunded_percent": history.refunded * 100 // history.spent if history.spent else 0,
        },
        "supplier": {
            "key": supplier.key if supplier else "",
            "requires_rma": supplier.requires_rma if supplier else False,
            "wants_goods": "unknown" if wants is None else "yes" if wants else "no",
            "claim_window_days": (supplier.claim_window_days if supplier else None) or 0,
        },
        "request": {
            "remedy": str(question.remedy),
            "value": sum(one.value for one in question.lines),
            "lines": len(question.lines),
            "photos": question.evidence.photos,
            "answers": question.evidence.answers,
        },
    }


def seen(text: str, values: Mapping[str, Mapping[str, str | int | bool]]) -> dict[str, str | int | bool]:
    """The values that a condition looked at, by name, for the record. Numbers and short codes only, no free text."""
    hidden = {("line", "title")}
    return {
        f"{root}.{name}": values[root][name] for root, name in compiled(text).looks_at if (root, name) not in hidden
    }


_BOUND = re.compile(
    rf'^({"|".join(SAMPLE)})\.(\w+)\s*(<=|<|>=|>|==)\s*(?:(-?\d+)|amount\("(\d+(?:\.\d+)?)"\)|"([^"]*)")$', re.ASCII
)


def same_always(text: str) -> bool | None:
    """What a condition that looks at nothing always is; None for one that looks at something."""
    condition = compiled(text)
    return None if condition.program.variables() else bool(_try(condition, SAMPLE))


def never_holds(text: str) -> str | None:
    """Why a condition can never hold, as far as that is plain; None otherwise.

    Seen are conditions that are always false, and comparisons joined by `&&` alone that contradict each other.
    """
    if same_always(text) is False:
        return "it is always false"
    if any(sign in text for sign in ("||", "?", "!")):
        return None
    bounds: dict[str, list[tuple[str, Decimal | str]]] = {}
    for part in text.split("&&"):
        found = _BOUND.match(part.strip().strip("()").strip() if part.count("(") == part.count(")") else part.strip())
        if found is not None:
            root, name, sign, whole, money, word = found.groups()
            kind = f"{root}.{name}" + ("" if money is None else " (an amount)")
            value: Decimal | str = word if word is not None else Decimal(whole or money)
            bounds.setdefault(kind, []).append((sign, value))
    return next((f"{name} cannot be all of that at once" for name, told in bounds.items() if _contradict(told)), None)


def _contradict(told: list[tuple[str, Decimal | str]]) -> bool:
    words = {value for sign, value in told if isinstance(value, str) and sign == "=="}
    numbers = [(sign, value) for sign, value in told if isinstance(value, Decimal)]
    low = max(((value, sign == ">") for sign, value in numbers if sign in (">", ">=", "==")), default=None)
    high = min(((value, sign != "<") for sign, value in numbers if sign in ("<", "<=", "==")), default=None)
    if len(words) > 1:
        return True
    if low is None or high is None:
        return False
    return low[0] > high[0] or (low[0] == high[0] and (low[1] or not high[1]))
