"""What the customer, the suppliers and the operator do, through the API and the suppliers' own webhooks."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg.rows import dict_row

from app.sandbox.woocommerce.errors import RestError
from tests.faults.game import Game
from tests.faults.theatre import Theatre
from tests.faults.troubles import S
from tests.faults.truth import Books, Money

_JUDGEABLE = ("awaiting_shipment", "in_transit", "inspecting", "claiming")
_MOST_ABSORBED = 4


@dataclass
class Seen:
    """The service's cases and refunds as they stand, read in two statements."""

    cases: dict[str, dict[str, Any]] = field(default_factory=dict)
    refunds: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    @classmethod
    async def read(cls, database: psycopg.AsyncConnection[Any]) -> Seen:
        """Everything now."""
        found = cls()
        async with database.cursor(row_factory=dict_row) as cursor:
            await cursor.execute("SELECT id::text, state, holds, problems, attention FROM cases")
            found.cases = {row["id"]: row for row in await cursor.fetchall()}
            await cursor.execute(
                "SELECT id::text, case_id::text, status, amount, exponent, store_refund_id, detail FROM refunds "
                "ORDER BY id"
            )
            for row in await cursor.fetchall():
                found.refunds.setdefault(row["case_id"], []).append(row)
        return found


class People:
    """They do what they can at each turn; what the state does not allow yet waits for the next."""

    def __init__(self, theatre: Theatre) -> None:
        self._theatre = theatre

    async def _post(self, path: str, body: Mapping[str, Any], expected: tuple[int, ...] = (200, 201)) -> dict[str, Any]:
        answer = await self._theatre.http.post(path, json=dict(body))
        told: dict[str, Any] = answer.json()
        if answer.status_code not in expected:
            raise AssertionError(f"POST {path} answered {answer.status_code}: {told}")
        return {**told, "http": answer.status_code}

    async def ask(self, game: Game) -> None:
        """The customer asks for the returns, one request for each case."""
        reason = "lost" if game.play.verdict == "claim" else "changed_mind"
        for units in game.play.wanted:
            line = {"line_id": game.line_id, "quantity": units, "reason": reason}
            body = {"store": game.store, "order": game.order_id, "remedy": "refund", "lines": [line]}
            made = await self._post("/return-requests", body)
            game.cases += [case["id"] for case in made["cases"]]

    async def authorise(self, game: Game, seen: Seen) -> None:
        """The operator approves what no rule decides, and relays numbers of suppliers without an API."""
        for case_id in game.cases:
            state = seen.cases[case_id]["state"]
            if state == "under_review":
                await self._approve(game, case_id)
            elif state == "authorizing" and game.play.verdict.startswith("by hand"):
                await self._post(f"/cases/{case_id}/record-rma", {"rma_number": "BH-7"})

    async def _approve(self, game: Game, case_id: str) -> None:
        route = {"returnless": "returnless", "claim": "claim", "local": "local"}.get(game.play.verdict, "return")
        told = await self._post(f"/cases/{case_id}/approve", {"route": route, "reason": "it is fine"}, (200, 409))
        if told["http"] == 200:
            return
        free = told.get("free", 0)
        if told.get("code") == "quantity_not_free" and free:
            lines = [{"line_id": game.line_id, "quantity": free}]
            await self._post(f"/cases/{case_id}/approve", {"route": route, "lines": lines})
        elif told.get("code") == "quantity_not_free":
            await self._post(f"/cases/{case_id}/reject", {"reason": "refunded already"})

    async def judge(self, game: Game, seen: Seen) -> None:
        """The supplier's verdict, where one is waited for and was not given yet."""
        for case_id in game.cases:
            state = seen.cases[case_id]["state"]
            if state in _JUDGEABLE and case_id not in game.judged:
                await self._judge(game, case_id, state)

    async def _judge(self, game: Game, case_id: str, state: str) -> None:
        units, verdict = game.wanted_by(case_id), game.play.verdict
        if verdict in ("by hand", "by hand, in part", "local"):
            accepted = units - 1 if verdict == "by hand, in part" else units
            lines = [{"line_id": game.line_id, "accepted_quantity": accepted}]
            if state == "awaiting_shipment":
                await self._post(f"/cases/{case_id}/record-receipt", {}, (200, 409))
            told = await self._post(f"/cases/{case_id}/record-verdict", {"lines": lines}, (200, 409, 422))
            if told["http"] == 422:
                game.strange.append(f"the verdict was refused: {told}")
            game.judged.add(case_id)
            return
        bot = self._theatre.world.suppliers["acme"]
        if case_id not in bot.returns:
            return
        game.judged.add(case_id)
        if verdict in ("rejected", "appealed") and case_id not in game.appealed:
            bot.reject(case_id)
            return
        accepted = units - 1 if verdict == "in part" else units
        for _ in range(game.play.trouble.confirmations):
            if accepted:
                bot.confirm(case_id, {game.line_id: accepted})
            else:
                bot.reject(case_id)

    async def settle(self, game: Game, seen: Seen, books: Books) -> None:
        """A person looks at the gateway and says what became of refunds that no machine can know."""
        money = books.of(game.play.platform, game.order_id)
        for case_id in game.cases:
            for refund in seen.refunds.get(case_id, []):
                if refund["status"] == "needs_review":
                    game.reviewed = True
                    await self._settle(game, refund, money)

    async def _settle(self, game: Game, refund: Mapping[str, Any], money: Money) -> None:
        operation = refund["id"]
        if operation in money.pending:
            return
        record, paid = money.record_of.get(operation), bool(money.ours.get(operation))
        body: dict[str, Any] = {"outcome": "succeeded" if paid else "not_made", "reason": "seen at the gateway"}
        if paid and record is not None:
            body["store_refund_id"] = record
        told = await self._post(f"/refunds/{operation}/settle", body, (200, 409))
        if told.get("code") == "store_shows_refund" and game.play.platform != S and record is not None:
            # No money moved, and the store keeps a record: it goes, and then the refund can be denied.
            self._delete(game, int(record))
        elif told["http"] == 409:
            game.strange.append(f"a person cannot settle as {body['outcome']}: {told.get('code')}")

    def _delete(self, game: Game, record: int) -> None:
        """The store tells nobody of it."""
        with contextlib.suppress(RestError):
            self._theatre.world.site.delete_refund(int(game.order_id), record)

    async def decide(self, game: Game, seen: Seen) -> None:
        """The operator pays what the supplier does not, appeals where that is played, and gives up what is paid."""
        for case_id in game.cases:
            case = seen.cases[case_id]
            if case["state"] != "contested" or "chargeback" in case["holds"]:
                continue
            if game.play.verdict == "appealed" and case_id not in game.appealed and case_id in game.judged:
                game.appealed.add(case_id)
                game.judged.discard(case_id)
                await self._post(f"/cases/{case_id}/appeal", {}, (200, 409))
            elif game.absorbed.get(case_id, 0) < _MOST_ABSORBED:
                game.absorbed[case_id] = game.absorbed.get(case_id, 0) + 1
                await self._post(f"/cases/{case_id}/absorb", {"reason": "the customer is right"}, (200, 409))
            else:
                await self._post(f"/cases/{case_id}/reject", {"reason": "paid already"}, (200, 409))

    async def hold(self, game: Game) -> None:
        """The merchant stops the money for a while."""
        game.held = True
        for case_id in game.cases:
            await self._post(f"/cases/{case_id}/hold", {"kind": "merchant", "reason": "look first"}, (200, 409))

    async def lift(self, game: Game) -> None:
        """And lets it go again."""
        game.held = False
        for case_id in game.cases:
            await self._post(f"/cases/{case_id}/lift-hold", {"kind": "merchant"}, (200, 409))
