"""How the Kubernetes API can refuse or fail (pure).

ClusterError
  + NotFound       404
  + Denied         401, 403: who we are may not do this
  + Conflict       409: somebody else wrote first, or it is there already
  + Expired        410: the resourceVersion or continue token is too old; list again
  + Rejected       any other 4xx: our request is wrong
  + Unavailable    no answer, a time-out, 429, 5xx, an answer that cannot be read; the same request may succeed later

What a person got wrong is an `InvalidKubeconfig`, a ValueError.
"""

import msgspec


class ClusterError(Exception):
    """Base of every way the Kubernetes API can refuse or fail; the text is one line, without secrets."""


class NotFound(ClusterError):
    """The object is not there."""


class Denied(ClusterError):
    """The API server does not know us or does not let us."""


class Conflict(ClusterError):
    """The object changed since it was read, or exists already."""


class Expired(ClusterError):
    """The place to go on from is no longer known to the API server."""


class Rejected(ClusterError):
    """The API server finds fault with the request itself."""


class Unavailable(ClusterError):
    """No usable answer; may work later."""


class InvalidKubeconfig(ValueError):
    """There is no usable way to the cluster: which file, what is wrong, what to do."""


class _Status(msgspec.Struct):
    message: str = ""


_BY_STATUS: dict[int, type[ClusterError]] = {
    401: Denied,
    403: Denied,
    404: NotFound,
    408: Unavailable,
    409: Conflict,
    410: Expired,
    429: Unavailable,
}


def classify(status: int, body: bytes) -> ClusterError:
    """Turn an answer of 400 or more into the error it stands for; never raises."""
    kind = _BY_STATUS.get(status, Rejected if status < 500 else Unavailable)
    try:
        message = msgspec.json.decode(body, type=_Status).message
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        message = ""
    return kind(" ".join(message.split())[:300] or f"the API server answered {status}")
