"""The command `makegood`. Each command calls a service; a refusal is one sentence on stderr and exit code 1."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from app import __version__
from app.cli_lazy import LazyGroup
from app.cli_output import print_json, progress, say
from app.errors import AppError

if TYPE_CHECKING:
    from app.settings import Settings
    from app.stores.base import Finding

# What a command needs is imported when it runs: `--help` and a shell's completion must not load the whole service.
cli = typer.Typer(
    name="makegood",
    help="Makes good on every return of a store that holds no stock.",
    cls=LazyGroup,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

Port = Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.", min=0, max=65535)]
_MARKS = {"ok": "✓", "warning": "!", "fault": "✗"}


def main() -> None:
    """Runs the command line. Expected errors never show a traceback."""
    try:
        cli()
    except AppError as error:
        _fail(error.detail)
    except Exception as error:
        name = _database_trouble(error)
        if name is None:
            raise
        _fail(f"The database did not carry this out ({name}); try again, and see its log if it happens again.")


def _database_trouble(error: Exception) -> str | None:
    """The kind of a database's error; its own words may quote rows, and so personal data. None for other errors."""
    if "psycopg" not in sys.modules:
        return None
    import psycopg
    from sqlalchemy.exc import DBAPIError

    if isinstance(error, DBAPIError):
        return type(error.orig).__name__
    return type(error).__name__ if isinstance(error, psycopg.Error) else None


def _fail(sentence: str) -> NoReturn:
    typer.echo(f"makegood: {sentence}", err=True)
    sys.exit(1)


def _print_version(wanted: bool) -> None:
    if wanted:
        say(f"makegood {__version__}")
        raise typer.Exit


@cli.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and end.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """What stands before every command."""


@cli.command("serve")
def serve_command(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Port = 8000,
    processes: Annotated[int, typer.Option(help="Serving processes.", min=1, max=64)] = 1,
    no_worker: Annotated[bool, typer.Option("--no-worker", help="Leave the jobs to `makegood worker`.")] = False,
) -> None:
    """Run the API, with a worker inside unless told otherwise."""
    from app import start
    from app.serve import listen, serve, url_of

    settings = _service_settings()
    listening = listen(host, port)
    url = url_of(listening)
    with listening, _until_stopped(), start.open_database(settings) as database_url:
        serve(
            settings,
            database_url,
            listening,
            processes=processes,
            with_worker=not no_worker,
            announce=lambda: say(f"Makegood serves {url} (documentation: {url}/docs). Ctrl-C stops it."),
        )


@cli.command("worker")
def worker_command(
    concurrency: Annotated[
        int,
        typer.Option(help="Jobs at a time; a quarter of them, and one at least, is kept for money.", min=1, max=200),
    ] = 10,
    metrics_port: Annotated[
        int | None, typer.Option(help="Answer /metrics of this worker on this port; 0 takes a free one.", min=0)
    ] = None,
    metrics_host: Annotated[str, typer.Option(help="Address for that port.")] = "127.0.0.1",
) -> None:
    """Run a worker alone; any number may run, on any number of machines."""
    import asyncio

    from app import start, tracing
    from app.metrics.processes import serving_counts

    settings = _service_settings()
    tracing.start(settings.traces_url, "worker")
    with (
        _until_stopped(),
        start.open_database(settings) as database_url,
        serving_counts(metrics_host, metrics_port) as counts_port,
    ):
        if counts_port is not None:
            say(f"Metrics of this worker are at http://{metrics_host}:{counts_port}/metrics.")
        asyncio.run(_work(settings, database_url, concurrency))


async def _work(settings: Settings, database_url: str, concurrency: int) -> None:
    from app.runtime import build_runtime
    from app.worker import keep_working, settle

    runtime = build_runtime(settings, database_url, pool_size=max(10, concurrency))
    settle()
    say(f"Makegood works on up to {concurrency} jobs at a time. Ctrl-C stops it.")
    try:
        await keep_working(runtime, concurrency)
    finally:
        await runtime.aclose()


