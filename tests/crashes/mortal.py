"""Death in one process: a worker that ends at a crash point or at a commit, as if it had been killed there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from procrastinate.jobs import Job
from procrastinate.worker import Worker
from sqlalchemy import Connection, event
from sqlalchemy.pool import PoolProxiedConnection

from app.crashpoints import Point
from app.db.engine import Database


class Died(BaseException):
    """The process is gone. Not an `Exception`: nothing may catch it and carry on."""


@dataclass
class Fate:
    """When the next death comes: at a crash point, or before or after the n-th commit from now. It comes once."""

    point: Point | None = None
    commit: int | None = None
    before: bool = True
    commits: int = 0
    worker_is_dead: bool = False
    """Until a new one is started, whatever the old one still tries to do fails."""

    def choose(self, *, point: Point | None = None, commit: int | None = None, before: bool = True) -> None:
        """Sets the next death and counts commits from nothing."""
        self.point, self.commit, self.before, self.commits = point, commit, before, 0

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
        really_commit = engine.dialect.do_commit
        written: set[int] = set()

        @event.listens_for(engine, "before_cursor_execute")
        def note(connection: Connection, _cursor: object, statement: str, *_: object) -> None:
            if statement.lstrip().startswith(("INSERT", "UPDATE", "DELETE")):
                written.add(id(connection.connection.dbapi_connection))

        @event.listens_for(engine, "rollback")
        def forget(connection: Connection) -> None:
            written.discard(id(connection.connection.dbapi_connection))

        def commit(connection: PoolProxiedConnection) -> None:
            if in_worker and self.worker_is_dead:
                raise Died
            if id(connection.dbapi_connection) not in written:
                really_commit(connection)
                return
            written.discard(id(connection.dbapi_connection))
            self.commits += 1
            last = self.commits == self.commit
            if last and self.before:
                self._die(in_worker)
            really_commit(connection)
            if last:
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
