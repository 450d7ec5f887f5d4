"""What the cluster's own pods and configuration have taught us, as one small document (pure).

| fact | proved by | kept |
|---|---|---|
| login | a running pod of that registry whose own logins cannot pull its image | two weeks after the last proof |
| mirror | a workload that configures mirrors on nodes | a day after it was last seen |
| mutator | a pod that differs from its owner's template; a webhook known for it | a day after it was last seen |
| contradiction | a pod whose node pulled what we had said it could not | until somebody deletes it |

Bounded: names of registries with one proof each, not lists of pods. All facts only ever lower a prediction's certainty.
"""

from collections.abc import Iterable, Mapping
from typing import Self

import msgspec

DAY = 86_400.0
_LOGINS_KEPT = 14 * DAY
_SEEN_KEPT = DAY
MOST = 256
"""Registries with a proved login, and contradictions, that are kept; the oldest go."""
_MOST_SEEN = 16
_LONGEST = 300


class Fact(msgspec.Struct, frozen=True):
    """One thing learnt: what proves it, in a sentence, and when (seconds since 1970) it was last seen."""

    proof: str
    seen: float


class Learnt(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """All that was learnt. `logins` by registry; `contradicted` by `registry code`; the others by who does it.

    `surveyed`: when all pods were last looked over (seconds since 1970), 0 for never.
    """

    logins: dict[str, Fact] = msgspec.field(default_factory=dict)
    mirrors: dict[str, Fact] = msgspec.field(default_factory=dict)
    mutators: dict[str, Fact] = msgspec.field(default_factory=dict)
    contradicted: dict[str, Fact] = msgspec.field(default_factory=dict)
    surveyed: float = 0.0

    @classmethod
    def decode(cls, text: str) -> Self:
        """Read the document back; what cannot be read counts as nothing learnt."""
        try:
            return msgspec.json.decode(text, type=cls)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return cls()

    def encode(self) -> str:
        """Return the document, for people too."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2).decode()

    def with_logins(self, proofs: Mapping[str, str], now: float) -> "Learnt":
        """Add proofs that nodes hold a login, by registry."""
        new = {registry: _fact(proof, now) for registry, proof in proofs.items()}
        return msgspec.structs.replace(self, logins=_newest({**self.logins, **new}, MOST))

    def with_contradiction(self, registry: str, code: str, proof: str, now: float) -> "Learnt":
        """Add a proof that nodes pull from `registry` in spite of `code`."""
        facts = {**self.contradicted, f"{registry} {code}": _fact(proof, now)}
        return msgspec.structs.replace(self, contradicted=_newest(facts, MOST))

    def with_seen(self, *, mirrors: Mapping[str, str], mutators: Mapping[str, str], now: float) -> "Learnt":
        """Take in what a look over all pods has shown (who does it -> proof), and let go what is long unseen."""
        return msgspec.structs.replace(
            self,
            logins=_younger(self.logins, now - _LOGINS_KEPT),
            mirrors=_seen(self.mirrors, mirrors, now),
            mutators=_seen(self.mutators, mutators, now),
            surveyed=now,
        )

    def contradictions(self, registry: str) -> frozenset[str]:
        """Return the codes that nodes have contradicted for `registry`."""
        return frozenset(code for key in self.contradicted for name, code in [_split(key)] if name == registry)

    def sentences(self) -> Iterable[tuple[str, str]]:
        """Yield each fact and its proof, for people."""
        for registry, fact in self.logins.items():
            yield f"nodes hold a login (or a mirror) for {registry}", fact.proof
        for name, fact in self.mirrors.items():
            yield f"nodes have mirrors: {name}", fact.proof
        for name, fact in self.mutators.items():
            yield f"pods are changed before they run: {name}", fact.proof
        for key, fact in self.contradicted.items():
            registry, code = _split(key)
            yield f"{code} was wrong for {registry}", fact.proof


def _fact(proof: str, now: float) -> Fact:
    return Fact(proof[:_LONGEST], now)


def _split(key: str) -> tuple[str, str]:
    registry, _, code = key.partition(" ")
    return registry, code


def _newest(facts: dict[str, Fact], most: int) -> dict[str, Fact]:
    if len(facts) <= most:
        return facts
    return dict(sorted(facts.items(), key=lambda item: item[1].seen)[-most:])


def _younger(facts: dict[str, Fact], than: float) -> dict[str, Fact]:
    return {key: fact for key, fact in facts.items() if fact.seen >= than}


def _seen(facts: dict[str, Fact], found: Mapping[str, str], now: float) -> dict[str, Fact]:
    new = {key: _fact(proof, now) for key, proof in found.items()}
    return _newest({**_younger(facts, now - _SEEN_KEPT), **new}, _MOST_SEEN)
