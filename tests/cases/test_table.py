"""The table of transitions, written down a second time: a changed edge, guard or follow-up must be meant.

Each line is `number | event | from | guard | to | then`, as in the published machine; the order of the lines counts,
because rows of one event are tried in order.
"""

from __future__ import annotations

from app.cases.table import TRANSITIONS, Row
from app.cases.vocabulary import Command, Event, State

ENDS = {"closed", "rejected", "cancelled", "expired", "superseded"}
EVERY = set(map(str, State))
GROUPS = {
    "any": EVERY,
    "open": EVERY - ENDS,
    "before_resolving": EVERY - ENDS - {"resolving", "resolved"},
    "ended": ENDS,
    "judged": {"authorizing", "awaiting_shipment", "in_transit", "inspecting", "claiming", "contested"},
    "undecided": {"requested", "evidence_needed", "under_review"},
}
PUBLISHED = """
1 | request_submitted | start | | requested | decide
1a | request_changed | evidence_needed under_review | something_asked | requested | decide
2 | policy_needs_evidence | requested under_review | | evidence_needed | mail_evidence
3 | evidence_added | evidence_needed | | requested | decide
3a | evidence_added | open except evidence_needed | | same |
4 | evidence_timed_out | evidence_needed | no_statutory_right | expired | decline_store_return
4a | evidence_timed_out | evidence_needed | | under_review |
5 | policy_deferred | requested | | under_review |
9 | approved | undecided | route_returnless | resolving | approve_store_return plan_remedy ask_supplier expect_credit \
mail_approved
8 | approved | undecided | route_claim | claiming | approve_store_return ask_supplier mail_approved
6 | approved | undecided | route_return_with_rma | authorizing | approve_store_return ask_supplier
7 | approved | undecided | route_without_rma | awaiting_shipment | approve_store_return issue_own_rma ask_supplier \
    mail_rma
10 | rejected | undecided | may_refuse | rejected | decline_store_return mail_refused
10a | rejected | contested | may_refuse_all | rejected | void_remedy withdraw_from_supplier close_store_return \
    mail_refused
10b | rejected | contested | may_refuse | resolving | plan_remedy mail_refused
11 | supplier_authorized | authorizing | | awaiting_shipment | mail_rma
11a | supplier_authorized | contested | nothing_moved | awaiting_shipment | mail_rma
11b | supplier_authorized | awaiting_shipment | number_is_new | same | mail_rma
11c | supplier_authorized | claiming | number_is_new | same |
12 | supplier_refused | authorizing | | contested | absorb_small
12a | supplier_refused | claiming | | contested | absorb_small
12b | supplier_silent | authorizing | | contested | absorb_small
13 | tracking_added | awaiting_shipment | | in_transit |
13a | tracking_added | in_transit | | same |
13b | tracking_added | contested | | same |
14 | shipment_timed_out | awaiting_shipment | | expired | withdraw_from_supplier close_store_return
15 | goods_received | authorizing awaiting_shipment in_transit expired | was_approved | inspecting | mail_received
15a | goods_received | inspecting claiming contested | | same |
16 | parcel_stalled | in_transit | | contested |
17 | supplier_confirmed | judged | confirmed_in_full | resolving | plan_remedy expect_credit mail_verdict
18 | supplier_confirmed | judged | confirmed_in_part | contested | plan_remedy expect_credit absorb_small mail_verdict
17a | supplier_confirmed | resolving resolved | confirms_more | same | expect_credit
19 | supplier_rejected | authorizing awaiting_shipment in_transit inspecting claiming | | contested | \
absorb_small mail_verdict
20 | verdict_timed_out | inspecting claiming | | contested | absorb_small
21 | absorbed | contested | | resolving | plan_remedy
22 | appealed | contested | | claiming | ask_supplier
23 | legal_date_reached | before_resolving | law_pays_all | resolving | void_remedy plan_remedy expect_credit
23a | legal_date_reached | before_resolving | law_pays_part | contested | void_remedy plan_remedy expect_credit
23e | legal_date_reached | resolving | law_pays_part | same | void_remedy plan_remedy
23b | remedy_changed | judged resolving | is_kept | resolving | void_remedy withdraw_from_supplier plan_remedy
23c | remedy_changed | contested | goes_out_whole | resolving | void_remedy plan_remedy
23d | remedy_changed | judged resolving | remedy_may_change | same | void_remedy plan_remedy
24a | refund_succeeded | any | | same |
24b | replacement_made | any | | same |
24 | remedy_done | resolving | lines_covered | resolved | close_store_return plan_thanks
25 | remedy_impossible | resolving | | contested |
25a | remedy_impossible | contested | | same |
26 | credit_settled | resolved | | closed |
26a | credit_settled | any except resolved | | same |
26b | credit_written_off | resolved | | closed |
26c | credit_written_off | any except resolved | | same |
26d | close_due | resolved | no_credit_open | closed |
27 | external_refund_observed | open except resolved | external_covers | superseded | void_remedy \
    withdraw_from_supplier close_store_return
27a | external_refund_observed | any | | same | void_remedy plan_remedy
28 | external_refund_removed | superseded | | contested |
28b | external_refund_removed | resolved | not_covered | contested |
28a | external_refund_removed | any except superseded | | same |
29 | chargeback_opened | any | | same | void_remedy
29a | chargeback_won | any | | same | plan_remedy
29b | chargeback_lost | open | | superseded | void_remedy withdraw_from_supplier close_store_return
30 | order_cancelled | before_resolving | made_whole_before_moving | superseded | void_remedy withdraw_from_supplier
30a | order_cancelled | any | | same |
31 | customer_cancelled | undecided authorizing awaiting_shipment claiming contested | nothing_moved | cancelled | \
    void_remedy withdraw_from_supplier close_store_return mail_cancelled
32 | reopened | ended | has_reason | under_review |
33 | hold_set | any | | same | void_remedy
33a | hold_lifted | any | is_held | same | plan_remedy
33b | note_added | any | | same |
"""


def states(text: str) -> frozenset[State]:
    """The states that a cell names: groups and single ones, less those after `except`."""
    named, _, without = text.partition(" except ")
    found = {state for word in named.split() for state in GROUPS.get(word, {word})}
    return frozenset(State(name) for name in found - set(without.split()))


def row(line: str) -> tuple[object, ...]:
    """A published line as the table's row says it."""
    number, event, sources, guard, target, commands = (cell.strip() for cell in line.split("|"))
    return (
        number,
        Event(event),
        None if sources == "start" else states(sources),
        guard,
        None if target == "same" else State(target),
        tuple(Command(command) for command in commands.split()),
    )


def shown(row: Row) -> tuple[object, ...]:
    """A row of the table, its guard by its name."""
    name = getattr(row.guard, "__name__", "") if row.guard else ""
    return row.number, row.event, row.sources, name, row.target, row.commands


def test_the_table_is_the_published_one() -> None:
    published = [row(line) for line in PUBLISHED.strip().splitlines()]
    assert [shown(one) for one in TRANSITIONS] == published
