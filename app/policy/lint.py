"""Looks for what is wrong in a policy file before a customer meets it: `makegood policy lint`. Pure.

An error makes the command fail: the file cannot be used, or does what a law forbids. A warning is something that its
author has probably not meant.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from app.cases.vocabulary import Reason, Remedy
from app.policy.conditions import never_holds, same_always
from app.policy.files import PolicyFault, PolicyFile, parse
from app.policy.guard import Unlawful, laws_in, unlawful
from app.policy.locate import Path, key_lines, line_of
from app.policy.model import EvidenceItem, ExceptionRule, Policy, Rule
from app.policy.terms import Amounts
from app.policy.words import sentences
from app.settings_supplier import SupplierSettings

Level = Literal["error", "warning"]
# What a supplier pays for only when it has been shown something.
_PROVED = (
    Reason.DEFECTIVE, Reason.DAMAGED_IN_TRANSIT, Reason.NOT_AS_DESCRIBED, Reason.WRONG_ITEM, Reason.MISSING_PARTS,
)  # fmt: skip
_MOST_COUNTRIES = 5
_ALL = 100


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, where, and what to do. `line` is 0 for what stands in the settings."""

    source: str
    line: int
    level: Level
    code: str
    message: str

    def __str__(self) -> str:
        where = f"{self.source}:{self.line}" if self.line else self.source
        return f"{where}: {self.level}: {self.message} [{self.code}]"


def lint(body: str, source: str) -> list[Finding]:
    """Everything that is wrong in the text of a policy, in the order of its lines."""
    try:
        file = parse(body, source)
    except PolicyFault as fault:
        return [Finding(one.source, one.line, "error", one.code, one.message) for one in fault.faults]
    lines = key_lines(body)
    found = [Finding(source, line_of(lines, path), level, code, message) for path, level, code, message in _all(file)]
    return sorted(dict.fromkeys(found), key=lambda one: (one.line, one.code, one.message))


def lint_terms(suppliers: dict[str, SupplierSettings]) -> list[Finding]:
    """Suppliers whose terms nobody has written down: the policy then guesses, and claims are lost."""
    found = []
    for key, supplier in sorted(suppliers.items()):
        terms = ("claim_window_days", "cost_ratio", "requires_goods")
        missing = [name.upper() for name in terms if getattr(supplier, name) is None]
        if missing:
            message = (
                f"the supplier {key!r} has no terms for {', '.join(missing)}; set them, or claims may come too late"
            )
            found.append(Finding(f"MAKEGOOD_SUPPLIERS__{key.upper()}", 0, "warning", "supplier_without_terms", message))
    return found


_Told = tuple[Path, Level, str, str]


def _all(file: PolicyFile) -> Iterator[_Told]:
    policy = file.policy
    yield from _laws(policy)
    yield from _currencies(policy)
    yield from _gaps(policy)
    yield from _overlaps(policy)
    yield from _dead(policy)
    yield from _words(policy)


def _laws(policy: Policy) -> Iterator[_Told]:
    """What the laws of its countries forbid; without countries, what any law does."""
    found: dict[tuple[Path, str, str], list[tuple[str, Unlawful]]] = {}
    countries: list[str | None] = [*sorted(policy.countries)] or [None]
    for country in countries:
        for one in unlawful(policy, laws_in(country, policy)):
            found.setdefault((one.path, one.forbidden, one.message), []).append((country or "", one))
    for (path, forbidden, message), cases in found.items():
        names = [country for country, _ in cases if country]
        where = ", ".join(names[:_MOST_COUNTRIES]) + (" …" if len(names) > _MOST_COUNTRIES else "")
        where = where or "some countries; name those that it is for in `countries`"
        articles = ", ".join(dict.fromkeys(article for _, one in cases for article in one.articles))
        cited = f" ({articles})" if articles else ""
        yield path, "error", f"unlawful_{forbidden}", f"{message}{cited}, in {where}: {cases[0][1].mend}"


def _amounts(policy: Policy) -> dict[Path, Amounts]:
    tables = {
        ("restocking_fee", "at_most"): policy.restocking_fee.at_most,
        ("returnless", "up_to"): policy.returnless.up_to,
        ("returnless", "cheaper_up_to"): policy.returnless.cheaper_up_to,
        ("costs", "freight"): policy.costs.freight,
        ("costs", "handling"): policy.costs.handling,
        ("approve", "up_to"): policy.approve.up_to,
        ("absorb", "up_to"): policy.absorb.up_to,
        ("abuse", "refunded"): policy.abuse.refunded,
        ("thanks", "coupon_amount"): policy.thanks.coupon_amount,
    }
    return {path: table for path, table in tables.items() if table}


def _currencies(policy: Policy) -> Iterator[_Told]:
    tables = _amounts(policy)
    every = {currency for table in tables.values() for currency in table.currencies}
    for path, table in tables.items():
        if missing := sorted(every - table.currencies):
            message = f"{'.'.join(map(str, path))} says nothing in {', '.join(missing)}, which stands elsewhere; add it"
            yield path, "warning", "currency_missing", message


