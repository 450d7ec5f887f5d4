"""The matrix: which cells there are, and which parts a webhook needs for them. A lane is spoilt by itself."""

from collections.abc import Callable
from dataclasses import dataclass, field

import cells_api
import cells_clock
import cells_disk
import cells_http
import cells_names
import cells_redis
from experiment import Cell
from rig import Parts


@dataclass(frozen=True)
class Lane:
    """One row of the matrix."""

    cells: Callable[[], list[Cell]]
    parts: Parts = field(default_factory=Parts)


LANES = {
    "registry": Lane(cells_http.registry),
    "token service": Lane(cells_http.tokens),
    "Kubernetes API": Lane(cells_api.api, Parts(cluster=True)),
    "DNS": Lane(cells_names.names),
    "Redis": Lane(cells_redis.redis, Parts(redis=True)),
    "clock": Lane(cells_clock.clock, Parts(clock=True)),
    "disk": Lane(cells_disk.disk, Parts(hosts=True)),
}
