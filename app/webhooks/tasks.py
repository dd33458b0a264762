"""What is left of the queue's part in reading deliveries: jobs that processes of the release before still enqueue."""

from __future__ import annotations

from procrastinate import JobContext

from app.jobs import blueprint
from app.runtime import runtime_of
from app.webhooks import inbox


@blueprint.task(name="webhooks.process", pass_context=True)
async def process(context: JobContext, /, **_: str) -> None:
    """Wakes the readers: the delivery's row, not its job, says what is to do."""
    async with runtime_of(context).work() as work:
        await inbox.wake(work)
