"""Plays a batch of returns side by side, and lets time pass until everything has come to rest."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

from app.sandbox.delivery import Delivery
from app.webhooks.packing import unpack
from tests.faults import others
from tests.faults.crew import Care, Errand, order_of_body
from tests.faults.draw import Play
from tests.faults.game import Game, place
from tests.faults.judge import Verdict, judge
from tests.faults.people import People, Seen
from tests.faults.theatre import Theatre, open_theatre
from tests.faults.troubles import S
from tests.faults.truth import Books

# Seconds between one look and the next: first as the service looks itself, then hours for banks and old keys.
_WAITS = (8, 60, 200, 1000, 3700, 4 * 3600, 10 * 3600, 20 * 3600)
_PEOPLE_FROM, _BANK_FROM, _OUTAGE_ENDS = 3, 4, 4
_MOST_EXTRA_TURNS = 5


class Batch:
    """The plays of one theatre. It is asked by doors, crew and courier what goes wrong with each of its orders."""

    def __init__(self, plays: Sequence[Play]) -> None:
        self._plays = plays
        self.games: list[Game] = []
        self._by_order: dict[tuple[str, str], Game] = {}
        self.by_case: dict[str, Game] = {}
        self._case_of_refund: dict[str, str] = {}
        self._armed = self._released = False
        self.theatre: Theatre

    async def play(self, database_url: str) -> list[Verdict]:
        """All of it; answers a verdict on each play, in order."""
        async with self.opened(database_url) as theatre:
            people = People(theatre)
            await self._open(people)
            self.arm()
            await self._act("before")
            await self.rest()
            seen = await self.seen()
            for game in self.games:
                await people.judge(game, seen)
                others.act(theatre.world, game, "verdict")
            await self.rest()
            for game in self.games:
                if game.play.trouble.hold_for_hours:
                    await people.hold(game)
            await self.let_time_pass(people)
            return await judge(theatre, self.games)

    @asynccontextmanager
    async def opened(self, database_url: str) -> AsyncIterator[Theatre]:
        """The theatre, which asks this batch what goes wrong."""
        async with open_theatre(database_url, self.is_hasty, self.moment, self.care_for) as theatre:
            self.theatre = theatre
            yield theatre

    async def _open(self, people: People) -> None:
        """Orders, requests and authorisations, with nothing in the way."""
        world = self.theatre.world
        for announced in (False, True):
            if announced:
                await self.theatre.subscribe()
            for play in self._plays:
                if play.announced is announced:
                    self.know(place(world, play))
        self.games.sort(key=lambda game: game.play.index)
        await self.rest()
        for game in self.games:
            await people.ask(game)
            self.by_case.update(dict.fromkeys(game.cases, game))
        await self.rest()
        seen = await self.seen()
        for game in self.games:
            await people.authorise(game, seen)
        await self.rest()

    def know(self, game: Game) -> None:
        """A game takes part from now on."""
        self.games.append(game)
        self._by_order[game.store, game.order_id] = game

    def arm(self) -> None:
        """From here on things go wrong."""
        self._armed = True
        self.theatre.world.courier.treatment = self._treat
        for game in self.games:
            others.plan_faults(self.theatre.world, game)

    async def _act(self, when: str) -> None:
        for game in self.games:
            others.act(self.theatre.world, game, when)

    async def let_time_pass(self, people: People) -> None:
        """Until everything has come to rest, or should have."""
        world, passed = self.theatre.world, 0.0
        for turn, wait in enumerate(_WAITS):
            self.theatre.clock.move(timedelta(seconds=wait))
            passed += wait
            await self.rest()
            if turn == _PEOPLE_FROM:
                self._released = True
                world.courier.release(shuffle_seed=self.games[0].play.seed)
                await self._act("after")
            if turn == _OUTAGE_ENDS:
                for game in self.games:
                    others.end_outage(world, game)
            if turn >= _PEOPLE_FROM:
                await self.everybody_acts(people, turn, passed / 3600)
        for _ in range(_MOST_EXTRA_TURNS):
            seen = await self.seen()
            if all(self._at_rest(game, seen) for game in self.games):
                return
            self.theatre.clock.move(timedelta(minutes=30))
            await self.rest()
            await self.everybody_acts(people, len(_WAITS), passed / 3600)

    def _at_rest(self, game: Game, seen: Seen) -> bool:
        """Whether nobody has anything left to do for it."""
        moving = {"planned", "submitting", "unknown", "needs_review"}
        refunds = [refund["status"] for case in game.cases for refund in seen.refunds.get(case, [])]
        states = {seen.cases[case]["state"] for case in game.cases}
        return not moving & set(refunds) and states <= {"resolved", "closed", "superseded", "rejected", "cancelled"}

    async def everybody_acts(self, people: People, turn: int, hours: float) -> None:
        """One turn of everybody who is no machine."""
        seen, books, world = await self.seen(), Books(self.theatre.world), self.theatre.world
        for game in self.games:
            if game.held and hours >= game.play.trouble.hold_for_hours:
                await people.lift(game)
            await people.authorise(game, seen)
            await people.judge(game, seen)
            await people.settle(game, seen, books)
            await people.decide(game, seen)
            if turn >= _BANK_FROM:
                money = books.of(game.play.platform, game.order_id)
                if game.play.platform == S:
                    others.bank_decides(world, game, [money.record_of[one] for one in money.pending])
                others.delete_by_hand(world, game)
        await self.rest()

    async def seen(self) -> Seen:
        """How the service sees its cases and refunds now."""
        return await Seen.read(self.theatre.crew.queue)

    async def rest(self) -> None:
        """Until no webhook is on its way and no job waits."""
        courier, crew = self.theatre.world.courier, self.theatre.crew
        await crew.sweep()
        for _ in range(30):
            await asyncio.to_thread(courier.flush, 60)
            tried = len(courier.attempts)
            if not await crew.work():
                await asyncio.to_thread(courier.flush, 60)
                if len(courier.attempts) == tried:
                    return
        raise AssertionError("the batch does not come to rest")

    def is_hasty(self, store: str, order_id: str) -> bool:
        """Whether time-outs are played on this order."""
        game = self._by_order.get((store, order_id))
        return game is not None and game.play.trouble.hasty

    async def moment(self, store: str, order_id: str, point: str) -> None:
        """What happens just before the money call of an order, and just after its answer."""
        game = self._by_order.get((store, order_id))
        if game is None:
            return
        others.act(self.theatre.world, game, point)
        if point == "answer" and game.play.trouble.own_webhook_first:
            await asyncio.to_thread(self.theatre.world.courier.flush, 60)
            await self.theatre.crew.work()

    def _treat(self, delivery: Delivery) -> int | None:
        """How the carrier treats a webhook: sent, lost, repeated or kept back."""
        game = self._game_of(delivery)
        mode = game.play.webhooks if game else "delivered"
        if mode == "unheard":
            return 1 if "/suppliers/" in delivery.url else 0
        if mode == "late":
            return 1 if self._released else None
        return {"lost": 0, "repeated": 3}.get(mode, 1)

    def _game_of(self, delivery: Delivery) -> Game | None:
        kind, _, key = delivery.url.partition("/webhooks/")[2].partition("/")
        if kind == "suppliers":
            return next((game for case, game in self.by_case.items() if case.encode() in delivery.body), None)
        headers = {name.lower(): value for name, value in delivery.headers.items()}
        topic = headers.get("x-shopify-topic") or headers.get("x-wc-webhook-topic") or ""
        return self._by_order.get((key, order_of_body(delivery.body, topic) or ""))

    async def care_for(self, errands: list[Errand]) -> dict[int, Care]:
        """How each job is run: by the play that it belongs to."""
        if not self._armed:
            return {}
        await self._learn_refunds(errands)
        deliveries = await self._learn_deliveries(errands)
        found = {}
        for number, errand in enumerate(errands):
            game = self._game_for(errand, deliveries)
            if game is not None and (game.deaths or game.play.trouble.workers > 1):
                found[number] = self._care(game, errand)
        return found

    def _care(self, game: Game, errand: Errand) -> Care:
        death = next((death for death in game.deaths if death.task == errand.task), None)
        care = Care(workers=game.play.trouble.workers, taken_over=game.play.index % 2 == 0)
        if death is not None:
            care.dies_at = death.point
            care.died = lambda: game.deaths.remove(death) if death in game.deaths else None
        return care

    def _game_for(self, errand: Errand, deliveries: dict[str, Game]) -> Game | None:
        told = errand.arguments
        if "delivery_id" in told and errand.task == "webhooks.read":
            return deliveries.get(told["delivery_id"])
        if "order_id" in told:
            return self._by_order.get((told["store"], told["order_id"]))
        case_id = told.get("case_id") or self._case_of_refund.get(told.get("refund_id", ""))
        return self.by_case.get(case_id or "")

    async def _learn_refunds(self, errands: list[Errand]) -> None:
        wanted = {one.arguments["refund_id"] for one in errands if "refund_id" in one.arguments}
        wanted -= self._case_of_refund.keys()
        if wanted:
            statement = "SELECT id::text, case_id::text FROM refunds WHERE id = ANY(%s::uuid[])"
            rows = await (await self.theatre.crew.queue.execute(statement, [list(wanted)])).fetchall()
            self._case_of_refund.update((str(refund), str(case)) for refund, case in rows)

    async def _learn_deliveries(self, errands: list[Errand]) -> dict[str, Game]:
        wanted = [one.arguments["delivery_id"] for one in errands if one.task == "webhooks.read"]
        if not wanted:
            return {}
        statement = "SELECT id::text, source_kind, source, topic, body FROM deliveries WHERE id = ANY(%s::uuid[])"
        rows = await (await self.theatre.crew.queue.execute(statement, [wanted])).fetchall()
        found = {}
        for delivery_id, kind, source, topic, body in rows:
            if kind == "supplier":
                game = next((game for case, game in self.by_case.items() if case.encode() in unpack(body)), None)
            else:
                game = self._by_order.get((source, order_of_body(unpack(body), topic) or ""))
            if game is not None:
                found[str(delivery_id)] = game
        return found
