"""All of the customer's pages."""

from __future__ import annotations

from fastapi import APIRouter

from app.pages.customer import start, walk

router = APIRouter()
for part in (start, walk):
    router.include_router(part.router)
