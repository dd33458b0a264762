"""What this process counts as it happens. Prometheus adds the processes up; a restart begins at nothing, as it expects.

Each function is called where the thing happens, after the commit where there is one. Labels are words of the code or
keys of the configuration, never what a sender wrote.
"""

from __future__ import annotations

from prometheus_client import Counter, Histogram, disable_created_metrics

from app.metrics.labels import source_label, topic_label

# A second series beside each counter, which tells nothing that its own beginning does not.
disable_created_metrics()  # type: ignore[no-untyped-call]

# Seconds. A reading call takes a tenth, a refund waits for the payment gateway, and time-outs are at 40 and 75.
_CALL_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0)
# Seconds. A job with no call takes a few hundredths.
_JOB_BUCKETS = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 150.0)

_deliveries = Counter(
    "makegood_deliveries",
    "Webhooks by what became of them: received, duplicate, refused, not_stored; processed, ignored, retried, failed.",
    ["kind", "source", "topic", "outcome"],
)
_store_seconds = Histogram(
    "makegood_store_call_seconds", "How long calls to stores took.", ["store", "operation"], buckets=_CALL_BUCKETS
)
_store_calls = Counter(
    "makegood_store_calls",
    "Calls to stores by outcome; all but `ok` are errors.",
    ["store", "operation", "outcome"],
)
_supplier_seconds = Histogram(
    "makegood_supplier_call_seconds",
    "How long calls to suppliers took.",
    ["supplier", "operation"],
    buckets=_CALL_BUCKETS,
)
_supplier_calls = Counter(
    "makegood_supplier_calls",
    "Calls to suppliers by outcome; all but `ok` are errors.",
    ["supplier", "operation", "outcome"],
)
_refunds = Counter("makegood_refund_moves", "Refunds that came to a status.", ["store", "status"])
_cases = Counter("makegood_case_moves", "Cases that came to a state.", ["state"])
_mails = Counter("makegood_mails", "Mails by what became of a sending.", ["outcome"])
_job_seconds = Histogram("makegood_job_seconds", "How long jobs took.", ["task"], buckets=_JOB_BUCKETS)
_job_errors = Counter("makegood_job_errors", "Jobs that ended with an error that nothing caught.", ["task"])


def delivery(kind: str, source: str, topic: str, outcome: str) -> None:
    """A webhook came in or was read. `kind` is `store` or `supplier`; the topic of a refused one is not its sender's
    word, so it is `unverified`.
    """
    told = "unverified" if outcome == "refused" else topic_label(topic)
    _deliveries.labels(kind, source_label(source), told, outcome).inc()


def deliveries(kind: str, source: str, topic: str, outcome: str, number: int) -> None:
    """As `delivery`, for `number` of one kind at once."""
    _deliveries.labels(kind, source_label(source), topic_label(topic), outcome).inc(number)


def store_call(store: str, operation: str, outcome: str, seconds: float) -> None:
    """A call to a store ended."""
    _store_seconds.labels(store, operation).observe(seconds)
    _store_calls.labels(store, operation, outcome).inc()


def supplier_call(supplier: str, operation: str, outcome: str, seconds: float) -> None:
    """A call to a supplier ended."""
    _supplier_seconds.labels(supplier, operation).observe(seconds)
    _supplier_calls.labels(supplier, operation, outcome).inc()


def refund_moved(store: str, status: str) -> None:
    """A refund came to a status."""
    _refunds.labels(source_label(store), status).inc()


def case_moved(state: str) -> None:
    """A case came to a state."""
    _cases.labels(state).inc()


def mail_ended(outcome: str) -> None:
    """A sending of a mail ended."""
    _mails.labels(outcome).inc()


def job_ended(task: str, seconds: float, *, broke: bool) -> None:
    """A job ran."""
    _job_seconds.labels(task).observe(seconds)
    if broke:
        _job_errors.labels(task).inc()
