"""Which configuration holds (I/O): the one that is named, or the nearest `.pullproof.yaml` here or further up."""

from pathlib import Path

from webhook.cli.session import UsageProblem
from webhook.settings.decoding import InvalidSettings
from webhook.settings.loading import load
from webhook.settings.schema import Settings

NAME = ".pullproof.yaml"


def configuration(named: str) -> Settings:
    """Load the configuration; raise `UsageProblem` with file and line for whatever is wrong with it."""
    path = path_of(named)
    if path is None:
        return Settings()
    try:
        return load(path)
    except InvalidSettings as error:
        raise UsageProblem(str(error)) from error


def path_of(named: str) -> Path | None:
    """Return the file that holds, or None where there is none."""
    return Path(named) if named else nearest(Path.cwd())


def nearest(folder: Path) -> Path | None:
    """Return the nearest configuration in `folder` or above it, or None."""
    return next((each / NAME for each in (folder, *folder.parents) if (each / NAME).is_file()), None)
