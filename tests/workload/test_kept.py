"""What is kept of values that were made before is bounded, whatever strangers send."""

import json

from webhook.workload.kept import Kept
from webhook.workload.kinds import pod_bearing


def test_their_number_is_bounded() -> None:
    kept: Kept[int, int] = Kept(most=10)
    for number in range(100):
        kept.put(number, number, 1)
        assert kept.get(number) == number
        assert len(kept) <= 10


def test_what_is_large_is_not_kept() -> None:
    kept: Kept[int, int] = Kept(largest=10)
    kept.put(1, 1, 11)
    kept.put(2, 2, 10)
    assert (kept.get(1), kept.get(2)) == (None, 2)


def test_pods_that_say_the_same_share_what_was_made_of_it() -> None:
    pod = pod_bearing("", "Pod")
    assert pod is not None
    spec = {"containers": [{"name": "a", "image": "a:1"}], "tolerations": [{"key": "k", "operator": "Exists"}]}
    one, two = (
        pod.decode(json.dumps({"metadata": {"name": name}, "spec": spec}).encode()) for name in ("app-1", "app-2")
    )
    other = pod.decode(json.dumps({"spec": {**spec, "nodeSelector": {"zone": "b"}}}).encode())
    assert one.images is two.images
    assert one.placement is two.placement
    assert other.placement != one.placement
