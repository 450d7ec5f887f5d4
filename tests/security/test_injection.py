"""Injection: texts that act on terminals, logs, pages and pipelines, put wherever a stranger can put one.

A stranger writes image names, container and object names, user names, secrets' names, and everything that a registry
says: error texts, status lines, challenges, tags, platforms. What leaves is a warning, a denial, audit annotations, a
log line, metrics, a report.
"""

import io
import json
import logging
import re
import unicodedata
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser

import pytest
import yaml

from webhook.cli.app import run
from webhook.cli.session import Session
from webhook.reports.formats import Format
from webhook.server.log import JsonFormatter

TEXTS = {
    "ansi": "\x1b[2J\x1b[31mFAKE\x1b[0m",
    "title": "\x1b]0;pwned\x07",
    "link": "\x1b]8;;http://evil.example\x07click\x1b]8;;\x07",
    "c1": "\x9b31mFAKE",
    "newline": "a\nlevel=error msg=FAKE",
    "crlf": "a\r\n::error::FAKE",
    "nel": "a\x85FAKE\u2028FAKE\u2029FAKE",
    "backspace": "good\b\b\b\bevil\x7f",
    "nul": "a\x00b",
    "bidi": "\u202egpj.exe\u202c \u2066x\u2069 \u200f\u061c",
    "invisible": "a\u200bb\u200db\ufeffc\u00ad\u2060\U000e0041",
    "github": "::set-output name=x::y%0A::error file=a,line=1::FAKE",
    "github line": "\n::add-mask::x\n##[error]FAKE",
    "markdown": "](http://evil.example) ![x](http://evil.example/x.png) | **b** `c` @everyone #1 <!-- x",
    "html": "</script><script>alert(1)</script><img src=x onerror=alert(1)>\"' onmouseover=alert(1)",
    "xml": "]]><x/>&lt;&#0;&amp;",
    "format": "%s%n%x {0} {secret} ${HOME} $(id) `id` {{7*7}}",
    "json": '","level":"error","message":"FAKE',
    "yaml": "!!python/object:os.system [x]\n- y: *a",
    "metrics": '"} 1\npullproof_fake{x="',
    "surrogates": "\ud800x\udfff",
}

UNSEEN = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


def _unseen(text, *, kept=""):
    return {char for char in text if unicodedata.category(char) in UNSEEN and char not in kept}


def _texts(value):
    """Yield every text of a decoded answer."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield key
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)


def _bytes(obj):
    return json.dumps(obj).encode()


def _check(answer):
    """Every text of the answer is fit for one line of a terminal; the denial's lines begin as we begin them."""
    said = json.loads(answer.text)
    for text in _texts(said):
        assert not _unseen(text, kept="\n"), (text, _unseen(text))
    for line in answer.message.splitlines()[1:]:
        assert line.startswith(("- ", "Fix: ")), line
    for text in [*answer.warnings, *said["response"].get("auditAnnotations", {}).values()]:
        assert "\n" not in text


@pytest.mark.parametrize("name", TEXTS)
async def test_what_a_pods_author_writes(scene, review, caplog, name):
    caplog.set_level(logging.DEBUG)
    here = await scene()
    text = TEXTS[name]
    for image in (text, f"reg.test:1/{text}", f"{text}/x:1", f"{here.registry}/x/y:{text}", f"x@{text}"):
        pod = review(
            {
                "containers": [{"name": text, "image": image}],
                "imagePullSecrets": [{"name": text}],
                "serviceAccountName": text,
            },
            name=text,
            user=text,
        )
        pod["request"]["namespace"] = text
        answer = await here.send(_bytes(pod))
        if answer.status == 200:
            _check(answer)
        assert not _unseen(answer.text)
    await _logs_and_metrics(here, caplog)


async def _logs_and_metrics(here, caplog):
    for record in caplog.records:
        if not record.name.startswith(("webhook", "pullproof", "certs")):
            continue
        line = JsonFormatter().format(record)
        assert line.isascii()
        assert line.isprintable(), line
        assert isinstance(json.loads(line), dict)
    metrics = here.metrics.render()[0].decode()
    assert not _unseen(metrics, kept="\n")
    assert "FAKE" not in metrics
    assert "pullproof_fake" not in metrics


