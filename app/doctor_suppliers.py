"""What `makegood doctor` asks of suppliers: whether their API is there and takes our token. No return is asked for."""

from __future__ import annotations

from uuid import UUID

import httpx

from app.errors import ConfigError
from app.http import tls_context
from app.settings import Settings
from app.settings_supplier import SupplierSettings
from app.stores.base import Finding
from app.suppliers.registry import build_channel

# Seconds for one answer of a supplier that is only asked whether it is there.
_PATIENCE = 10.0
# No case has this id: a supplier that lets us in says 404.
_NOBODY = UUID(int=0)


async def check_suppliers(settings: Settings) -> list[Finding]:
    """Whether each supplier with an API answers and lets us in; how the others are reached."""
    return [await _supplier(settings, key, supplier) for key, supplier in settings.suppliers.items()]


async def _supplier(settings: Settings, key: str, supplier: SupplierSettings) -> Finding:
    subject = f"supplier {key}"
    if supplier.channel == "http" and supplier.base_url is not None:
        return await _by_api(subject, f"MAKEGOOD_SUPPLIERS__{key.upper()}__", key, supplier)
    if supplier.channel == "manual":
        return Finding(subject, True, "relayed by the operator")
    if supplier.channel == "email" and settings.smtp_url is not None:
        return Finding(subject, True, f"written to at {supplier.email}")
    if supplier.channel == "email":
        mend = "Set MAKEGOOD_SMTP_URL, or pass on the mails that GET /messages shows; it answers on its page."
        detail = "written to, and no mail server is set: its mails are stored"
        return Finding(subject, True, detail, mend, "supplier_mail_not_sent")
    detail = f"channel {supplier.channel}: relayed by the operator for now"
    mend = "Enter its answers with the API; its cases are marked supplier_by_hand."
    return Finding(subject, True, detail, mend, "supplier_by_hand")


async def _by_api(subject: str, prefix: str, key: str, supplier: SupplierSettings) -> Finding:
    token = supplier.api_token.get_secret_value() if supplier.api_token else ""
    try:
        await build_channel(key, supplier).aclose()
        async with httpx.AsyncClient(timeout=_PATIENCE, verify=tls_context()) as client:
            asked = f"{supplier.base_url}/returns/{_NOBODY}"
            answer = await client.get(asked, headers={"Authorization": f"Bearer {token}"})
    except ConfigError as error:
        return Finding(subject, False, error.detail, "Ask the supplier for its signing secret.", "supplier_secret")
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        detail = f"{supplier.base_url} does not answer ({type(error).__name__})"
        mend = f"Check {prefix}BASE_URL, the network and whether the supplier's API is up."
        return Finding(subject, False, detail, mend, "supplier_unreachable")
    detail = f"{supplier.base_url} answers (HTTP {answer.status_code})"
    if answer.status_code in (401, 403):
        mend = f"Check {prefix}API_TOKEN with the supplier: no return could be asked for with this one."
        return Finding(subject, False, f"{detail}: it does not take the token", mend, "supplier_token")
    if answer.is_redirect:
        mend = f"Set {prefix}BASE_URL to the address that it leads to; what is sent there is not sent again elsewhere."
        return Finding(subject, False, f"{detail}: it leads elsewhere", mend, "supplier_redirects")
    if answer.status_code >= 500:
        mend = "Tell the supplier; what is asked of it is tried again until it answers."
        return Finding(subject, True, detail, mend, "supplier_trouble")
    return Finding(subject, True, detail)
