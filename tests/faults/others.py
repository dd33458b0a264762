"""What the merchant in the store, the bank and the store's own machinery do to an order meanwhile."""

from __future__ import annotations

from decimal import Decimal

from app.sandbox.shopify.answers import Refused
from app.sandbox.woocommerce.errors import RestError
from app.sandbox.world import World
from tests.faults.game import Game
from tests.faults.troubles import MONEY, READ, S

_CALLS = {
    (S, MONEY): ("refundCreate",),
    (S, READ): ("order",),
    ("woocommerce", MONEY): ("POST /orders/refunds",),
    ("woocommerce", READ): ("GET /orders", "GET /orders/refunds"),
}


def plan_faults(world: World, game: Game) -> None:
    """The faults of the play wait in the sandbox for calls about its order."""
    play = game.play
    plan = world.shop.faults if play.platform == S else world.site.faults
    for place, one in enumerate(play.trouble.planned):
        names = _CALLS[play.platform, one.call]
        if one.standing:
            for name in names:
                plan.stand(name, one.fault, game.order_id)
        else:
            plan.add(names[place % len(names)], one.fault, about=game.order_id)


def end_outage(world: World, game: Game) -> None:
    """A standing fault is over."""
    plan = world.shop.faults if game.play.platform == S else world.site.faults
    for name in _CALLS[game.play.platform, READ]:
        plan.lift(name, game.order_id)


def act(world: World, game: Game, when: str) -> None:
    """Whatever somebody does to the order at this moment; each act happens once."""
    for place, one in enumerate(game.play.trouble.acts):
        if one.when == when and place not in game.acted:
            game.acted.add(place)
            _ACTS[one.kind](world, game)
            # Where no goods come back the money has gone out by then.
            game.hand_seen = game.hand_seen or (when == "before" and game.play.verdict != "returnless")


def _hand(world: World, game: Game) -> None:
    """The merchant refunds one unit in the admin."""
    try:
        if game.play.platform == S:
            world.shop.refund_by_hand(int(game.order_id), {int(game.line_id): 1})
        else:
            paid = world.site.paid_out(int(game.order_id)) + game.unit
            if paid > Decimal(world.site.order(int(game.order_id))["total"]):
                return
            game.hand_record = world.site.refund_by_hand(
                int(game.order_id), lines={int(game.line_id): 1}, through_gateway=game.play.index % 2 == 0
            )
    except (Refused, RestError, ValueError):
        return
    game.hand_units += 1


def _goodwill(world: World, game: Game) -> None:
    """The merchant gives back a little, for no goods."""
    whole = game.play.currency == "JPY"
    amount = str((game.unit / 10).quantize(Decimal(1) if whole else Decimal("0.01")) or (1 if whole else "0.01"))
    try:
        if game.play.platform == S:
            world.shop.refund_by_hand(int(game.order_id), amount=amount)
        else:
            world.site.refund_by_hand(int(game.order_id), amount=amount)
    except (Refused, RestError):
        return


def _dispute(world: World, game: Game) -> None:
    world.shop.open_dispute(int(game.order_id))


def _cancel(world: World, game: Game) -> None:
    if game.play.platform == S:
        world.shop.cancel_order(int(game.order_id))
    else:
        world.site.set_status(int(game.order_id), "cancelled")


_ACTS = {"hand": _hand, "hand and delete": _hand, "goodwill": _goodwill, "dispute": _dispute, "cancel": _cancel}


def bank_decides(world: World, game: Game, pending: list[str]) -> None:
    """Pending money comes to its end, and so does a chargeback."""
    bank = game.play.trouble.bank
    for record in pending:
        world.shop.settle_pending(record, ok=bank != "fails")
    if bank in ("won", "lost") and world.shop.order(game.order_id).disputes:
        world.shop.close_dispute(int(game.order_id), bank.upper())


def delete_by_hand(world: World, game: Game) -> None:
    """The merchant deletes the refund made by hand; the store tells nobody until the order is touched."""
    if game.hand_record is not None and any(one.kind == "hand and delete" for one in game.play.trouble.acts):
        world.site.delete_refund(int(game.order_id), game.hand_record)
        world.site.touch(int(game.order_id))
        game.hand_record, game.hand_units = None, game.hand_units - 1