@cli.command("migrate")
def migrate_command() -> None:
    """Bring the database to the current schema."""
    from app import start

    settings = _settings()
    with start.reach_database(settings) as url, progress("Migrating"):
        before, after = start.migrate(url)
    say(f"The database has schema {after}" + ("." if before == after else f" (was {before or 'empty'})."))


@cli.command("doctor")
def doctor_command(
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Check configuration, database, stores, suppliers and mail; exit 1 if anything is wrong."""
    from app.doctor import code_of, examine, level_of
    from app.logging import configure_logging

    configure_logging("error")
    with progress("Looking") as looking_at:
        findings = examine(looking_at)
    healthy = all(finding.ok for finding in findings)
    if as_json:
        listed = [
            {
                "code": code_of(one), "level": level_of(one), "subject": one.subject, "detail": one.detail,
                "mend": one.mend,
            }
            for one in findings
        ]  # fmt: skip
        print_json({"ok": healthy, "findings": listed})
    else:
        _print_findings(findings)
    if not healthy:
        raise typer.Exit(1)


def _print_findings(findings: list[Finding]) -> None:
    """What is wrong, each with its mend and code; then what is right, in short."""
    from app.doctor import code_of, level_of

    wrong = [finding for finding in findings if level_of(finding) != "ok"]
    colours = {"warning": typer.colors.YELLOW, "fault": typer.colors.RED}
    for finding in wrong:
        level = level_of(finding)
        say(f"{typer.style(_MARKS[level], fg=colours[level])} {finding.subject}: {finding.detail}")
        say(f"  → {finding.mend} [{code_of(finding)}]")
    right = [finding for finding in findings if finding not in wrong]
    width = max((len(finding.subject) for finding in right), default=0)
    for finding in right:
        say(f"{typer.style(_MARKS['ok'], fg=typer.colors.GREEN)} {finding.subject:<{width}}  {finding.detail}")


@cli.command("openapi")
def openapi_command() -> None:
    """Print the OpenAPI document; needs no database and no settings."""
    from app.main import create_app
    from app.runtime import build_runtime
    from app.settings import Settings

    runtime = build_runtime(Settings.model_construct(), "postgresql://")
    print_json(create_app(runtime).openapi())


@cli.command("sandbox")
def sandbox_command(
    port: Annotated[int | None, typer.Option(help="The port; 8100 by default.", min=1, max=65535)] = None,
) -> None:
    """Run the sandbox stores and suppliers alone."""
    from app.logging import configure_logging
    from app.sandbox.run import run_sandbox

    configure_logging("warning")
    with _until_stopped():
        run_sandbox(port)


@cli.command("demo")
def demo_command(
    once: Annotated[bool, typer.Option("--once", help="End when the story is told.")] = False,
    port: Annotated[int | None, typer.Option(help="Port of the API; a free one by default.", min=1)] = None,
) -> None:
    """Play returns on both platforms, on this machine alone, and show each step."""
    from app.demo.run import run_demo
    from app.logging import configure_logging

    configure_logging("warning")
    code = 0
    with _until_stopped():
        code = run_demo(once, port)
    raise typer.Exit(code)


def _settings() -> Settings:
    from app.logging import configure_logging
    from app.settings_load import load_settings

    settings = load_settings()
    configure_logging(settings.log_level, settings.log_json)
    return settings


def _service_settings() -> Settings:
    from app.settings_load import require_for_service

    settings = _settings()
    require_for_service(settings)
    if not settings.api_keys:
        typer.echo("makegood: No API key is set (MAKEGOOD_API_KEYS__<NAME>): nobody can use the API.", err=True)
    return settings


@contextmanager
def _until_stopped() -> Iterator[None]:
    """Runs until done; Ctrl-C and SIGTERM end it quietly, and everything held open is given back."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, stop)
    try:
        yield
    except KeyboardInterrupt:
        raise SystemExit(0) from None


if __name__ == "__main__":
    main()
