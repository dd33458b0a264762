"""The two ways in which Shopify's GraphQL says no."""

from __future__ import annotations

import re
from collections.abc import Sequence

from graphql import GraphQLError

_GID = re.compile(r"gid://shopify/(\w+)/(\d+)", re.ASCII)


class Refused(Exception):
    """A `userErrors` entry. `code` is for returns only: refundCreate's user errors have none."""

    def __init__(self, field: Sequence[str] | None, message: str, code: str | None = None, known: bool = False) -> None:
        """`known` says that the payload still shows the object that the call was about."""
        super().__init__(message)
        self.field = field
        self.message = message
        self.code = code
        self.known = known

    @property
    def entry(self) -> dict[str, object]:
        """As it appears in the payload."""
        return {"field": self.field, "message": self.message, "code": self.code}


def top_error(code: str, message: str) -> GraphQLError:
    """An entry of the top-level `errors` with `extensions.code`."""
    return GraphQLError(message, extensions={"code": code})


def parse_gid(kind: str, identifier: str) -> int:
    """The number in `gid://shopify/<kind>/<number>`.

    Raises Shopify's RESOURCE_NOT_FOUND "Invalid id: …" for the id of anything else.
    """
    found = _GID.fullmatch(identifier)
    if found is None or found[1] != kind:
        raise top_error("RESOURCE_NOT_FOUND", f"Invalid id: {identifier}")
    return int(found[2])
