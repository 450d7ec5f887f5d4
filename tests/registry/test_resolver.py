import asyncio
from typing import TYPE_CHECKING

import pytest

from webhook.credentials.credential import ANONYMOUS, Credential, Origin
from webhook.image.manifest import Descriptor, Index
from webhook.image.reference import Digest
from webhook.registry.limits import LimitRules
from webhook.registry.observer import CacheOutcome, NullObserver
from webhook.registry.resolution import Absent, Failure, Resolved, Unresolved
from webhook.registry.resolver import MOST_LOGINS, MOST_WALKS, RegistryResolver

if TYPE_CHECKING:
    from webhook.sources import Resolver

    def _is_a_resolver(resolver: RegistryResolver) -> Resolver:
        return resolver


ANY_AGE = float("-inf")
ALICE = Credential(username="alice", secret="a", source='secret "alice"')
BOB = Credential(username="bob", secret="b", source='secret "bob"')
EMPTY = Credential(username="", secret="", source='secret "empty"')
NAME_ONLY = Credential(username="carol", secret="", source='secret "carol"')
OTHER_DIGEST = "sha256:" + "b" * 64


def now() -> float:
    return asyncio.get_running_loop().time()


async def ask(resolver, reference, *logins, within=30.0, not_before=ANY_AGE, content=False):
    return await resolver.resolve(reference, logins, deadline=now() + within, not_before=not_before, content=content)


def index(*digests: str) -> Index:
    manifests = tuple(Descriptor(media_type="m", digest=Digest(digest), size=1) for digest in digests)
    return Index(media_type="i", manifests=manifests)


# --- bounds of what whoever makes pods chooses


@pytest.mark.parametrize(("registry", "asked"), [("a" * 253 + ":5000", True), ("a." * 160 + "test", False)])
def test_a_name_that_is_none_is_not_asked_for_nor_kept(virtual, registries, ref, registry, asked) -> None:
    async def main() -> None:
        async with RegistryResolver(registries) as resolver:
            for _ in range(2):
                answer = await ask(resolver, ref(f"{registry}/app:1"))
            assert (answer.failure is not Failure.DNS) is asked
            assert bool(registries.looks) is asked
            assert bool(resolver.changes) is asked

    virtual(main())


def test_walks_under_way_are_bounded_and_who_comes_then_is_told(virtual, registries, ref) -> None:
    registries.delay["reg.test"] = 5.0
    registries.push("reg.test/app", "1")
    many = MOST_WALKS + 1000

    async def main() -> None:
        async with RegistryResolver(registries, limits=LimitRules(concurrency=many, strangers=many)) as resolver:
            before = len(asyncio.all_tasks())
            asking = [asyncio.create_task(ask(resolver, ref(f"reg.test/app:{tag}"), within=20)) for tag in range(many)]
            await asyncio.sleep(1)
            assert len(asyncio.all_tasks()) - before <= 3 * MOST_WALKS  # who asks, the walk and the look
            told = await asyncio.gather(*asking)
            busy = [answer for answer in told if isinstance(answer, Unresolved) and "under way" in answer.message]
            assert [answer.failure for answer in busy] == [Failure.OUT_OF_TIME] * 1000
            assert isinstance(await ask(resolver, ref("reg.test/app:1"), within=20), Resolved)

    virtual(main())


def test_past_its_deadline_nobody_begins_a_look(virtual, registries, ref) -> None:
    async def main() -> None:
        async with RegistryResolver(registries) as resolver:
            answer = await ask(resolver, ref("reg.test/app:1"), within=0)
            await asyncio.sleep(20)
        assert (answer.failure, registries.looks) == (Failure.OUT_OF_TIME, [])

    virtual(main())


# --- resolving and remembering


def test_a_tag_is_looked_up_once_a_minute(virtual, registries, ref) -> None:
    registries.push("reg.test/app", "1")

    async def main() -> None:
        async with RegistryResolver(registries) as resolver:
            for wait, looks in ((0, 1), (59, 1), (2, 2)):
                await asyncio.sleep(wait)
                resolution = await ask(resolver, ref("reg.test/app:1"))
                assert isinstance(resolution, Resolved)
                assert len(registries.looks) == looks

    virtual(main())


