"""A probe runs once however many ask, and each of them is answered."""

from __future__ import annotations

import asyncio

from codegen_platform.gateway.health import SharedProbe


def test_who_waited_is_answered_although_another_has_asked_anew_meanwhile():
    begun = 0

    async def answers_soon() -> bool:
        nonlocal begun
        begun += 1
        await asyncio.sleep(0.01)
        return True

    async def ask_together() -> list[list[bool]]:
        probe = SharedProbe(answers_soon, False)

        async def ask_again_and_again() -> list[bool]:
            return [await probe() for _ in range(3)]

        return await asyncio.gather(*(ask_again_and_again() for _ in range(10)))

    assert asyncio.run(ask_together()) == [[True] * 3] * 10
    assert begun == 3
