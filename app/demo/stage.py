"""Sets the stage: an embedded PostgreSQL in a folder of its own, the sandbox, and the service with a worker inside."""

from __future__ import annotations

import logging
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from app.db.embedded import EmbeddedPostgres
from app.db.migrate import upgrade
from app.errors import ConfigError
from app.logging import configure_logging
from app.main import create_app
from app.runtime import build_runtime
from app.sandbox.server import LoopbackServer
from app.sandbox.world import BY_HAND, World
from app.settings import Settings
from app.stores.registry import StoreRegistry

# The supplier without an API is written to here, so that its page can be seen. No mail is sent: they are all kept.
_WRITTEN_TO = {"channel": "email", "email": "returns@byhand.example", "currency": "GBP"}


class DemoSettings(Settings):
    """Settings that are what the code says: no environment variable, `.env` or file of a developer gets in."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The constructor's values alone."""
        return (init_settings,)


@dataclass(frozen=True, slots=True)
class Stage:
    """A running service and the world around it. `token` is a bearer token that may operate."""

    world: World
    url: str
    token: str
    settings: Settings
    log_file: Path

    def client(self) -> httpx.AsyncClient:
        """A client of the service's API."""
        headers = {"Authorization": f"Bearer {self.token}"}
        return httpx.AsyncClient(base_url=f"{self.url}/api/v1", headers=headers, timeout=20, trust_env=False)

    async def subscribe(self) -> int:
        """Subscribes the stores' webhooks through their APIs, and answers how many there are."""
        stores = StoreRegistry(self.settings.stores)
        try:
            for store in stores:
                await store.sync_subscriptions(f"{self.url}/webhooks/{store.platform}/{store.key}")
        finally:
            await stores.aclose()
        return len(self.world.shop.subscriptions) + len(self.world.site.webhooks.hooks)


@contextmanager
def open_stage(port: int | None, progress: Callable[[str], None]) -> Iterator[Stage]:
    """Everything up, until the block ends; nothing is left behind. `port` is the API's; None takes a free one.

    Raises `ConfigError` when the port is taken or the embedded PostgreSQL is not installed.
    """
    with ExitStack() as stack:
        folder = stack.enter_context(_folder())
        log_file = folder / "makegood.log"
        stack.enter_context(_logging_to(log_file))
        progress("Starting a PostgreSQL of its own")
        postgres = EmbeddedPostgres(folder)
        stack.callback(postgres.release)
        upgrade(postgres.url)
        progress("Opening the sandbox: two stores and their suppliers")
        world = stack.enter_context(World())
        token = secrets.token_urlsafe(24)
        settings = _settings(world, token, folder)
        progress("Starting Makegood with a worker inside")
        server = _server(settings, postgres.url, port)
        settings.public_url = server.url
        stack.enter_context(server)
        yield Stage(world, server.url, token, settings, log_file)


def _settings(world: World, token: str, folder: Path) -> Settings:
    return DemoSettings(
        data_dir=folder,
        secret_key=[secrets.token_urlsafe(32)],
        api_keys={"demo": token},
        stores=world.stores(),
        suppliers={**world.supplier_settings(), BY_HAND: world.supplier_settings()[BY_HAND] | _WRITTEN_TO},
        events=world.event_settings(),
        sweep_seconds=1,
        refund_first_look_seconds=2,
    )


def _server(settings: Settings, database_url: str, port: int | None) -> LoopbackServer:
    app = create_app(build_runtime(settings, database_url), with_worker=True)
    try:
        return LoopbackServer(app, port or 0)
    except OSError as error:
        raise ConfigError(f"The demo cannot have port {port} ({error.strerror}); choose another with --port.") from None


@contextmanager
def _folder() -> Iterator[Path]:
    """A folder for this demo, removed at the end. Started by root, PostgreSQL runs as another user, who must get in."""
    folder = Path(tempfile.mkdtemp(prefix="makegood-demo-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _logging_to(path: Path) -> Iterator[None]:
    """What the service logs goes into a file: the terminal belongs to the story."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    configure_logging("info", as_json=True)
    with path.open("w", encoding="utf-8") as file:
        for handler in root.handlers:
            if isinstance(handler, logging.StreamHandler):
                handler.setStream(file)
        try:
            yield
        finally:
            root.handlers, root.level = handlers, level