@pytest.mark.parametrize("callers", [200, 1000])
def test_however_many_ask_for_a_cold_image_the_registry_is_asked_once(virtual, registries, ref, callers) -> None:
    registries.push("reg.test/app", "1")
    registries.delay["reg.test"] = 0.3

    async def main() -> None:
        async with RegistryResolver(registries) as resolver:
            answers = await asyncio.gather(*(ask(resolver, ref("reg.test/app:1"), ALICE) for _ in range(callers)))
        assert all(isinstance(answer, Resolved) for answer in answers)
        assert len(registries.looks) == 1

    virtual(main())


def test_those_whose_logins_overlap_share_the_looks(virtual, registries, ref) -> None:
    registries.private["reg.test/app"] = {"bob"}
    registries.push("reg.test/app", "1")
    registries.delay["reg.test"] = 0.3

    async def main() -> None:
        async with RegistryResolver(registries) as resolver:
            first, second = await asyncio.gather(
                ask(resolver, ref("reg.test/app:1"), ALICE), ask(resolver, ref("reg.test/app:1"), ALICE, BOB)
            )
        assert isinstance(first, Unresolved)
        assert isinstance(second, Resolved)
        assert [source for _, _, source, _ in registries.looks] == ['secret "alice"', 'secret "bob"']

    virtual(main())


def test_the_answer_is_for_the_reference_that_was_asked(virtual, registries, ref) -> None:
    digest = "sha256:" + "a" * 64
    registries.push("reg.test/app", "1", digest)

    async def main() -> None:
        async with RegistryResolver(registries) as resolver:
            for text in (f"reg.test/app@{digest}", f"reg.test/app:9@{digest}"):
                resolution = await ask(resolver, ref(text))
                assert resolution.reference == ref(text)
        assert len(registries.looks) == 1

    virtual(main())


def test_a_digest_is_remembered_for_an_hour(virtual, registries, ref) -> None:
    digest = "sha256:" + "a" * 64
    registries.push("reg.test/app", "1", digest)

    async def main() -> None:
        async with RegistryResolver(registries) as resolver:
            for wait, looks in ((0, 1), (3500, 1), (200, 2)):
                await asyncio.sleep(wait)
                await ask(resolver, ref(f"reg.test/app@{digest}"))
                assert len(registries.looks) == looks

    virtual(main())


def test_a_closed_resolver_says_so(virtual, registries, ref) -> None:
    async def main() -> None:
        with pytest.raises(RuntimeError, match="async with"):
            await ask(RegistryResolver(registries), ref("reg.test/app:1"))

    virtual(main())


# --- logins


def test_every_login_is_tried_in_order_and_the_first_success_wins(virtual, registries, ref) -> None:
    registries.private["reg.test/app"] = {"bob"}
    registries.push("reg.test/app", "1")

    async def main() -> None:
        async with RegistryResolver(registries) as resolver:
            resolution = await ask(resolver, ref("reg.test/app:1"), ALICE, BOB, EMPTY)
        assert isinstance(resolution, Resolved)
        assert [attempt.credential for attempt in resolution.attempts] == ['secret "alice"', 'secret "bob"']

    virtual(main())


def test_after_refused_logins_there_is_no_anonymous_try(virtual, registries, ref) -> None:
    registries.private["reg.test/app"] = {""}
    registries.push("reg.test/app", "1")

    async def main() -> None:
        async with RegistryResolver(registries) as resolver:
            with_login = await ask(resolver, ref("reg.test/app:1"), ALICE)
            without = await ask(resolver, ref("reg.test/app:1"))
        assert isinstance(with_login, Unresolved)
        assert with_login.failure is Failure.LOGIN_REFUSED
        assert isinstance(without, Resolved)

    virtual(main())


