"""`python -m webhook.demo`: the registry as a program."""

import signal
import ssl
import subprocess
import sys
import urllib.request

import pytest

from webhook.demo.__main__ import main

SCRIPT = """
listeners: [{port: 0}, {port: 0, transport: plain}]
sites:
  - hosts: [localhost]
    repositories: [{name: shop/app, tags: {"1": {platforms: [linux/amd64, linux/arm64]}}}]
rules:
  - {path: /blobs/, status: 503}
"""


@pytest.fixture
def script(tmp_path):
    file = tmp_path / "script.yaml"
    file.write_text(SCRIPT)
    return file


def test_it_serves_until_a_signal_ends_it(script):
    with subprocess.Popen([sys.executable, "-m", "webhook.demo", script], stdout=subprocess.PIPE, text=True) as program:
        tls, plain, ca = (program.stdout.readline().split() for _ in range(3))
        assert (tls[0], plain[0], ca[0]) == ("tls", "plain", "ca")
        url = f"https://localhost:{tls[1].rpartition(':')[2]}/v2/shop/app/manifests/1"
        with urllib.request.urlopen(url, context=ssl.create_default_context(cafile=ca[1])) as answer:
            assert answer.status == 200
        program.send_signal(signal.SIGTERM)
        assert program.wait(10) == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sites: [{hosts: [a], persona: x}]", "unknown field `persona` - at `$.sites[0]`"),
        ("sites: [{hosts: [a], personality: hub}]", "personality 'hub': known are open"),
        ("sites: [{hosts: [a]}, {hosts: [a]}]", "host 'a': two sites answer to it"),
        (
            "sites: [{hosts: [a], repositories: [{name: x, tags: {t: {platforms: [amd64]}}}]}]",
            "platform 'amd64': write os",
        ),
        (
            "sites: [{hosts: [a], repositories: [{name: x, tags: {t: {platforms: []}}}]}]",
            "one platform without an index",
        ),
    ],
)
def test_a_script_that_cannot_be_served_is_one_line(script, capsys, text, words):
    script.write_text(text)
    assert main([str(script)]) == 2
    assert words in (line := capsys.readouterr().err)
    assert line.count("\n") == 1


def test_no_script(capsys):
    assert main([]) == 2
    assert main(["/nonexistent.yaml"]) == 2
    assert "usage: python -m webhook.demo" in capsys.readouterr().err
