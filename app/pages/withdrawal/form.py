"""What a consumer has to fill in, and nothing that the law does not allow to ask for."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass

from starlette.datastructures import FormData

from app.pages.catalogue import translations
from app.pages.forms import field

_EMAIL = re.compile(r"[^@\s<>\",;]+@[^@\s<>\",;]+\.[^@\s<>\",;]+")
_KEY = re.compile(r"[A-Za-z0-9_-]{20,40}", re.ASCII)
_LONGEST = {"name": 200, "order": 120, "email": 320, "goods": 2000}


@dataclass(frozen=True, slots=True)
class Filled:
    """The form as it was filled in. `key` is the same on every sending of one review, so that it declares once."""

    name: str = ""
    order: str = ""
    email: str = ""
    goods: str = ""
    key: str = ""

    @classmethod
    def of(cls, form: FormData) -> Filled:
        """From what a browser sent; a key that is none of ours is made anew."""
        key = field(form, "key", 40)
        texts = {name: _clean(field(form, name, most), name) for name, most in _LONGEST.items()}
        return cls(key=key if _KEY.fullmatch(key) else secrets.token_urlsafe(18), **texts)

    def faults(self, language: str) -> list[tuple[str, str]]:
        """What is missing or cannot be, as pairs of field and text."""
        gettext = translations(language).gettext
        found = []
        if not self.name:
            found.append(("name", gettext("Write your name.")))
        if not self.order:
            found.append(("order", gettext("Write the number of your order.")))
        if not _EMAIL.fullmatch(self.email):
            found.append(("email", gettext("Write an e-mail address, such as name@example.com.")))
        return found


def _clean(text: str, name: str) -> str:
    """Without characters that no text of people has; on one line, but for the goods."""
    kept = "".join(char for char in text if char.isprintable() or (char in "\n\t" and name == "goods"))
    return kept.strip()
