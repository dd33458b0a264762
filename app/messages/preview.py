"""Messages with made-up facts: for the eye, and to try a store's own wording before anybody is written to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from app import links
from app.db.work import Work
from app.messages.facts import MessageFacts, MessageKind
from app.messages.render import RenderedMessage, render, render_own
from app.messages.samples import sample, variants
from app.messages.service import store_facts
from app.messages.wording import LANGUAGES, LAYOUT, BadWording, files_in
from app.settings import Settings

_SHOWN = "a-signed-link"


@dataclass(frozen=True, slots=True)
class Preview:
    """A message as it would be written; `own` says that the store's words are used, `fault` why they cannot be."""

    message: RenderedMessage
    own: bool
    fault: str | None


def preview(work: Work, store: str, kind: MessageKind, locale: str | None) -> Preview:
    """A message of a configured store, its own words first."""
    facts = sample(kind, _base(work.settings, store, kind, locale), work.now)
    folder = work.settings.wording_dir
    try:
        own = render_own(facts, folder) if folder else None
    except BadWording as bad:
        return Preview(render(facts), own=False, fault=str(bad))
    return Preview(own or render(facts), own=own is not None, fault=None)


def wording_faults(settings: Settings, now: datetime) -> Iterator[str]:
    """What is wrong with the stores' own wording, one sentence for each file; nothing when all of it can be used."""
    folder = settings.wording_dir
    if folder is None:
        return
    if not folder.is_dir():
        yield f"{folder}: there is no such folder"
        return
    for path, store, language, kind in files_in(folder):
        if store not in settings.stores:
            yield f"{path}: is not at <store>/<language>/<kind>.txt of a store that is configured"
        elif language not in LANGUAGES:
            yield f"{path}: the languages are {', '.join(LANGUAGES)}"
        elif kind not in {*MessageKind, LAYOUT}:
            yield f"{path}: there is no message {kind!r}; there are {', '.join(sorted(MessageKind))} and {LAYOUT}"
        elif fault := _fault(settings, folder, store, language, kind, now):
            yield fault


def _fault(settings: Settings, folder: Path, store: str, language: str, kind: str, now: datetime) -> str | None:
    tried = list(MessageKind) if kind == LAYOUT else [MessageKind(kind)]
    for one in tried:
        for facts in variants(one, _base(settings, store, one, language), now):
            try:
                render_own(facts, folder)
            except BadWording as bad:
                return str(bad)
    return None


def _base(settings: Settings, store: str, kind: MessageKind, locale: str | None) -> MessageFacts:
    facts = store_facts(settings, store, kind)
    return replace(
        facts,
        locale=locale or facts.locale,
        status_url=links.url(settings, f"/returns/{store}/r/{_SHOWN}"),
        survey_url=links.url(settings, f"/returns/{store}/survey/{_SHOWN}"),
    )
