"""`makegood webhooks`: against the sandbox's shop and site."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from app.db.engine import libpq_url
from app.sandbox.woocommerce.webhooks import Webhook
from app.sandbox.world import WEBHOOK_SECRET, World
from app.stores.woocommerce_webhooks import TOPICS
from tests.cli.conftest import Makegood

CALLBACK = "http://127.0.0.1:8000/webhooks"


@pytest.fixture
def world() -> Iterator[World]:
    with World() as running:
        yield running


def test_sync_makes_what_is_missing_once(makegood: Makegood, world: World) -> None:
    first = makegood("webhooks", "sync", **world.environment())
    assert first.code == 0, first.err
    assert "alpha: Subscribed to refunds/create.\n" in first.out
    assert "beta: Created the webhook order.updated.\n" in first.out
    second = makegood("webhooks", "sync", "--store", "BETA", **world.environment())
    assert second.out == f"beta: Every webhook already goes to {CALLBACK}/woocommerce/beta.\n"


def test_list_shows_what_the_stores_have(makegood: Makegood, world: World) -> None:
    assert makegood("webhooks", "list", **world.environment()).out == ""
    makegood("webhooks", "sync", **world.environment())
    listed = [line.split("\t") for line in makegood("webhooks", "list", **world.environment()).out.splitlines()]
    of_site = {(topic, active, url) for store, topic, active, url in listed if store == "beta"}
    assert of_site == {(topic, "yes", f"{CALLBACK}/woocommerce/beta") for topic in TOPICS}


def test_a_dry_run_says_what_it_would_do_and_writes_nothing(makegood: Makegood, world: World) -> None:
    settings = {**world.environment(), "MAKEGOOD_STORES__BETA__DRY_RUN": "true"}
    done = makegood("webhooks", "sync", "--store", "beta", **settings)
    assert done.code == 0
    assert done.out.startswith("beta: dry run, nothing is written; would subscribe to order.created, order.updated")
    assert makegood("webhooks", "list", "--store", "beta", **settings).out == ""


def hooks_of(world: World, topic: str) -> list[Webhook]:
    return [hook for hook in world.site.webhooks.hooks.values() if hook.topic == topic]


def test_sync_mends_what_is_ours_and_nothing_else(makegood: Makegood, world: World) -> None:
    makegood("webhooks", "sync", **world.environment())
    board = world.site.webhooks
    twice = {"topic": "order.created", "delivery_url": f"{CALLBACK}/woocommerce/beta", "secret": "another1"}
    board.create(twice)
    somebodys = board.create({**twice, "delivery_url": "http://127.0.0.1:7/books"})
    same = board.create({**twice, "delivery_url": "http://127.0.0.1:7/books"})
    hooks_of(world, "order.updated")[0].status = "disabled"
    hooks_of(world, "order.deleted")[0].status = "paused"
    del board.hooks[hooks_of(world, "order.restored")[0].webhook_id]
    before = dict(board.hooks)
    told = makegood("webhooks", "sync", "--dry-run", "--store", "beta", **world.environment())
    assert told.out == (
        f"beta: dry run, nothing is written; would subscribe to order.restored at {CALLBACK}/woocommerce/beta and "
        "switch on order.updated, order.deleted and delete all but one of order.created.\n"
    )
    assert board.hooks == before
    done = makegood("webhooks", "sync", "--store", "beta", **world.environment())
    assert done.out.splitlines() == [
        "beta: Deleted 1 of the 2 webhooks order.created: one is enough.",
        "beta: Created the webhook order.updated anew: the store had disabled it after failed deliveries.",
        "beta: Re-activated the webhook order.deleted, which was paused.",
        "beta: Created the webhook order.restored.",
    ]
    ours = [hook for hook in board.hooks.values() if hook.delivery_url.startswith(CALLBACK)]
    assert sorted(hook.topic for hook in ours) == sorted(TOPICS)
    assert {hook.status for hook in ours} == {"active"}
    # The one that stayed is the one that was made with our secret.
    assert {hook.secret for hook in ours} == {WEBHOOK_SECRET}
    assert {somebodys.webhook_id, same.webhook_id} <= set(board.hooks)


def test_sync_makes_a_shopify_webhook_that_leads_elsewhere_anew(makegood: Makegood, world: World) -> None:
    makegood("webhooks", "sync", "--store", "alpha", **world.environment())
    lost = next(each for each in world.shop.subscriptions if each.topic == "REFUNDS_CREATE")
    before = len(world.shop.subscriptions)
    lost.uri = "http://127.0.0.1:7/books"
    said = makegood("webhooks", "sync", "--store", "alpha", "--dry-run", **world.environment()).out
    assert "would subscribe to refunds/create at" in said
    assert len(world.shop.subscriptions) == before
    done = makegood("webhooks", "sync", "--store", "alpha", **world.environment())
    assert done.out == "alpha: Subscribed to refunds/create.\n"
    assert len(world.shop.subscriptions) == before + 1
    assert lost.uri == "http://127.0.0.1:7/books"


def test_a_new_secret_is_told_to_every_webhook(makegood: Makegood, world: World) -> None:
    makegood("webhooks", "sync", **world.environment())
    settings = {**world.environment(), "MAKEGOOD_STORES__BETA__WEBHOOK_SECRET": "hushhushhush2"}
    assert makegood("webhooks", "sync", "--store", "beta", **settings).out.startswith("beta: Every webhook already")
    done = makegood("webhooks", "sync", "--store", "beta", "--secrets", **settings)
    assert "beta: Told the webhook order.updated its secret again.\n" in done.out
    assert {hook.secret for hook in world.site.webhooks.hooks.values()} == {"hushhushhush2"}
    assert "hush" not in done.out + done.err


def test_a_store_that_fails_does_not_keep_the_other_from_its_turn(makegood: Makegood, world: World) -> None:
    settings = {**world.environment(), "MAKEGOOD_STORES__ALPHA__CLIENT_SECRET": "hush"}
    done = makegood("webhooks", "sync", **settings)
    assert done.code == 1
    assert "beta: Created the webhook order.updated.\n" in done.out
    assert done.err.startswith("makegood: alpha: ")
    assert "hush" not in done.err


def test_a_store_that_takes_its_webhooks_again_is_asked_again(
    makegood: Makegood, world: World, database_url: str
) -> None:
    settings = {**world.environment(), "DATABASE_URL": database_url}
    with psycopg.connect(libpq_url(database_url), autocommit=True) as connection:
        connection.execute("INSERT INTO store_states (store, uninstalled_at) VALUES ('alpha', now())")
        told = makegood("doctor", "--json", **settings)
        assert "the app was removed at" in told.out
        assert "makegood webhooks sync --store alpha" in told.out
        done = makegood("webhooks", "sync", **settings)
        assert "alpha: the app is installed again; refunds and readings go on.\n" in done.out
        assert "beta: the app" not in done.out
        rows = connection.execute("SELECT store, uninstalled_at, resumed_at IS NOT NULL FROM store_states").fetchall()
    assert ("alpha", None, True) in rows


def test_an_unknown_store_is_one_sentence(makegood: Makegood, world: World) -> None:
    done = makegood("webhooks", "list", "--store", "gamma", **world.environment())
    assert (done.code, done.err) == (1, "makegood: No store is configured under the key 'gamma'.\n")
