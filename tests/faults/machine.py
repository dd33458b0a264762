"""A stateful machine: hypothesis makes up stories step by step, and after each step nothing may be paid twice.

All stories share one theatre; each has orders of its own. A story ends when everybody has acted and all is at rest, and
then nothing may be lost either.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Coroutine
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule

from app.sandbox.faults import Fault, FaultKind
from tests.faults import others
from tests.faults.draw import Play, draw
from tests.faults.game import Game, place
from tests.faults.judge import judge, unsound
from tests.faults.people import People
from tests.faults.play import Batch
from tests.faults.troubles import BOTH, MONEY, READ, Act, Death, Planned, S, Trouble

T = TypeVar("T")
_KINDS = (
    FaultKind.DROP_BEFORE, FaultKind.DROP_AFTER, FaultKind.STATUS_AFTER, FaultKind.HTML_AFTER, FaultKind.TRUNCATE_AFTER,
    FaultKind.REDIRECT, FaultKind.THROTTLE, FaultKind.REFUSE, FaultKind.PENDING,
)  # fmt: skip
_POINTS = ("begin:1", "commit:2", "done:3", "commit:4", "done:4", "call", "answer", "commit:5", "done:5")
_SECONDS = (1, 40, 200, 1200, 3 * 3600, 13 * 3600)


class Scene:
    """The theatre of a run of stories. `run` steps its event loop; `runner` closes it."""

    def __init__(self, runner: asyncio.Runner, batch: Batch) -> None:
        self.runner, self.batch = runner, batch
        self.people = People(batch.theatre)
        self.stories = 0
        batch.arm()

    def run(self, step: Coroutine[Any, Any, T]) -> T:
        """One step to its end."""
        return self.runner.run(step)


class Story(RuleBasedStateMachine):
    """One story. `scene` is set on a subclass by whoever runs it."""

    scene: Scene
    orders = Bundle("orders")

    @property
    def batch(self) -> Batch:
        """Whoever plays it."""
        return self.scene.batch

    @initialize(target=orders, platform=st.sampled_from(BOTH), index=st.integers(0, 500))
    def begin(self, platform: str, index: int) -> Any:
        """Nothing of the story before takes part any more; there is one order to begin with."""
        self.scene.stories += 1
        # Hypothesis seeds the generator that WooCommerce's client takes its nonces from, and a nonce is good once.
        random.seed()
        self.batch.games.clear()
        return self.somebody_orders_on(platform, index, "won")

    @rule(
        target=orders, platform=st.sampled_from(BOTH), index=st.integers(0, 500), bank=st.sampled_from(("won", "lost"))
    )
    def somebody_orders(self, platform: str, index: int, bank: str) -> Any:
        """An order with one or two returns that the suppliers have authorised."""
        return self.somebody_orders_on(platform, index, bank)

    def somebody_orders_on(self, platform: str, index: int, bank: str) -> Any:
        """The order of `somebody_orders`; none when there are enough."""
        if len(self.batch.games) >= 3:
            return multiple()
        number = self.scene.stories * 1000 + len(self.batch.games)
        drawn = draw(index, 0, "none")
        play = replace(drawn, index=number, platform=platform, trouble=Trouble(bank=bank), unheard=False)
        if platform != S:
            play = replace(play, currency="EUR", price="19.99", shipping="4.90" if play.shipping != "0" else "0")
        return self.scene.run(self._ordered(play))

    async def _ordered(self, play: Play) -> Game:
        game = place(self.batch.theatre.world, play)
        self.batch.know(game)
        await self.scene.people.ask(game)
        self.batch.by_case.update(dict.fromkeys(game.cases, game))
        await self.batch.rest()
        await self.scene.people.authorise(game, await self.batch.seen())
        return game

    @rule(game=orders)
    def verdict(self, game: Game) -> None:
        """The supplier says what it found."""
        self.scene.run(self._judged(game))

    async def _judged(self, game: Game) -> None:
        await self.scene.people.judge(game, await self.batch.seen())

    @rule(game=orders, kind=st.sampled_from(_KINDS), call=st.sampled_from((MONEY, MONEY, READ)))
    def fault(self, game: Game, kind: FaultKind, call: str) -> None:
        """The next call about the order goes wrong."""
        if call == READ and kind in (FaultKind.REFUSE, FaultKind.PENDING):
            return
        planned = Planned(call, Fault(kind, 200 if kind is FaultKind.HTML_AFTER else 503, seconds=1))
        self._with(game, planned=(planned,))
        others.plan_faults(self.batch.theatre.world, game)

    @rule(game=orders, point=st.sampled_from(_POINTS))
    def kill(self, game: Game, point: str) -> None:
        """The next worker on the refund dies there."""
        game.deaths.append(Death("refunds.advance", point))

    @rule(
        game=orders,
        kind=st.sampled_from(("hand", "hand and delete", "dispute", "cancel", "goodwill")),
        when=st.sampled_from(("now", "call", "answer")),
    )
    def somebody_else(self, game: Game, kind: str, when: str) -> None:
        """The merchant or the bank does something in the store, now or at the next money call."""
        if kind == "dispute" and (game.play.platform != S or when != "now"):
            return
        self._with(game, acts=(Act(kind, when),))
        game.acted.clear()
        others.act(self.batch.theatre.world, game, "now")

    @rule(game=orders, workers=st.integers(1, 3))
    def crowd(self, game: Game, workers: int) -> None:
        """So many workers get each of its jobs at the same time."""
        self._with(game, workers=workers)

    @rule(game=orders, mode=st.sampled_from(("delivered", "lost", "repeated")))
    def webhooks(self, game: Game, mode: str) -> None:
        """What becomes of webhooks about the order from now on."""
        self._with(game, webhooks=mode)

    def _with(self, game: Game, **changes: Any) -> None:
        game.play = replace(game.play, trouble=replace(game.play.trouble, **changes))

    @rule()
    def hold_webhooks(self) -> None:
        """Everything waits at the carrier."""
        self.batch.theatre.world.courier.hold()

    @rule(seed=st.integers(0, 9))
    def shuffle_webhooks(self, seed: int) -> None:
        """And comes in another order."""
        self.batch.theatre.world.courier.release(shuffle_seed=seed)

    @rule(seconds=st.sampled_from(_SECONDS))
    def time_passes(self, seconds: int) -> None:
        """And what is due happens."""
        self.batch.theatre.clock.move(timedelta(seconds=seconds))
        self.scene.run(self.batch.rest())

    @rule()
    def work(self) -> None:
        """Webhooks arrive and jobs are done."""
        self.scene.run(self.batch.rest())

    @rule()
    def people_act(self) -> None:
        """Operator and merchant do what is left for them."""
        self.scene.run(self.batch.everybody_acts(self.scene.people, 0, 0))

    @invariant()
    def nothing_is_paid_twice(self) -> None:
        """Whatever has happened so far."""
        assert self.scene.run(unsound(self.batch.theatre, self.batch.games)) == []

    def teardown(self) -> None:
        """The end of the story: all that holds it up is gone, and everybody has acted."""
        self.batch.theatre.world.courier.release()
        for game in self.batch.games:
            # What somebody would still do at a call is not done any more; a deletion is one that everybody hears of.
            self._with(
                game, webhooks="delivered", acts=tuple(one for one in game.play.trouble.acts if one.when == "now")
            )
        self.scene.run(self._ended())

    async def _ended(self) -> None:
        await self.batch.let_time_pass(self.scene.people)
        verdicts = await judge(self.batch.theatre, self.batch.games)
        broken = [f"{one.breaches} {one.story}" for one in verdicts if one.breaches]
        if broken:
            raise AssertionError("\n".join(broken))
