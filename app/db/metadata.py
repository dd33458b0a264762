"""Every table, so that Alembic sees them."""

from __future__ import annotations

import app.cases.models
import app.db.guesses
import app.db.idempotency
import app.evidence.models
import app.feedback.models
import app.ledger.models
import app.messages.models
import app.orders.models
import app.outbound.models
import app.pace.models
import app.policy.models
import app.polling.models
import app.privacy.models
import app.refunds.models
import app.remedies.models
import app.requests.models
import app.stores.models
import app.suppliers.models
import app.thanks.models
import app.timers.models
import app.webhooks.models
import app.withdrawals.models  # noqa: F401
from app.db.base import Base

metadata = Base.metadata
