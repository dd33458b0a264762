"""How often somebody may try something on a page: counted in the database, for every process at once."""

from __future__ import annotations

import hashlib
import hmac
import math
from datetime import timedelta

from sqlalchemy import case
from sqlalchemy.dialects.postgresql import insert

from app.db.guesses import LONGEST_WINDOW, Guess
from app.db.work import Work
from app.errors import AppError


class TooManyAttempts(AppError):
    """Tried too often; `retry_after` says in how many seconds it may be tried again."""

    status = 429
    code = "too_many_attempts"
    title = "Tried too often"


async def allow(work: Work, what: str, key: str, most: int, per_seconds: int) -> None:
    """Counts a try of `what` by `key`, and raises `TooManyAttempts` after `most` within `per_seconds` (3600 at most).

    Call it in a transaction of its own, before anything is looked up, so that the count stays whatever comes then.
    `key` (an address, an order) is kept only as a keyed hash, for an hour at most.
    """
    window = timedelta(seconds=per_seconds)
    if window > LONGEST_WINDOW:
        raise ValueError("a window of more than an hour is forgotten before it ends")
    over = Guess.began_at <= work.now - window
    counted = insert(Guess).values(what=f"page:{what}", client=_hidden(work, key), failures=1, began_at=work.now)
    row = await work.session.execute(
        counted.on_conflict_do_update(
            index_elements=["what", "client"],
            set_={
                "failures": case((over, 1), else_=Guess.failures + 1),
                "began_at": case((over, work.now), else_=Guess.began_at),
            },
        ).returning(Guess.failures, Guess.began_at)
    )
    tries, began = row.one()
    if tries > most:
        seconds = max(1, math.ceil((began + window - work.now).total_seconds()))
        raise TooManyAttempts("Tried too often; please wait.", retry_after=seconds)


def _hidden(work: Work, key: str) -> str:
    secret = next((one.get_secret_value() for one in work.settings.secret_key), "")
    return hmac.new(secret.encode(), key.encode(), hashlib.sha256).hexdigest()
