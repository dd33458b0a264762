"""`makegood webhooks`: against the sandbox's shop and site."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from app.db.engine import libpq_url
from app.sandbox.world import World
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
