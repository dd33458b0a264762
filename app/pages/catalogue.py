"""The words of the pages in French and Hebrew: gettext catalogues, whose message ids are the English texts.

The `.po` files are read as they are, by Babel, when a language is first needed: so a plain `pip install` is enough and
no compiled file can be older than its source. After a change of a template run `python -m app.pages.catalogue`; it
brings the new texts into every catalogue, empty, and a test fails until they are filled.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from babel.support import NullTranslations, Translations

FOLDER = Path(__file__).parent
# English is what the templates say.
TRANSLATED = ("fr", "he")
_METHODS = [("templates/**.html", "jinja2")]
_OPTIONS = {"templates/**.html": {"trimmed": "true", "silent": "false"}}


@lru_cache(maxsize=len(TRANSLATED) + 1)
def translations(language: str) -> NullTranslations:
    """gettext and ngettext of a language; English for one that has no catalogue."""
    if language not in TRANSLATED:
        return NullTranslations()
    compiled = BytesIO()
    write_mo(compiled, catalogue(language))
    compiled.seek(0)
    return Translations(compiled)


def catalogue(language: str) -> Catalog:
    """The catalogue of a language as its file has it."""
    with path_of(language).open("rb") as file:
        return read_po(file, locale=language)


def path_of(language: str) -> Path:
    """Where the catalogue of a language is kept."""
    return FOLDER / "locale" / language / "LC_MESSAGES" / "pages.po"


def texts() -> Iterator[tuple[str | tuple[str, ...], str]]:
    """Every text that a template has translated, with the file it stands in."""
    for file, _line, message, _comments, _context in extract_from_dir(FOLDER, _METHODS, _OPTIONS):
        yield message, file


def refresh(language: str) -> None:
    """Brings new texts into a catalogue, empty, and takes away those that nothing says any more."""
    wanted = Catalog()
    for message, file in sorted(texts(), key=lambda one: one[1]):
        wanted.add(message, locations=[(file, 0)])
    path = path_of(language)
    stored = catalogue(language) if path.exists() else Catalog(locale=language)
    stored.update(wanted, no_fuzzy_matching=True, update_creation_date=False)
    stored.obsolete.clear()
    stored.header_comment = "# What the pages of Makegood say; the ids are the English texts of app/pages/templates."
    stored.fuzzy = False
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file_out:
        write_po(file_out, stored, width=118, no_location=True, omit_header=False, sort_output=False)


if __name__ == "__main__":
    for each in TRANSLATED:
        refresh(each)
