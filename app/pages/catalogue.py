"""The words of the pages in French and Hebrew: gettext catalogues, whose message ids are the English texts.

Each domain (the customer's pages, the supplier's, …) has a catalogue of its own. A text is said in a template by `_`
or `trans`, in Python by `gettext` or `ngettext` of `translations`.

The `.po` files are read as they are, by Babel, when a language is first needed: so a plain `pip install` is enough and
no compiled file can be older than its source. After a change of a text run `python -m app.pages.catalogue`; it
brings the new texts into every catalogue, empty, and a test fails until they are filled.
"""

from __future__ import annotations

import re
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
# A domain's texts are in the folders of its name; those of `pages` are beside them.
DOMAINS = ("pages", "customer", "supplier", "withdrawal", "survey")
_BEFORE_SIGN = re.compile(r" (?=[:;!?»])|(?<=«) ")
_JINJA = {"trimmed": "true", "silent": "false"}


@lru_cache(maxsize=len(TRANSLATED) + 1)
def translations(language: str) -> NullTranslations:
    """gettext and ngettext of a language, all domains together; English for one that has no catalogue."""
    if language not in TRANSLATED:
        return NullTranslations()
    # The first one brings the language's plural forms; merging does not.
    found, *others = (_compiled(language, domain) for domain in DOMAINS)
    for other in others:
        found.merge(other)
    return found


def _compiled(language: str, domain: str) -> Translations:
    read = catalogue(language, domain)
    if language == "fr":
        _bind(read)
    compiled = BytesIO()
    write_mo(compiled, read)
    compiled.seek(0)
    return Translations(compiled)


def _bind(french: Catalog) -> None:
    """French puts a space before these signs, and no line may begin with them."""
    for message in french:
        forms = [message.string] if isinstance(message.string, str) else message.string or ()
        bound = tuple(_BEFORE_SIGN.sub("\u00a0", form) for form in forms)
        message.string = bound[0] if isinstance(message.string, str) else bound


def catalogue(language: str, domain: str = "pages") -> Catalog:
    """The catalogue of a language and domain as its file has it; empty when there is none yet."""
    path = path_of(language, domain)
    if not path.exists():
        return Catalog(locale=language)
    with path.open("rb") as file:
        return read_po(file, locale=language)


def path_of(language: str, domain: str = "pages") -> Path:
    """Where the catalogue of a language and domain is kept."""
    return FOLDER / "locale" / language / "LC_MESSAGES" / f"{domain}.po"


def texts(domain: str = "pages") -> Iterator[tuple[str | tuple[str, ...], str]]:
    """Every text of a domain that is translated, with the file it stands in."""
    own = domain == "pages"
    methods = [
        ("templates/*.html" if own else f"templates/{domain}/**.html", "jinja2"),
        ("*.py" if own else f"{domain}/**.py", "python"),
    ]
    options = {methods[0][0]: _JINJA}
    for file, _line, message, _comments, _context in extract_from_dir(FOLDER, methods, options):
        yield message, file


def refresh(language: str, domain: str = "pages") -> None:
    """Brings new texts into a catalogue, empty, and takes away those that nothing says any more."""
    wanted = Catalog()
    for message, file in sorted(texts(domain), key=lambda one: one[1]):
        wanted.add(message, locations=[(file, 0)])
    if not len(wanted):
        return
    path = path_of(language, domain)
    stored = catalogue(language, domain)
    # One rule for a language, whatever the library takes for its own.
    stored.mime_headers = [("Plural-Forms", catalogue(language).plural_forms)]
    stored.update(wanted, no_fuzzy_matching=True, update_creation_date=False)
    stored.obsolete.clear()
    stored.header_comment = "# What the pages of Makegood say; the ids are the English texts of app/pages."
    stored.fuzzy = False
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file_out:
        write_po(file_out, stored, width=118, no_location=True, omit_header=False, sort_output=False)


if __name__ == "__main__":
    for each in TRANSLATED:
        for part in DOMAINS:
            refresh(each, part)