def test_a_login_without_a_secret_is_anonymous_and_tried_once(virtual, registries, ref) -> None:
    registries.push("reg.test/app", "1")

    async def main() -> None:
        async with RegistryResolver(registries) as resolver:
            resolution = await ask(resolver, ref("reg.test/app:1"), EMPTY, NAME_ONLY, ANONYMOUS)
            await ask(resolver, ref("reg.test/app:1"))
        assert [source for _, _, source, _ in registries.looks] == ["anonymous"]
        assert [attempt.credential for attempt in resolution.attempts] == ['secret "empty"']

    virtual(main())


def test_the_same_login_under_another_name_is_told_under_that_name(virtual, registries, ref) -> None:
    registries.private["reg.test/app"] = set()
    twin = Credential(username="alice", secret="a", source='secret "twin"')

    async def main() -> None:
        async with RegistryResolver(registries) as resolver:
            await ask(resolver, ref("reg.test/app:1"), ALICE)
            resolution = await ask(resolver, ref("reg.test/app:1"), twin)
        assert len(registries.looks) == 1
        assert [attempt.credential for attempt in resolution.attempts] == ['secret "twin"']

    virtual(main())


def test_one_login_s_access_never_answers_for_another_s(virtual, registries, ref) -> None:
    registries.private["reg.test/app"] = {"alice"}
    registries.push("reg.test/app", "1")

    async def main() -> None:
        async with RegistryResolver(registries) as resolver:
            tenants = [
                Credential(username=f"user{number}", secret="x", source='secret "regcred"') for number in range(50)
            ]
            assert isinstance(await ask(resolver, ref("reg.test/app:1"), ALICE), Resolved)
            for tenant in tenants:
                assert isinstance(await ask(resolver, ref("reg.test/app:1"), tenant), Unresolved)
            assert isinstance(await ask(resolver, ref("reg.test/app:1")), Unresolved)
            assert isinstance(await ask(resolver, ref("reg.test/app:1"), ALICE), Resolved)
        assert len(registries.looks) == 52

    virtual(main())


def test_a_login_known_to_work_answers_though_another_s_refusal_is_forgotten(virtual, registries, ref) -> None:
    registries.private["reg.test/app"] = {"bob"}
    registries.push("reg.test/app", "1")

    async def main() -> None:
        async with RegistryResolver(registries) as resolver:
            await ask(resolver, ref("reg.test/app:1"), ALICE, BOB)
            await asyncio.sleep(40)  # past the refusal's 30 seconds, within the tag's 60
            assert isinstance(await ask(resolver, ref("reg.test/app:1"), ALICE, BOB, not_before=now()), Resolved)
        assert len(registries.looks) == 2

    virtual(main())


def test_logins_beyond_the_bound_are_not_tried_and_nothing_is_concluded(virtual, registries, ref) -> None:
    registries.private["reg.test/app"] = set()
    crowd = [Credential(username=str(number), secret="x", source="s") for number in range(500)]

    async def main() -> None:
        async with RegistryResolver(registries) as resolver:
            resolution = await ask(resolver, ref("reg.test/app:1"), *crowd)
        assert isinstance(resolution, Unresolved)
        assert resolution.inconclusive
        assert len(registries.looks) == MOST_LOGINS

    virtual(main())


# --- deadlines, disconnects, bugs


def test_a_caller_out_of_time_is_told_so_and_the_look_goes_on(virtual, registries, ref) -> None:
    registries.push("reg.test/app", "1")
    registries.delay["reg.test"] = 5

    async def main() -> None:
        async with RegistryResolver(registries) as resolver:
            start = now()
            resolution = await ask(resolver, ref("reg.test/app:1"), within=2)
            assert now() - start == pytest.approx(2)
            assert isinstance(resolution, Unresolved)
            assert resolution.failure is Failure.OUT_OF_TIME
            await asyncio.sleep(4)
            assert isinstance(await ask(resolver, ref("reg.test/app:1"), within=0), Resolved)
        assert len(registries.looks) == 1

    virtual(main())


def test_a_walk_of_several_logins_goes_on_without_its_caller(virtual, registries, ref) -> None:
    registries.private["reg.test/app"] = {"bob"}
    registries.push("reg.test/app", "1")
    registries.delay["reg.test"] = 3

    async def main() -> None:
        async with RegistryResolver(registries) as resolver:
            assert isinstance(await ask(resolver, ref("reg.test/app:1"), ALICE, BOB, within=1), Unresolved)
            await asyncio.sleep(10)
            assert isinstance(await ask(resolver, ref("reg.test/app:1"), ALICE, BOB, within=0), Resolved)

    virtual(main())


