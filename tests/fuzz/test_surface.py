"""The HTTP surface as its own OpenAPI document has it: schemathesis makes requests of it, good ones and bad ones."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import kubeapi
import pytest

EXAMPLES = os.environ.get("SURFACE_EXAMPLES", "40")
CHECKS = "not_a_server_error,content_type_conformance,response_headers_conformance,unsupported_method"
ROOT = Path(__file__).parents[2]


@contextmanager
def _served(folder: Path) -> Iterator[int]:
    """Run the real `pullproof serve`, which knows no cluster and refuses every address."""
    port, metrics = kubeapi.free_port(), kubeapi.free_port()
    command = [sys.executable, "-m", "webhook", "serve", "--no-cluster", "--address", "127.0.0.1"]
    command += ["--port", str(port), "--metrics-port", str(metrics), "--config", str(_configuration(folder))]
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stderr=log, cwd=ROOT) as process:
        try:
            _await(process, port, folder / "log")
            yield port
        finally:
            process.terminate()


def _configuration(folder: Path) -> Path:
    path = folder / "config.json"
    settings = {
        "apiVersion": "config.pullproof.dev/v1alpha1",
        "kind": "PullproofConfiguration",
        "network": {"deny": ["0.0.0.0/0", "::/0"], "proxyFromEnvironment": False},
        "server": {"drain": "0s", "imageReview": {"enabled": True}, "externalData": {"enabled": True}},
    }
    path.write_text(json.dumps(settings), encoding="utf-8")
    return path


def _await(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    pytest.fail(f"the webhook does not serve:\n{log.read_text()[-2000:]}")


def test_no_request_of_the_documented_surface_breaks_it(tmp_path: Path) -> None:
    with _served(tmp_path) as port:
        url = f"https://127.0.0.1:{port}"
        command = [str(Path(sys.executable).parent / "schemathesis"), "run", f"{url}/openapi.json", "--url", url]
        command += ["--tls-verify", "false", "--checks", CHECKS, "--max-examples", EXAMPLES, "--seed", "1"]
        command += ["--phases", "examples,coverage,fuzzing", "--generation-database", "none", "--no-color"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
        generated = re.search(r"(\d+) generated, (\d+) passed", done.stdout)
        assert generated is not None, done.stdout[-2000:]
        assert int(generated[1]) == int(generated[2]) > 100
    assert '"exception"' not in (tmp_path / "log").read_text(encoding="utf-8")
