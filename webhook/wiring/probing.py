"""Settings -> what tries the way to a registry, for `explain` (I/O)."""

from webhook.registry.door import Door
from webhook.registry.names import Names
from webhook.registry.probe import Probe
from webhook.registry.proxy import Proxies
from webhook.settings.schema import Settings
from webhook.wiring.registries import Surroundings


def prober(settings: Settings, surroundings: Surroundings) -> Probe:
    """Return a probe under the same address rules and proxies as look-ups; raise a ValueError for a bad proxy."""
    network = settings.network
    proxied = network.proxy_from_environment
    proxies = Proxies.from_environment(surroundings.environment) if proxied else Proxies()
    door = Door(network.rules(loopback=surroundings.loopback), Names(surroundings.lookup), lambda *_: None)
    return Probe(door, proxies)