def test_who_disconnects_ends_nobody_s_look(virtual, registries, ref) -> None:
    registries.push("reg.test/app", "1")
    registries.delay["reg.test"] = 1

    async def main() -> None:
        async with RegistryResolver(registries) as resolver:
            first = asyncio.create_task(ask(resolver, ref("reg.test/app:1")))
            second = asyncio.create_task(ask(resolver, ref("reg.test/app:1")))
            await asyncio.sleep(0.5)
            first.cancel()
            assert isinstance(await second, Resolved)
            with pytest.raises(asyncio.CancelledError):
                await first
        assert len(registries.looks) == 1

    virtual(main())


def test_a_bug_reaches_everyone_who_waits_and_nobody_else(virtual, registries, ref) -> None:
    registries.delay["reg.test"] = 1
    registries.wrong["reg.test"] = ZeroDivisionError("bug")
    registries.push("reg.test/app", "1")
    registries.push("other.test/app", "1")

    async def main() -> None:
        async with RegistryResolver(registries) as resolver:
            waiting = [asyncio.create_task(ask(resolver, ref("reg.test/app:1"))) for _ in range(20)]
            assert isinstance(await ask(resolver, ref("other.test/app:1")), Resolved)
            outcomes = await asyncio.gather(*waiting, return_exceptions=True)
            assert [type(outcome) for outcome in outcomes] == [ZeroDivisionError] * 20
            del registries.wrong["reg.test"]
            assert isinstance(await ask(resolver, ref("reg.test/app:1")), Resolved)
        assert len(registries.looks) == 3

    virtual(main())


def test_closing_ends_every_flight_and_answers_everyone(virtual, registries, ref) -> None:
    registries.delay["reg.test"] = 8
    registries.delay["reg.test tags"] = 8

    async def main() -> None:
        async with RegistryResolver(registries) as resolver:
            waiting = [asyncio.create_task(ask(resolver, ref(f"reg.test/app:{tag}"))) for tag in range(20)]
            await asyncio.sleep(9)
        resolutions = await asyncio.gather(*waiting)
        assert {resolution.failure for resolution in resolutions} == {Failure.OUT_OF_TIME, Failure.NOT_FOUND}
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    virtual(main())


def test_a_hung_client_is_let_go(virtual, registries, ref) -> None:
    registries.delay["reg.test"] = 1e6

    async def main() -> None:
        async with RegistryResolver(registries, budget=10) as resolver:
            resolution = await ask(resolver, ref("reg.test/app:1"))
            assert resolution.failure is Failure.TIMEOUT
            assert registries.inside["reg.test"] == 0

    virtual(main())


# --- not_before


def test_a_no_that_began_too_early_is_asked_again(virtual, registries, ref) -> None:
    async def main() -> None:
        async with RegistryResolver(registries) as resolver:
            assert isinstance(await ask(resolver, ref("reg.test/app:1")), Unresolved)
            await asyncio.sleep(2)
            registries.push("reg.test/app", "1")
            assert isinstance(await ask(resolver, ref("reg.test/app:1")), Unresolved)
            assert isinstance(await ask(resolver, ref("reg.test/app:1"), not_before=now()), Resolved)
        assert len(registries.looks) == 2

    virtual(main())


def test_a_no_that_began_late_enough_serves(virtual, registries, ref) -> None:
    async def main() -> None:
        async with RegistryResolver(registries) as resolver:
            asked = now()
            await ask(resolver, ref("reg.test/app:1"))
            await asyncio.sleep(3)
            assert isinstance(await ask(resolver, ref("reg.test/app:1"), not_before=asked), Unresolved)
        assert len(registries.looks) == 1

    virtual(main())


