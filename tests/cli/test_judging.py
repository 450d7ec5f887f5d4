import asyncio

from webhook.cli.judging import AT_ONCE, judge
from webhook.cli.single import single
from webhook.policy.verdict import Verdict
from webhook.workload.workload import Workload


async def test_one_registry_leaves_the_others_their_turns() -> None:
    """All of `slow.test` wait for the last of all, which is of another registry."""
    heard = asyncio.Event()

    class Inspector:
        async def inspect(self, workload: Workload, deadline: float) -> Verdict:
            if workload.images[0].image.startswith("slow.test"):
                await heard.wait()
            heard.set()
            return Verdict(workload=workload)

    slow = [single(f"slow.test/a:{number}", "default").workload for number in range(2 * AT_ONCE)]
    told: list[tuple[int, int]] = []
    last = single("quick.test/a:1", "default").workload
    judgement = await judge([*slow, last], Inspector(), 60, lambda done, total: told.append((done, total)))
    assert [verdict and verdict.workload for verdict in judgement.verdicts] == [*slow, last]
    assert told == [(number, len(slow) + 1) for number in range(1, len(slow) + 2)]
