"""Shows the demo: a moving picture on a terminal, plain lines in a pipe, and a table at the end of both."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from app.demo.story import Played, PlayedCase

_PIPE_WIDTH = 110
# Of the moving table: what may be cut short on a narrow terminal has no least width.
_COLUMNS = (
    ("", 1), ("story", None), ("store", 5), ("case", 11), ("state", 17), ("customer got", None), ("supplier owes", 14),
    ("calls", 5),
)  # fmt: skip
_COLOURS = {"resolved": "green", "closed": "green", "contested": "yellow", "rejected": "magenta"}


def make_console() -> Console:
    """The console of stdout, wide enough for the table when it is not a terminal."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=_PIPE_WIDTH)


class Picture:
    """Shows stories while they are played. Use it as a context manager around the playing."""

    def __init__(self, console: Console, stories: Sequence[Played]) -> None:
        self._console = console
        self._stories = stories
        self._live = (
            Live(console=console, get_renderable=self._render, refresh_per_second=8, transient=True)
            if console.is_terminal
            else None
        )

    def __enter__(self) -> Picture:
        if self._live is not None:
            self._live.start(refresh=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def said(self, played: Played, sentence: str) -> None:
        """A story's next step."""
        self._line(played, sentence)

    def moved(self, played: Played, case: PlayedCase) -> None:
        """A case walked on."""
        self._line(played, f"{case.reference} is {case.state}")

    def ended(self, played: Played) -> None:
        """A story is over."""
        self._line(played, "ended as told" if played.as_told else "did NOT end as told")

    def _line(self, played: Played, text: str) -> None:
        if self._live is None:
            self._console.print(f"{played.number:>2} {played.story.store:<5} {text}", markup=False, soft_wrap=True)

    def _render(self) -> RenderableType:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
        for heading, least in _COLUMNS:
            table.add_column(heading, no_wrap=True, min_width=least)
        for played in self._stories:
            for case in _cases(played):
                table.add_row(_mark(played), escape(played.story.title), played.story.store, *_standing(case))
        done = sum(played.done for played in self._stories)
        bar = Table.grid(padding=(0, 1))
        bar.add_row(
            ProgressBar(total=len(self._stories), completed=done, width=40), f"{done} of {len(self._stories)} stories"
        )
        now = [line for played in self._stories if played.saying and not played.done for line in _now(played)]
        return Group(table, *now, bar)


def _now(played: Played) -> list[Text]:
    """What the story is about, and what happens in it at this moment."""
    about = Text(f"{played.story.store:<5} {played.story.sentence}", overflow="ellipsis", no_wrap=True)
    step = "" if played.saying == played.story.sentence else f"      {played.saying}"
    return [about, Text(step, style="italic cyan", overflow="ellipsis", no_wrap=True)]


def closing_table(stories: Sequence[Played]) -> Table:
    """Every case: where it went, what the customer got, what the supplier owes, and whether it was as told."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("case", no_wrap=True)
    table.add_column("store", no_wrap=True)
    table.add_column("path", ratio=1)
    table.add_column("customer got", max_width=12)
    table.add_column("supplier owes", max_width=13)
    table.add_column("money calls", max_width=5, justify="center")
    table.add_column("as told", max_width=4, justify="center")
    for played in stories:
        for case in _cases(played):
            name = f"[bold]{escape(played.story.title)}[/bold]"
            if case is None:
                table.add_row(name, played.story.store, "-", "-", "-", "-", _mark(played))
                continue
            table.add_row(
                f"{name}\n{case.reference}",
                played.story.store,
                " → ".join(case.path),
                case.customer,
                case.owes,
                str(case.calls),
                _mark(played),
            )
    return table


def _cases(played: Played) -> list[PlayedCase | None]:
    """The story's cases, or one empty place while there is none."""
    return [*played.cases] or [None]


def _standing(case: PlayedCase | None) -> tuple[str, ...]:
    if case is None:
        return ("", "", "", "", "")
    colour = _COLOURS.get(case.state, "cyan")
    return (case.reference, f"[{colour}]{case.state}[/{colour}]", case.customer, case.owes, str(case.calls))


def _mark(played: Played) -> str:
    if not played.done:
        return "[cyan]…[/cyan]" if played.saying else " "
    return "[green]✓[/green]" if played.as_told else "[red]✗[/red]"