def test_looks_of_one_image_are_a_second_apart_and_shared(virtual, registries, ref) -> None:
    async def main() -> None:
        async with RegistryResolver(registries) as resolver:
            await ask(resolver, ref("reg.test/app:1"))
            callers = []
            for _ in range(100):  # one every 20 ms, each wants a look that began after it asked
                callers.append(asyncio.create_task(ask(resolver, ref("reg.test/app:1"), not_before=now())))
                await asyncio.sleep(0.02)
            answers = await asyncio.gather(*callers)
        assert all(isinstance(answer, Unresolved) and not answer.inconclusive for answer in answers)
        starts = [start - 1000 for start, *_ in registries.looks]
        assert starts == pytest.approx([0, 1, 2], abs=0.01)

    virtual(main())


def test_a_look_under_way_is_waited_for_and_its_yes_serves(virtual, registries, ref) -> None:
    registries.push("reg.test/app", "1")
    registries.delay["reg.test"] = 0.8

    async def main() -> None:
        async with RegistryResolver(registries) as resolver:
            first = asyncio.create_task(ask(resolver, ref("reg.test/app:1")))
            await asyncio.sleep(0.5)
            assert isinstance(await ask(resolver, ref("reg.test/app:1"), not_before=now()), Resolved)
            await first
        assert len(registries.looks) == 1

    virtual(main())


def test_a_look_under_way_that_says_no_is_followed_by_one_for_all(virtual, registries, ref) -> None:
    registries.delay["reg.test"] = 0.4

    async def main() -> None:
        async with RegistryResolver(registries) as resolver:
            early = asyncio.create_task(ask(resolver, ref("reg.test/app:1")))
            await asyncio.sleep(0.2)
            registries.push("reg.test/app", "1")
            late = [asyncio.create_task(ask(resolver, ref("reg.test/app:1"), not_before=now())) for _ in range(50)]
            assert isinstance(await early, Unresolved)
            assert all(isinstance(answer, Resolved) for answer in await asyncio.gather(*late))
        assert [start - 1000 for start, *_ in registries.looks] == pytest.approx([0, 1])

    virtual(main())


def test_without_time_for_the_next_look_nothing_is_concluded(virtual, registries, ref) -> None:
    async def main() -> None:
        async with RegistryResolver(registries) as resolver:
            await ask(resolver, ref("reg.test/app:1"))
            resolution = await ask(resolver, ref("reg.test/app:1"), not_before=now() + 0.1, within=0.5)
            assert resolution.failure is Failure.OUT_OF_TIME

    virtual(main())


@pytest.mark.parametrize("ahead", [5.0, 1e9, float("inf")])
def test_a_moment_to_come_is_waited_for_or_given_up(virtual, registries, ref, ahead) -> None:
    async def main() -> None:
        async with RegistryResolver(registries) as resolver:
            resolution = await ask(resolver, ref("reg.test/app:1"), not_before=now() + ahead, within=10)
            assert resolution.failure is (Failure.NOT_FOUND if ahead < 10 else Failure.OUT_OF_TIME)
            assert [start for start, *_ in registries.looks] == ([1005] if ahead < 10 else [])
            assert asyncio.all_tasks() == {asyncio.current_task()}  # nothing is left waiting for a moment that far off

    virtual(main())


# --- content


def test_content_is_fetched_once_for_each_digest(virtual, registries, ref) -> None:
    registries.push("reg.test/app", "1")
    registries.contents[Digest("sha256:" + "a" * 64)] = index("sha256:" + "1" * 64)
    registries.contents[Digest(OTHER_DIGEST)] = index("sha256:" + "2" * 64)

    async def main() -> None:
        async with RegistryResolver(registries) as resolver:
            for _ in range(3):  # the tag expires; the digest stays
                first = await ask(resolver, ref("reg.test/app:1"), content=True)
                await asyncio.sleep(61)
            registries.push("reg.test/app", "1", OTHER_DIGEST)
            second = await ask(resolver, ref("reg.test/app:1"), content=True)
        assert first.content == index("sha256:" + "1" * 64)
        assert second.content == index("sha256:" + "2" * 64)
        assert [content for *_, content in registries.looks] == [True, False, False, False]
        assert registries.fetched == [("reg.test/app:1", OTHER_DIGEST)], "without a second look"

    virtual(main())


