"""The shipped workflows, saved when the gateway starts."""

from __future__ import annotations

import asyncio

import structlog

from codegen_platform.errors import StoreUnavailable
from codegen_platform.store import Store
from codegen_platform.tasks.shipped import save_shipped_templates

log = structlog.get_logger()

PAUSE_SECONDS = 5.0


async def keep_shipped_templates(store: Store) -> None:
    """Save the shipped templates as soon as PostgreSQL answers; deliveries do not wait for it."""
    while True:
        try:
            await asyncio.to_thread(save_shipped_templates, store)
            return
        except StoreUnavailable:
            await asyncio.sleep(PAUSE_SECONDS)
        except Exception as error:
            log.exception("workflow.not_shipped", error=type(error).__name__)
            return
