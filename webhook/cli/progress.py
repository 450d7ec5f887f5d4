"""A line that tells how far the look-ups are, for people only."""

from collections.abc import Callable

from webhook.cli.session import Session

_CLEAR = "\r\x1b[K"


def progress(session: Session) -> Callable[[int, int], None]:
    """Return what is told `done, total`; it writes nothing unless a person watches, and leaves no line behind."""

    def show(done: int, total: int) -> None:
        if session.watched and total > 1:
            session.err.write(_CLEAR if done == total else f"{_CLEAR}{done} of {total} objects checked")
            session.err.flush()

    return show
