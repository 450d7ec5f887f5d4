"""argv -> exit code: the only place that reads the environment and ends the process."""

import os
import sys

from webhook import __version__


def program_of(path: str) -> str:
    """Return what a person types to get here: kubectl runs `kubectl-pullproof` for `kubectl pullproof`."""
    return "kubectl pullproof" if os.path.basename(path).startswith("kubectl-pullproof") else "pullproof"


def main() -> None:
    """Run the command line; a reader who has gone away (`| head`) is no error."""
    if sys.argv[1:] == ["--version"]:
        print(f"pullproof {__version__}")  # noqa: T201 - before anything slow is imported
        return
    # httpx has a command line of its own, which loads rich, click and pygments at every start: a third of a second.
    # A module that is None cannot be imported, and httpx goes on without it.
    sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
    from webhook.cli.app import run
    from webhook.cli.session import Session

    session = Session(
        argv=tuple(sys.argv[1:]), environ=os.environ, stdin=sys.stdin.buffer, out=sys.stdout, err=sys.stderr
    )
    code = 130
    try:
        code = run(session, program=program_of(sys.argv[0]))
        sys.stdout.flush()
    except KeyboardInterrupt:
        pass
    except BrokenPipeError:
        # what is left in the buffer would be flushed, and fail, once more at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


if __name__ == "__main__":
    main()
