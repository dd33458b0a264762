"""Death in one process: a worker that ends at a crash point or at a commit, as if it had been killed there."""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass, field
from typing import Any

from procrastinate.jobs import Job
from procrastinate.worker import Worker
from psycopg import Cursor
from sqlalchemy import Connection, event
from sqlalchemy.pool import PoolProxiedConnection

from app.crashpoints import Point
from app.db.engine import Database


class Died(BaseException):
    """The process is gone. Not an `Exception`: nothing may catch it and carry on."""


Commit = tuple[str, int]
"""A commit by the tables in which it kept something, in the order of writing, and the how-many-eth of that kind."""

_WRITES = re.compile(r"\s*(?:INSERT INTO|UPDATE|DELETE FROM) (\w+)")


@dataclass
class Fate:
    """When the next death comes: at a crash point, or before or after a commit. It comes once."""

    point: Point | None = None
    commit: Commit | None = None
    before: bool = True
    commits: list[Commit] = field(default_factory=list)
    """Every commit since the last choice."""
    worker_is_dead: bool = False
    """Until a new one is started, whatever the old one still tries to do fails."""

    def choose(self, *, point: Point | None = None, commit: Commit | None = None, before: bool = True) -> None:
        """Sets the next death and counts commits from nothing."""
        self.point, self.commit, self.before, self.commits = point, commit, before, []

    @property
    def met(self) -> bool:
        """Whether the chosen death has come."""
        return self.point is None and self.commit is None

    def reached(self, point: Point) -> None:
        """The hook for crash points. The API's own point ends one request, every other one the worker."""
        in_worker = point is not Point.WEBHOOK_STORED
        if in_worker and self.worker_is_dead:
            raise Died
        if point is self.point:
            self._die(in_worker)

    def watch(self, database: Database, *, in_worker: bool) -> None:
        """Makes the commits of this database mortal, those that keep anything."""
        engine = database.engine.sync_engine
        # Engines of one test process share their dialect (tests/engines.py): only this one's commits are mortal.
        engine.dialect = copy.copy(engine.dialect)
        really_commit = engine.dialect.do_commit
        written: dict[int, dict[str, None]] = {}

        @event.listens_for(engine, "after_cursor_execute")
        def note(connection: Connection, cursor: Cursor[Any], statement: str, *_: object) -> None:
            table = _WRITES.match(statement)
            # Housekeeping that found nothing to do keeps nothing, and how often it comes by is chance.
            if table and cursor.rowcount:
                written.setdefault(id(connection.connection.dbapi_connection), {})[table[1]] = None

        @event.listens_for(engine, "rollback")
        def forget(connection: Connection) -> None:
            written.pop(id(connection.connection.dbapi_connection), None)

        def commit(connection: PoolProxiedConnection) -> None:
            if in_worker and self.worker_is_dead:
                raise Died
            tables = written.pop(id(connection.dbapi_connection), None)
            if not tables:
                really_commit(connection)
                return
            kind = " ".join(tables)
            this = (kind, 1 + sum(name == kind for name, _ in self.commits))
            self.commits.append(this)
            fatal = this == self.commit
            if fatal and self.before:
                self._die(in_worker)
            really_commit(connection)
            if fatal:
                self._die(in_worker)

        engine.dialect.do_commit = commit  # type: ignore[method-assign, assignment]

    def _die(self, in_worker: bool) -> None:
        self.point = self.commit = None
        self.worker_is_dead = in_worker
        raise Died


class MortalWorker(Worker):
    """A worker that, once dead, takes no further job and leaves the one it had as it was: `doing`, by nobody."""

    def __init__(self, fate: Fate, **wanted: Any) -> None:
        super().__init__(**wanted)
        self._fate = fate

    async def _persist_job_status(self, job: Job, *args: Any, **how: Any) -> None:
        if self._fate.worker_is_dead:
            self.stop()  # type: ignore[no-untyped-call]
        else:
            await super()._persist_job_status(job, *args, **how)