def test_an_answer_with_content_serves_who_wants_none(virtual, registries, ref) -> None:
    registries.push("reg.test/app", "1")
    registries.contents[Digest("sha256:" + "a" * 64)] = index("sha256:" + "1" * 64)

    async def main() -> None:
        async with RegistryResolver(registries) as resolver:
            await ask(resolver, ref("reg.test/app:1"), content=True)
            await ask(resolver, ref("reg.test/app:1"))
            assert len(registries.looks) == 1
            await asyncio.sleep(61)
            await ask(resolver, ref("reg.test/app:1"))
            await ask(resolver, ref("reg.test/app:1"), content=True)
        assert len(registries.looks) == 3

    virtual(main())


def test_a_registry_that_lies_about_a_digest_lies_to_itself(virtual, registries, ref) -> None:
    digest = "sha256:" + "a" * 64
    registries.push("evil.test/app", "1", digest)
    registries.contents[Digest(digest)] = index("sha256:" + "6" * 64)

    async def main() -> None:
        async with RegistryResolver(registries) as resolver:
            await ask(resolver, ref("evil.test/app:1"), content=True)
            registries.push("reg.test/app", "1", digest)
            registries.contents[Digest(digest)] = index("sha256:" + "1" * 64)
            resolution = await ask(resolver, ref("reg.test/app:1"), content=True)
        assert resolution.content == index("sha256:" + "1" * 64)

    virtual(main())


# --- nearest tags


def test_a_missing_tag_comes_with_the_nearest(virtual, registries, ref) -> None:
    registries.listed["reg.test/app"] = ("1.3.9", "1.4.0", "1.4.1", "2.0.0", "latest", "evil\x1b[31m")

    async def main() -> None:
        async with RegistryResolver(registries) as resolver:
            for _ in range(2):
                resolution = await ask(resolver, ref("reg.test/app:1.4.2"))
                assert resolution.nearest_tags == ("1.4.1", "1.4.0", "1.3.9")
            await ask(resolver, ref("reg.test/app:1.4.2"), not_before=now())
        assert len(registries.lists) == 1

    virtual(main())


@pytest.mark.parametrize(
    ("origin", "lists"),
    [(Origin.POD, 1), (Origin.DOCKER_CONFIG, 1), (Origin.NONE, 1), (Origin.NODE, 0), (Origin.PROVIDER, 0)],
)
def test_only_a_login_of_the_pod_s_own_lists_tags(virtual, registries, ref, origin, lists) -> None:
    registries.listed["reg.test/app"] = ("1",)
    login = Credential(username="u", secret="p", source="s", origin=origin)

    async def main() -> None:
        async with RegistryResolver(registries) as resolver:
            resolution = await ask(resolver, ref("reg.test/app:2"), login)
        assert len(registries.lists) == lists
        assert resolution.nearest_tags == (("1",) if lists else ())

    virtual(main())


def test_a_listing_serves_no_other_login(virtual, registries, ref) -> None:
    registries.listed["reg.test/app"] = ("1",)

    async def main() -> None:
        async with RegistryResolver(registries) as resolver:
            for login in (ALICE, BOB, ALICE):
                await ask(resolver, ref("reg.test/app:2"), login)
        assert [source for *_, source in registries.lists] == [ALICE.source, BOB.source]

    virtual(main())


def test_a_slow_listing_costs_a_quarter_of_the_time_and_serves_the_next(virtual, registries, ref) -> None:
    registries.listed["reg.test/app"] = ("1",)
    registries.delay["reg.test tags"] = 5

    async def main() -> None:
        async with RegistryResolver(registries) as resolver:
            start = now()
            resolution = await ask(resolver, ref("reg.test/app:2"), within=8)
            assert now() - start == pytest.approx(2)
            assert (resolution.failure, resolution.nearest_tags) == (Failure.NOT_FOUND, ())
            await asyncio.sleep(4)
            resolution = await ask(resolver, ref("reg.test/app:2"), within=0.001)
            assert resolution.nearest_tags == ("1",)

    virtual(main())


