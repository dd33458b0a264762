"""`makegood policy`: look at the rules, check them, and hear why a case was decided as it was."""

from __future__ import annotations

from typing import Annotated, cast

import typer

from app.cases import queries
from app.cases.answers import titles_of
from app.cases.models import Case
from app.cli_lists import AsJson, in_database
from app.cli_output import print_json, say
from app.cli_simulate import simulate
from app.db.work import Work
from app.errors import ConfigError, NotFound
from app.policy import store
from app.policy.decision import Decision
from app.policy.files import PolicyFault, load
from app.policy.lint import Finding, lint, lint_terms
from app.policy.schemas import DecisionOut, Language, decision_out
from app.policy.words import LANGUAGES, explain
from app.settings_load import load_settings

group = typer.Typer(help="Rules: show, check, explain, try on the past.", no_args_is_help=True, rich_markup_mode=None)
group.command("simulate")(simulate)


@group.command("show")
def show(
    named: Annotated[str, typer.Argument(metavar="NAME", help="A shipped policy, or the path of a file.")] = "default",
) -> None:
    """Print a policy file, to read or to begin one's own from."""
    say(load(named).body.rstrip())


@group.command("lint")
def lint_command(
    files: Annotated[list[str], typer.Argument(metavar="FILE…", help="Policy files, or names of shipped ones.")],
    as_json: AsJson = False,
) -> None:
    """Check policy files: errors, what a law forbids, gaps, overlaps, dead rules. Exit 1 when there is an error."""
    found = [finding for named in files for finding in _lint(named)] + _terms()
    if as_json:
        print_json([{name: getattr(one, name) for name in Finding.__dataclass_fields__} for one in found])
    else:
        for one in found:
            say(str(one))
    errors = sum(one.level == "error" for one in found)
    if errors:
        raise ConfigError(f"{errors} error{'s' if errors > 1 else ''} in the policies; mend them before they are used.")


def _lint(named: str) -> list[Finding]:
    try:
        file = load(named)
    except PolicyFault as fault:
        return [Finding(one.source, one.line, "error", one.code, one.message) for one in fault.faults]
    return lint(file.body, file.source)


def _terms() -> list[Finding]:
    """The suppliers' terms, where there are settings to read; lint works without any."""
    try:
        return lint_terms(load_settings().suppliers)
    except ConfigError:
        return []


@group.command("explain")
def explain_command(
    case: Annotated[str, typer.Argument(help="The case's id or reference (`MG-…`).")],
    language: Annotated[str, typer.Option(help="One of en, fr, he.")] = "en",
    as_json: AsJson = False,
) -> None:
    """Say why a case was decided as it was: rules, arithmetic, law."""
    if language not in LANGUAGES:
        raise ConfigError(f"There are no words in {language!r}; choose one of {', '.join(LANGUAGES)}.")

    async def read(work: Work) -> tuple[DecisionOut, str]:
        found = await work.session.get_one(Case, await queries.required_id(work, case))
        kept = (await store.latest(work, [found.id])).get(found.id)
        if kept is None:
            raise NotFound(f"No policy has decided about the case {found.reference}.")
        row, file = kept
        titles = titles_of(found)
        said = explain(Decision.from_json(row.data), language, file.policy if file else None, titles)
        return decision_out(row, file, titles, cast(Language, language)), f"{found.reference}: {said.text()}"

    decision, text = in_database(read)
    if as_json:
        print_json(decision.model_dump(mode="json"))
    else:
        say(text)
