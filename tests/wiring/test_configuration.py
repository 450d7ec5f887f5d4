"""A configuration that is followed: by its file, and by what hears of edits sooner."""

import asyncio
from dataclasses import dataclass, field

import pytest

from webhook.settings.decoding import InvalidSettings
from webhook.settings.schema import OnUnknown, Settings
from webhook.wiring.configuration import FollowedConfiguration

ALLOW, DENY, WRONG = "onUnknown: allow\n", "onUnknown: deny\n", "onUnknown: maybe\n"


@dataclass
class FakeEdits:
    """A watch that is told what to know."""

    text: str | None = None
    well: bool = True
    source: str = "ConfigMap pullproof"
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    answers: list[str] = field(default_factory=list)
    kept: str | None = None

    def answer(self, refused: str) -> None:
        self.answers.append(refused)

    async def last_good(self) -> str | None:
        return self.kept

    async def keep(self, text: str) -> None:
        self.kept = text

    def put(self, text: str | None) -> None:
        self.text = text
        self.changed.set()


class Followed:
    """A followed configuration, its file, and the settings that were put in force."""

    def __init__(self, path, edits=None) -> None:
        self.path = path
        self.in_force: list[OnUnknown] = []
        self.told: list[str] = []
        self.configuration = FollowedConfiguration(path, self._adopt, edits, told=self.told.append)

    async def _adopt(self, settings: Settings) -> None:
        if settings.registries:
            raise ValueError("caFile 'absent.crt' cannot be read")
        self.in_force.append(settings.on_unknown)

    async def turns(self, every: float = 0.001) -> None:
        """Let it look several times."""
        task = asyncio.create_task(self.configuration.follow(every))
        for _ in range(20):
            await asyncio.sleep(0.002)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
def edits() -> FakeEdits:
    return FakeEdits()


@pytest.fixture
async def followed(tmp_path, edits) -> Followed:
    path = tmp_path / "config.yaml"
    path.write_text(ALLOW)
    found = Followed(path, edits)
    await found.configuration.begin()
    return found


async def test_without_a_file_the_defaults_are_in_force() -> None:
    found = Followed(None)
    await found.configuration.begin()
    await found.configuration.follow()
    assert found.in_force == [OnUnknown.ALLOW]


async def test_a_file_that_cannot_be_used_is_no_beginning(tmp_path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(WRONG)
    with pytest.raises(InvalidSettings, match="'maybe' is not one of allow, deny"):
        await Followed(path).configuration.begin()


async def test_the_file_alone_is_followed(tmp_path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(ALLOW)
    found = Followed(path)
    await found.configuration.begin()
    path.write_text(DENY)
    await found.turns()
    assert found.in_force == [OnUnknown.ALLOW, OnUnknown.DENY]
    assert found.told == ["", ""]


@pytest.mark.parametrize("empty", ["", "\n \n"])
async def test_an_emptied_file_is_no_edit(tmp_path, empty) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(DENY)
    found = Followed(path)
    await found.configuration.begin()
    path.write_text(empty)
    await found.turns()
    assert found.in_force == [OnUnknown.DENY]
    assert found.told == ["", f"{path}: is empty; for the defaults write `kind: PullproofConfiguration`"]
    path.write_text("kind: PullproofConfiguration\n")
    await found.turns()
    assert found.in_force == [OnUnknown.DENY, OnUnknown.ALLOW]


async def test_an_edit_is_heard_of_before_the_file_changes(followed, edits) -> None:
    edits.put(DENY)
    task = asyncio.create_task(followed.configuration.follow(every=3600))
    while len(followed.in_force) < 2:  # noqa: ASYNC110 - the hour of `every` is not waited for
        await asyncio.sleep(0)
    edits.put(ALLOW)
    while len(followed.in_force) < 3:  # noqa: ASYNC110
        await asyncio.sleep(0)
    task.cancel()
    assert followed.in_force == [OnUnknown.ALLOW, OnUnknown.DENY, OnUnknown.ALLOW]
    assert edits.answers == ["", ""]


async def test_a_file_that_lags_behind_takes_no_edit_back(followed, edits) -> None:
    edits.put(DENY)
    await followed.turns()
    followed.path.write_text(f"# an edit before that\n{ALLOW}")
    await followed.turns()
    edits.well = False
    await followed.turns()
    assert followed.in_force[-1] is OnUnknown.DENY


async def test_while_the_watch_is_not_well_the_file_counts(followed, edits) -> None:
    edits.put(ALLOW)
    await followed.turns()
    edits.well = False
    followed.path.write_text(DENY)
    await followed.turns()
    assert followed.in_force == [OnUnknown.ALLOW, OnUnknown.DENY]
    edits.well = True
    edits.put(f"# newer\n{ALLOW}")
    await followed.turns()
    assert followed.in_force[-1] is OnUnknown.ALLOW


async def test_a_deleted_config_map_changes_nothing(followed, edits) -> None:
    edits.put(None)
    await followed.turns()
    assert (followed.in_force, followed.told) == ([OnUnknown.ALLOW], [""])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (WRONG, "ConfigMap pullproof:1: onUnknown: 'maybe' is not one of allow, deny"),
        ("registries: [{match: a.example, caFile: absent.crt}]\n", "caFile 'absent.crt' cannot be read"),
    ],
    ids=["unreadable", "unusable"],
)
async def test_a_bad_edit_keeps_the_last_good_one_and_says_so_once(followed, edits, text, why) -> None:
    edits.put(text)
    await followed.turns()
    assert followed.in_force == [OnUnknown.ALLOW]
    assert followed.configuration.refused == why
    assert (followed.told, edits.answers) == (["", why], [why])
    edits.put(DENY)
    await followed.turns()
    assert followed.configuration.refused == ""
    assert (followed.told[-1], edits.answers[-1]) == ("", "")
    assert followed.in_force == [OnUnknown.ALLOW, OnUnknown.DENY]


async def test_what_is_in_force_is_kept_beyond_this_process(followed, edits) -> None:
    await followed.turns()
    assert edits.kept == ALLOW
    edits.put(DENY)
    await followed.turns()
    edits.put(WRONG)
    await followed.turns()
    assert edits.kept == DENY


async def test_who_begins_after_a_bad_edit_begins_with_the_last_good_one(tmp_path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(WRONG)
    edits = FakeEdits(text=WRONG, kept=DENY)
    found = Followed(path, edits)
    await found.configuration.begin()
    await found.turns()
    why = f"{path}:1: onUnknown: 'maybe' is not one of allow, deny"
    assert found.in_force == [OnUnknown.DENY]
    assert (found.configuration.refused, found.told, edits.answers) == (why, [why], [why])
    assert edits.kept == DENY
    edits.put(ALLOW)
    await found.turns()
    assert found.in_force == [OnUnknown.DENY, OnUnknown.ALLOW]
    assert (found.configuration.refused, edits.kept) == ("", ALLOW)


@pytest.mark.parametrize("kept", [None, "registries: [{match: a.example, caFile: absent.crt}]\n", WRONG])
async def test_where_there_is_no_good_one_the_bad_one_is_told(tmp_path, kept) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(WRONG)
    with pytest.raises(InvalidSettings, match=r"config\.yaml:1: onUnknown: 'maybe' is not one of allow, deny"):
        await Followed(path, FakeEdits(kept=kept)).configuration.begin()