def test_the_list_of_tags_tells_a_missing_repository(virtual, registries, ref, refuse) -> None:
    registries.wrong["reg.test"] = refuse(Failure.NOT_FOUND)
    registries.listed["reg.test/there"] = ("1",)

    async def main() -> None:
        async with RegistryResolver(registries) as resolver:
            there = await ask(resolver, ref("reg.test/there:2"))
            gone = await ask(resolver, ref("reg.test/gone:2"))
        assert (there.absent, there.message) == (Absent.TAG, "tag not found")
        assert (gone.absent, gone.message) == (Absent.REPOSITORY, "repository not found")

    virtual(main())


def test_a_missing_digest_has_no_nearest_tags(virtual, registries, ref) -> None:
    async def main() -> None:
        async with RegistryResolver(registries) as resolver:
            await ask(resolver, ref(f"reg.test/app@{OTHER_DIGEST}"))
        assert registries.lists == []

    virtual(main())


# --- registries in trouble


def test_a_registry_that_is_down_is_not_asked_for_every_image(virtual, registries, ref, refuse) -> None:
    registries.wrong["reg.test"] = refuse(Failure.CONNECT)

    async def main() -> None:
        async with RegistryResolver(registries) as resolver:
            resolutions = [await ask(resolver, ref(f"reg.test/app:{tag}")) for tag in range(100)]
        assert {resolution.failure for resolution in resolutions} == {Failure.CONNECT}
        assert len(registries.looks) == 5

    virtual(main())


def test_a_rate_limit_holds_for_the_login_that_met_it(virtual, registries, ref, refuse) -> None:
    async def main() -> None:
        async with RegistryResolver(registries) as resolver:
            registries.wrong["reg.test"] = refuse(Failure.RATE_LIMITED, retry_after=600.0)
            await ask(resolver, ref("reg.test/app:1"))
            registries.wrong.clear()
            registries.push("reg.test/app", "2")
            await asyncio.sleep(100)
            anonymous = await ask(resolver, ref("reg.test/app:2"), not_before=now())
            assert (anonymous.failure, anonymous.retry_after) == (Failure.RATE_LIMITED, pytest.approx(500))
            assert isinstance(await ask(resolver, ref("reg.test/app:2"), ALICE), Resolved)
            await asyncio.sleep(501)
            assert isinstance(await ask(resolver, ref("reg.test/app:2")), Resolved)

    virtual(main())


def test_a_hung_registry_delays_no_other(virtual, registries, ref) -> None:
    registries.delay["slow.test"] = 9
    for tag in range(100):
        registries.push("fast.test/app", str(tag))

    async def main() -> None:
        async with RegistryResolver(registries, limits=LimitRules(strangers=16)) as resolver:
            assert isinstance(await ask(resolver, ref("fast.test/app:0")), Resolved)
            slow = [asyncio.create_task(ask(resolver, ref(f"slow.test/app:{tag}"))) for tag in range(100)]
            await asyncio.sleep(0.1)
            start = now()
            fast = await asyncio.gather(*(ask(resolver, ref(f"fast.test/app:{tag}")) for tag in range(100)))
            assert now() == start
            assert all(isinstance(answer, Resolved) for answer in fast)
            assert all(isinstance(answer, Unresolved) for answer in await asyncio.gather(*slow))
        assert registries.most_inside["slow.test"] == 8

    virtual(main())


# --- observing


class Counting(NullObserver):
    def __init__(self) -> None:
        self.outcomes: list[CacheOutcome] = []

    def cache(self, cache: str, outcome: CacheOutcome, times: int = 1) -> None:
        self.outcomes += [outcome] * times


def test_hits_misses_and_joins_are_told(virtual, registries, ref) -> None:
    registries.push("reg.test/app", "1")
    registries.delay["reg.test"] = 1
    observer = Counting()

    async def main() -> None:
        async with RegistryResolver(registries, observer=observer) as resolver:
            await asyncio.gather(*(ask(resolver, ref("reg.test/app:1")) for _ in range(3)))
            await ask(resolver, ref("reg.test/app:1"))
        assert sorted(observer.outcomes) == ["coalesced", "coalesced", "hit", "miss"]

    virtual(main())
