from webhook.credentials.kept import Kept


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_values_end():
    clock = Clock()
    kept = Kept(clock)
    kept.put("a", 1, seconds=10)
    clock.now = 9.9
    assert kept.get("a") == 1
    clock.now = 10
    assert kept.get("a") is None
    assert kept.get("b") is None


def test_no_time_is_not_kept():
    kept = Kept(Clock())
    kept.put("a", 1, seconds=0)
    kept.put("a", 1, seconds=-1)
    assert len(kept) == 0


def test_ended_ones_go_first_then_the_oldest():
    clock = Clock()
    kept = Kept(clock, most=3)
    kept.put("short", 1, seconds=1)
    kept.put("a", 1, seconds=100)
    kept.put("b", 1, seconds=100)
    clock.now = 2
    kept.put("c", 1, seconds=100)
    assert [name for name in ("short", "a", "b", "c") if kept.get(name)] == ["a", "b", "c"]
    kept.put("a", 2, seconds=100)
    kept.put("d", 1, seconds=100)
    assert len(kept) == 3
    assert kept.get("d") == 1
