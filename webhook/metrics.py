"""Counters and histograms for Prometheus; implements the Observers of the registry and of the server.

No image, pod, namespace or user is ever a label. `registry` is bounded: those that the configuration names and the
first few others have a label of their own, the rest are "other". Children are looked up once and kept, so that counting
on the hot path costs a dictionary look-up and an addition.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import cache as kept
from http import HTTPStatus
from time import monotonic

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from webhook.image.reference import LONGEST_REGISTRY
from webhook.policy.decision import Judged, Outcome, Verdict
from webhook.registry.observer import CacheOutcome

OTHER = "other"
NONE = "none"

_ADMISSION_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_REGISTRY_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_RESOURCES = frozenset(
    {
        "pods",
        "pods/ephemeralcontainers",
        "podtemplates",
        "replicationcontrollers",
        "deployments",
        "statefulsets",
        "daemonsets",
        "replicasets",
        "jobs",
        "cronjobs",
        "imagereviews",
        "providerrequests",
    }
)
_UNASKED = 600.0
"""Seconds without a look at a registry after which it is not called dead any more."""

_TALLIES = 256
_TALLIED = 4096
"""Characters of a pod's images up to which their tally is kept, and they with it."""

_STATUSES = frozenset(str(status.value) for status in HTTPStatus)
_OPERATIONS = frozenset({"CREATE", "UPDATE", "DELETE", "CONNECT"})


