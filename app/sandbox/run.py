"""`makegood sandbox`: the sandbox stores and suppliers alone, for a Makegood started by hand."""

from __future__ import annotations

import shlex
import sys
import threading

from app.errors import ConfigError
from app.sandbox.world import BY_HAND, SHOP, SITE, World

DEFAULT_PORT = 8100
API_KEY = "sandbox-operator-key-1"
# A wait without an end cannot be interrupted on Windows.
_TICK = 1.0


def run_sandbox(port: int | None) -> None:
    """Serves the sandbox on `port` (8100 unless given) until Ctrl-C. Subscribes nothing by itself.

    Raises `ConfigError` when the port is taken.
    """
    wanted = DEFAULT_PORT if port is None else port
    try:
        world = World(wanted)
    except OSError as error:
        raise ConfigError(
            f"The sandbox cannot have port {wanted} ({error.strerror}); choose another with --port."
        ) from None
    with world:
        sys.stdout.write(guide(world))
        sys.stdout.flush()
        never = threading.Event()
        while not never.wait(_TICK):
            continue


def guide(world: World) -> str:
    """What a person needs to connect a Makegood to the sandbox and to play."""
    exports = "\n".join(f"export {name}={shlex.quote(value)}" for name, value in world.environment().items())
    suppliers = ", ".join([*world.suppliers, BY_HAND])
    return f"""\
# The sandbox serves a Shopify shop ({SHOP}), a WooCommerce site ({SITE}) and suppliers ({suppliers}).
#   {world.url}/shopify/{SHOP}   {world.url}/woo/{SITE}   {world.url}/suppliers/<key>
#
# 1. Connect a Makegood to it: paste these lines into another terminal.
{exports}
# 2. There, start it and let the stores know where it listens:
#      export MAKEGOOD_SECRET_KEY=good-for-the-sandbox-only MAKEGOOD_API_KEYS__ME={API_KEY}
#      makegood serve --port 8000 &
#      makegood webhooks sync
# 3. Play:
#      curl -X POST {world.url}/control/orders -d '{{"store": "{SHOP}"}}'     (no body: two on each store)
#      curl -H 'Authorization: Bearer {API_KEY}' -H 'Content-Type: application/json' \\
#        http://127.0.0.1:8000/api/v1/return-requests -d '{{"store": "{SHOP}", "order": "1001", "remedy": "refund",
#        "lines": [{{"sku": "LAMP-01", "quantity": 1, "reason": "defective"}}]}}'
#      curl {world.url}/control/ledger
#      curl {world.url}/control/events     (what Makegood told the merchant's own systems)
#      curl -X POST {world.url}/control/suppliers/acme/<case id>/confirm
#        (or authorize, refuse, receive, reject, credit)
#      curl -X POST {world.url}/control/faults \\
#        -d '{{"service": "{SHOP}", "operation": "refundCreate", "kind": "drop_after"}}'
# Ctrl-C stops it.
"""
