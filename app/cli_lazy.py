"""Commands whose modules are imported when they run. What `--help` says of them is here, and a test compares it."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

# Name: module, what it is called there, and the line of the list of commands.
LAZY: dict[str, tuple[str, str, str]] = {
    "webhooks": ("app.cli_webhooks", "group", "The stores' webhooks."),
    "deliveries": ("app.cli_lists", "deliveries", "Webhooks as they came."),
    "cases": ("app.cli_lists", "cases", "Return cases."),
    "policy": ("app.cli_policy", "group", "Rules: show, check, explain, try on the past."),
    "events": ("app.cli_events", "group", "Events for your own systems."),
    "backup": ("app.cli_backup", "backup_command", "Write the whole database into a file, while everything goes on."),
    "restore": (
        "app.cli_backup",
        "restore_command",
        "Bring a backup into an empty database; stop all else first.",
    ),
}


def load(name: str) -> Any:
    """The command or group itself."""
    module, attribute, _ = LAZY[name]
    found = getattr(import_module(module), attribute)
    if isinstance(found, typer.Typer):
        group = typer.main.get_group(found)
        group.name = name
        return group
    alone = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    alone.command(name)(found)
    return typer.main.get_command(alone)


class LazyGroup(TyperGroup):
    """A group that knows the names of commands that it has not imported."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The names of all commands."""
        return [*super().list_commands(ctx), *LAZY]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command, imported now if it has to be; None when there is none of that name."""
        return load(cmd_name) if cmd_name in LAZY else super().get_command(ctx, cmd_name)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """The list of commands, without importing any."""
        del ctx
        here = [(name, command.get_short_help_str(120)) for name, command in self.commands.items()]
        with formatter.section("Commands"):
            formatter.write_dl([*here, *((name, line) for name, (_, _, line) in LAZY.items())])