def _gaps(policy: Policy) -> Iterator[_Told]:
    asked = {reason for item in policy.evidence for reason in item.reasons}
    if policy.evidence:
        for reason in _PROVED:
            if reason not in asked:
                message = f"nothing is asked for {reason}: suppliers want to see it; add [[evidence]] for it"
                yield ("evidence", 0), "warning", "gap_evidence", message
    returnless = policy.returnless
    if returnless.cheaper_up_to and not (policy.costs.freight or policy.costs.handling):
        message = "cheaper_up_to compares costs, and there are none; write [costs]"
        yield ("returnless", "cheaper_up_to"), "warning", "gap_costs", message
    if (returnless.up_to or returnless.cheaper_up_to) and not returnless.reasons:
        yield (
            ("returnless",),
            "warning",
            "gap_reasons",
            "no reason is returnless: write reasons, or take the limits out",
        )
    if policy.local.countries and not policy.local.address:
        yield ("local", "countries"), "warning", "gap_address", "the local centre has no address; write local.address"


def _overlaps(policy: Policy) -> Iterator[_Told]:
    routes = policy.routes
    lists = ("claim", "claim_unless_goods_wanted", "claim_if_goods_not_wanted")
    for position, name in enumerate(lists):
        for other in lists[:position]:
            if twice := sorted(getattr(routes, name) & getattr(routes, other)):
                message = f"{', '.join(twice)} stands in {other} too, which wins; keep one"
                yield ("routes", name), "warning", "overlap", message
    for kind, parts in _parts(policy):
        for index, one in enumerate(parts):
            for before in parts[:index]:
                if _clash(before, one):
                    message = f"{one.id!r} has the condition of {before.id!r}, which comes first and wins; keep one"
                    yield (kind, index, "when"), "warning", "overlap", message


def _parts(policy: Policy) -> Sequence[tuple[str, Sequence[Rule | ExceptionRule]]]:
    return (("exception", policy.exception), ("rule", policy.rule))


def _clash(before: Rule | ExceptionRule, one: Rule | ExceptionRule) -> bool:
    """The same condition for the same reasons, and both set the same thing."""
    if before.when.split() != one.when.split() or not before.reasons & one.reasons or same_always(one.when) is True:
        return False
    return not isinstance(one, Rule) or not isinstance(before, Rule) or bool(before.sets & one.sets)


def _dead(policy: Policy) -> Iterator[_Told]:
    for kind, parts in _parts(policy):
        for index, one in enumerate(parts):
            if isinstance(one, Rule) and not one.sets:
                yield (kind, index), "warning", "dead_rule", f"the rule {one.id!r} sets nothing; say what it does"
            elif (winner := _hidden_by(parts[:index], one)) is not None:
                message = f"{one.id!r} is never reached: {winner!r} before it always holds; put it first or narrow that"
                yield (kind, index), "warning", "dead_rule", message
    for kind, index, part in policy.parts():
        if part.when is not None and (why := never_holds(part.when)) is not None:
            yield (kind, index, "when"), "warning", "dead_rule", f"this never holds: {why}"
    yield from _dead_sections(policy)
    for key in ("keep_item_percent", "keep_item_reasons"):
        if key in policy.remedies.model_fields_set and Remedy.KEEP_ITEM not in policy.remedies.offered:
            message = "keep_item is not offered, so this does nothing; add it to offered, or take this out"
            yield ("remedies", key), "warning", "dead_keep_item", message
    if Reason.LOST in policy.remedies.keep_item_reasons:
        message = "what was lost cannot be kept; take `lost` out"
        yield ("remedies", "keep_item_reasons"), "warning", "keep_item_lost", message
    if policy.remedies.keep_item_percent == _ALL and Remedy.KEEP_ITEM in policy.remedies.offered:
        message = "who keeps the goods gets all of the price back, for any reason; write less, or use [returnless]"
        yield ("remedies", "keep_item_percent"), "warning", "keep_item_whole", message


def _hidden_by(before: Sequence[Rule | ExceptionRule], one: Rule | ExceptionRule) -> str | None:
    for other in before:
        wider = one.reasons <= other.reasons
        sets_all = not isinstance(one, Rule) or not isinstance(other, Rule) or one.sets <= other.sets
        if wider and sets_all and same_always(other.when) is True:
            return other.id
    return None


def _dead_sections(policy: Policy) -> Iterator[_Told]:
    small, large = policy.returnless.up_to, policy.returnless.cheaper_up_to
    for currency in sorted(small.currencies & large.currencies):
        if large.root[currency] <= small.root[currency]:
            message = f"in {currency} it is not above up_to, which comes first; raise it or take it out"
            yield ("returnless", "cheaper_up_to"), "warning", "dead_limit", message
    fee = policy.restocking_fee
    if fee.at_most and not fee.percent and not any(rule.fee_percent for rule in policy.rule):
        yield ("restocking_fee", "at_most"), "warning", "dead_limit", "no fee is kept, so at_most does nothing"


def _words(policy: Policy) -> Iterator[_Told]:
    known = sentences("en")["evidence"]
    for kind, index, one in policy.parts():
        if isinstance(one, EvidenceItem) and one.say is None and one.id not in known:
            message = f"Makegood has no words for {one.id!r}; write say, or use one of {', '.join(sorted(known))}"
            yield (kind, index, "id"), "warning", "words_missing", message
        if one.say is not None:
            missing = [name for name, text in (("fr", one.say.fr), ("he", one.say.he)) if not text]
            if missing:
                message = f"say has no {' and no '.join(missing)}; English is shown there"
                yield (kind, index, "say"), "warning", "words_missing", message