@pytest.mark.parametrize("name", TEXTS)
async def test_what_a_registry_says(scene, reply, caplog, name):
    caplog.set_level(logging.DEBUG)
    here = await scene()
    text = TEXTS[name]
    header = text.translate({10: " ", 13: " ", 0: " "})
    error = _bytes({"errors": [{"code": text, "message": text, "detail": text}, {"code": "DENIED", "message": text}]})
    kind = (("Content-Type", "application/json"),)
    answers = {
        "/v2/a/": reply(status=403, headers=kind, body=error),
        "/v2/b/": reply(status=404, headers=kind, body=error),
        "/v2/c/": reply(status=400, headers=kind, body=error),
        "/v2/d/": reply(status=401, headers=(("WWW-Authenticate", f'Bearer realm="{header}",error="{header}"'),)),
        "/v2/e/": reply(status=503, headers=(("Retry-After", header), *kind), body=error),
        "/v2/f/": reply(status=307, headers=(("Location", header),)),
        "/v2/g/": reply(headers=(("Docker-Content-Digest", header), ("Content-Type", header))),
        "/v2/h/": reply(status=429, headers=(("RateLimit-Limit", header), ("RateLimit-Remaining", header))),
        "/v2/i/": reply(status=451, body=text.encode("utf-8", "replace")),
    }
    tags = reply(body=_bytes({"tags": [text, "1.0" + text, "1.1"]}))

    def script(seen):
        if seen.path.endswith("/tags/list"):
            return tags
        return next((answer for start, answer in answers.items() if seen.path.startswith(start)), reply(status=500))

    here.stranger.script = script
    for letter in "abcdefghi":
        answer = await here.apply(f"{here.registry}/{letter}/x:1.2", within="3s")
        assert answer.status == 200
        _check(answer)
        assert "FAKE" not in "".join(line[:20] for line in answer.message.splitlines())
    await _logs_and_metrics(here, caplog)


def _report(form, tmp_path, *, terminal=False):
    """Run `pullproof check` over manifests of such texts, without a network."""
    documents = [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": text, "namespace": text},
            "spec": {"containers": [{"name": text, "image": image} for image in (text, f"x/{text}:1", "nginx")]},
        }
        for text in TEXTS.values()
    ]
    folder = tmp_path / "::error::a,b \x1b[31m‮"
    folder.mkdir()
    (folder / "a.json").write_text("\n---\n".join(json.dumps(document) for document in documents))
    out, err = io.StringIO(), io.StringIO()
    argv = ("check", str(folder), "--offline", "-o", form)
    run(Session(argv=argv, environ={}, stdin=io.BytesIO(), out=out, err=err))
    return out.getvalue(), err.getvalue()


@pytest.mark.parametrize("form", list(Format))
def test_reports(form, tmp_path):
    out, err = _report(form, tmp_path)
    assert "nginx" in out
    for text in (out, err):
        assert not _unseen(text, kept="\n"), _unseen(text)
    match form:
        case Format.JSON | Format.SARIF | Format.GITLAB:
            texts = list(_texts(json.loads(out)))
        case Format.YAML | Format.POLICY_REPORT:
            texts = [text for document in yaml.safe_load_all(out) for text in _texts(document)]
        case Format.JUNIT:
            texts = list(ElementTree.fromstring(out).itertext())  # noqa: S314 - what we wrote ourselves
        case _:
            texts = []
    for text in texts:
        assert not _unseen(text, kept="\n"), text


def test_githubs_commands_are_ours_alone(tmp_path):
    out, _ = _report("github", tmp_path)
    lines = out.splitlines()
    assert all(line.startswith(("::error file=", "::warning file=", "::notice file=")) for line in lines[:-1])
    assert "##[" not in {line[:3] for line in lines}


class _Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = set()

    def handle_starttag(self, tag, attrs):
        self.found.add(tag)
        for name, _ in attrs:
            assert not name.startswith("on"), (tag, name)


def test_pages_hold_no_tags_of_others(tmp_path):
    out, _ = _report("html", tmp_path)
    parser = _Tags()
    parser.feed(out)
    assert "img" not in parser.found
    assert out.count("<script") <= 1
    assert "alert(1)</script>" not in out


def test_markdown_holds_no_links_of_others(tmp_path):
    out, _ = _report("markdown", tmp_path)
    for line in out.splitlines():
        outside = re.sub(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)", "", line)
        assert not re.search(r"(?<!\\)\]\(http", outside)
        assert not re.search(r"(?<!\\)<(img|script)", outside)
