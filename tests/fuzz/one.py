"""`python one.py TARGET SECONDS NEW`: let atheris at one target (I/O). What it finds interesting goes into folder NEW.

Coverage guides it: the decoders' own bytecode is instrumented. A crash is an exception that the target may not raise,
a broken law, ten seconds without an end, or a gigabyte of memory; its input is left in NEW as `crash-…`.
"""

import sys
import tempfile
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent)]

import atheris  # noqa: E402

with atheris.instrument_imports(include=["webhook", "certs"]):
    from targets import CORPUS, TARGETS


def main(name: str, seconds: int, new: Path) -> None:
    """Fuzz; ends the process."""
    target = TARGETS[name]
    with tempfile.NamedTemporaryFile("w", suffix=".dict", delete=False) as words:
        words.writelines(f'"{_escaped(word)}"\n' for word in target.words)
    flags = [
        f"-max_total_time={seconds}",
        "-max_len=16384",
        "-timeout=10",
        "-rss_limit_mb=1024",
        "-print_final_stats=1",
    ]
    flags += [f"-dict={words.name}", f"-artifact_prefix={new}/", "-verbosity=1", str(new), str(CORPUS / name)]
    atheris.Setup([sys.argv[0], *flags], target)
    atheris.Fuzz()


def _escaped(word: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word.encode())


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