class Metrics:
    """All that this process counts."""

    def __init__(
        self,
        *,
        version: str = "",
        registries: Iterable[str] = (),
        others: int = 20,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """`registries` have labels of their own, and so have the first `others` that come along beside them."""
        self._clock = clock
        self._dead: dict[str, float] = {}
        self._collected = CollectorRegistry()
        self._names = dict.fromkeys(registries)
        self._room = others
        self._being_worked_on = 0
        self._tallied: dict[int, tuple[tuple[Judged, ...], Mapping[tuple[str, str, str], int]]] = {}
        self._define_admission()
        self._define_registry()
        self._define_rest()
        self._gauge("build_info", "What is running", "version").labels(version).set(1)

    def render(self) -> tuple[bytes, str]:
        """Return the exposition and its content type."""
        self._forget_dead()
        return generate_latest(self._collected), CONTENT_TYPE_LATEST

    def arrived(self) -> None:
        """Note that a review is being worked on."""
        self._being_worked_on += 1

    def answered(
        self, resource: str, operation: str, decision: str, *, dry_run: bool, seconds: float, verdict: Verdict | None
    ) -> None:
        """Note how a review ended."""
        resource = resource if resource in _RESOURCES else OTHER
        operation = operation if operation in _OPERATIONS else OTHER
        self._being_worked_on -= 1
        self._requests(resource, operation, decision, "true" if dry_run else "false").inc()
        self._durations(resource, decision).observe(seconds)
        if verdict is not None:
            for labels, images in self._tally(verdict.judged).items():
                self._images(*labels).inc(images)

    def overran(self) -> None:
        """Note that an inspection was not done by its deadline."""
        self._overran.inc()

    def request(self, registry: str, method: str, outcome: str, seconds: float) -> None:
        """Note one request to a registry."""
        name = self._bounded(registry)
        if outcome.isdecimal() and outcome not in _STATUSES:
            outcome = OTHER
        self._registry_requests(name, method, outcome).inc()
        self._registry_durations(name, method).observe(seconds)

    def rate_limit(self, registry: str, remaining: int) -> None:
        """Note how many pulls a registry says are left."""
        self._remaining(self._bounded(registry)).set(remaining)

    def circuit(self, registry: str, *, open: bool) -> None:
        """Note that a breaker opened, was found open, or closed; what many share is open until nobody says so."""
        name = self._bounded(registry)
        if open:
            self._dead[name] = self._clock()
            self._circuits(name).set(1)
        elif name != OTHER or name not in self._dead:
            self._dead.pop(name, None)
            self._circuits(name).set(0)

    def _forget_dead(self) -> None:
        """Call no registry dead that nobody has asked for of late, as a host that was misspelt once."""
        now = self._clock()
        for name in [name for name, at in self._dead.items() if now - at > _UNASKED]:
            del self._dead[name]
            self._circuits(name).set(0)

    def cache(self, cache: str, outcome: CacheOutcome, times: int = 1) -> None:
        """Note how look-ups in a cache ended."""
        self._caches(cache, outcome.value).inc(times)

    def pull_secret_error(self, reason: str) -> None:
        """Note that a Secret or ServiceAccount could not be read; `reason` is one of few words."""
        self._secret_errors(reason).inc()

    def certificate_expires(self, certificate: str, at: datetime) -> None:
        """Note when a certificate ends, by its role (`serving`, `authority`)."""
        self._expiries(certificate).set(at.timestamp())

    def config_loaded(self, *, ok: bool) -> None:
        """Note whether the configuration that was last seen could be loaded."""
        self._config.set(1 if ok else 0)

    def configured(self, registries: Iterable[str]) -> None:
        """Give registries that the configuration names labels of their own, beside those that came along."""
        for registry in registries:
            self._names.setdefault(registry, None)

    def contradicted(self, registry: str, code: str) -> None:
        """Note that a node ran what was predicted to fail."""
        self._contradicted(self._bounded(registry), code).inc()

    def scanned(self, images: Mapping[Outcome, int]) -> None:
        """Note what the last scan of the cluster found."""
        for outcome in Outcome:
            self._scanned.labels(outcome.value).set(images.get(outcome, 0))

    def unscanned(self) -> None:
        """Forget what was found: another replica scans now."""
        self._scanned.clear()

    def _tally(self, images: tuple[Judged, ...]) -> Mapping[tuple[str, str, str], int]:
        """Count findings, and images without any, by their labels: most pods are judged as the one before was."""
        images_before, tally = self._tallied.get(id(images), ((), {}))
        if images_before is images:
            return tally
        tally = {}
        for judged in images:
            resolution = judged.resolution
            name = self._bounded(resolution.reference.registry) if resolution is not None else NONE
            if not judged.findings:
                labels = NONE, judged.outcome.value, name
                tally[labels] = tally.get(labels, 0) + 1
            for finding in judged.findings:
                labels = finding.code.value, finding.cls.value, name
                tally[labels] = tally.get(labels, 0) + 1
        if sum(len(judged.image.image) for judged in images) <= _TALLIED:
            if len(self._tallied) >= _TALLIES:
                self._tallied.clear()
            self._tallied[id(images)] = images, tally
        return tally

    def _bounded(self, registry: str) -> str:
        if registry in self._names:
            return registry
        if self._room <= 0 or len(registry) > LONGEST_REGISTRY:
            return OTHER
        self._room -= 1
        self._names[registry] = None
        return registry

    def _define_admission(self) -> None:
        self._requests = self._counters(
            "admission_requests", "Reviews answered", "resource", "operation", "decision", "dry_run"
        )
        self._durations = self._histograms(
            "admission_duration_seconds", "Time to answer a review", _ADMISSION_SECONDS, "resource", "decision"
        )
        self._gauge("admission_inflight_requests", "Reviews being worked on").set_function(
            lambda: self._being_worked_on
        )
        self._overran = self._counter("admission_deadline_exceeded", "Reviews that were answered before they were done")
        self._images = self._counters("image_checks", "Findings, and images without any", "code", "result", "registry")

    def _define_registry(self) -> None:
        self._registry_requests = self._counters(
            "registry_requests", "Requests to registries and their token services", "registry", "method", "outcome"
        )
        self._registry_durations = self._histograms(
            "registry_request_duration_seconds", "Time of one request", _REGISTRY_SECONDS, "registry", "method"
        )
        self._remaining = self._gauges("registry_rate_limit_remaining", "Pulls left as a registry says", "registry")
        self._circuits = self._gauges("registry_circuit_open", "1 while a registry is not asked", "registry")
        self._caches = self._counters("cache_lookups", "Look-ups in caches", "cache", "outcome")

    def _define_rest(self) -> None:
        self._secret_errors = self._counters("pull_secret_errors", "Secrets that could not be read", "reason")
        self._expiries = self._gauges("certificate_expiry_timestamp_seconds", "When a certificate ends", "cert")
        self._config = self._gauge("config_last_reload_successful", "1 if the newest configuration is in force")
        self._config.set(1)
        self._contradicted = self._counters(
            "contradicted_verdicts", "Predicted failures that a node proved wrong", "registry", "code"
        )
        self._scanned = self._gauge("scan_images", "Images found by the last scan", "result")

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, namespace="pullproof", registry=self._collected)

    def _counters(self, name: str, text: str, *labels: str) -> Callable[..., Counter]:
        return kept(self._counter(name, text, *labels).labels)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(name, text, labels, namespace="pullproof", registry=self._collected)

    def _gauges(self, name: str, text: str, *labels: str) -> Callable[..., Gauge]:
        return kept(self._gauge(name, text, *labels).labels)

    def _histograms(self, name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Callable[..., Histogram]:
        found = Histogram(name, text, labels, namespace="pullproof", buckets=buckets, registry=self._collected)
        return kept(found.labels)
