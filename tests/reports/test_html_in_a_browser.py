"""The HTML report in a real headless Chromium, clicked through (WebDriver over chromedriver, loopback only)."""

import base64
import http.client
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from webhook.reports.html import render
from webhook.reports.report import Report

_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
_CONTRAST = """
const bright = (text) => { const [r, g, b] = text.match(/[\\d.]+/g).slice(0, 3).map((v) => { v /= 255;
  return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; }); return .2126 * r + .7152 * g + .0722 * b; };
const paper = bright(getComputedStyle(document.body).backgroundColor);
return [...document.querySelectorAll("td, th, p, h1, h2")].filter((e) => e.checkVisibility()).map((e) => {
  const ink = bright(getComputedStyle(e).color), pair = [ink, paper].sort((a, b) => b - a);
  return (pair[0] + .05) / (pair[1] + .05); });
"""


class Browser:
    """One session of a chromedriver on a loopback port."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._session = ""

    def call(self, method: str, path: str, **body: Any) -> Any:
        asking = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        asking.request(method, f"{self._session}{path}", json.dumps(body) if method == "POST" else None)
        answer = json.load(asking.getresponse())["value"]
        asking.close()
        assert not (isinstance(answer, dict) and "error" in answer), answer
        return answer

    def begin(self, program: str, home: Path) -> None:
        arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        arguments += [f"--user-data-dir={home}", "--disable-background-networking", "--host-rules=MAP * ~NOTFOUND"]
        options = {"binary": program, "args": arguments}
        always = {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        self._session = f"/session/{self.call('POST', '/session', capabilities={'alwaysMatch': always})['sessionId']}"

    def run(self, script: str, *arguments: Any) -> Any:
        return self.call("POST", "/execute/sync", script=script, args=list(arguments))

    def click(self, css: str) -> None:
        found = self.call("POST", "/element", using="css selector", value=css)[_ELEMENT]
        self.call("POST", f"/element/{found}/click")

    def keys(self, text: str) -> None:
        pressed = [{"type": kind, "value": key} for key in text for kind in ("keyDown", "keyUp")]
        self.call("POST", "/actions", actions=[{"type": "key", "id": "keyboard", "actions": pressed}])

    def devtools(self, command: str, **parameters: Any) -> Any:
        return self.call("POST", "/goog/cdp/execute", cmd=command, params=parameters)

    def shown(self) -> int:
        count: int = self.run("return [...document.querySelectorAll('tbody.images tr')].filter(r => !r.hidden).length")
        return count


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]) -> Iterator[Browser]:
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        reason = "chromium and chromedriver are not installed: apt-get install chromium chromium-driver"
        (pytest.fail if os.environ.get("PULLPROOF_REQUIRE_PARTS") else pytest.skip)(reason)
    port = free_port()
    home = tmp_path_factory.mktemp("chromium")
    environ = {**os.environ, "HOME": str(home)}
    with (home / "driver.log").open("wb") as log:
        process = subprocess.Popen([driver, f"--port={port}"], stdout=log, stderr=log, env=environ)
    try:
        found = Browser(port)
        end = time.monotonic() + 20
        while time.monotonic() < end:
            try:
                if found.call("GET", "/status")["ready"]:
                    break
            except OSError:
                time.sleep(0.1)
        found.begin(chromium, home / "profile")
        yield found
        found.call("DELETE", "")
    finally:
        process.terminate()
        process.wait()


@pytest.fixture
def page(browser: Browser, report: Report, tmp_path: Path) -> Browser:
    file = tmp_path / "report.html"
    file.write_text(render(report), encoding="utf-8")
    browser.call("POST", "/window/rect", width=1200, height=900)
    browser.devtools("Emulation.setEmulatedMedia", features=[])
    browser.call("POST", "/url", url=file.as_uri())
    return browser


def test_it_loads_nothing_and_complains_of_nothing(page: Browser, report: Report) -> None:
    assert page.shown() == len(report.images)
    assert page.run("return performance.getEntriesByType('resource').length") == 0
    assert page.call("POST", "/se/log", type="browser") == []


def test_tiles_filter_and_escape_clears(page: Browser, report: Report) -> None:
    failing = sum(image.outcome.value == "fail" for image in report.images)
    assert 0 < failing < len(report.images)
    page.click("button[data-verdict=fail]")
    assert page.shown() == failing
    status = page.run("return document.getElementById('shown').textContent")
    assert status == f"{failing} of {len(report.images)} shown"
    page.keys("\ue00c")
    assert page.shown() == len(report.images)


def test_the_keyboard_is_enough(page: Browser, report: Report) -> None:
    page.keys("\ue004 ")  # Tab to the first tile, Space presses it
    assert page.run("return document.activeElement.getAttribute('aria-pressed')") == "true"
    page.keys("\ue00c/")  # Escape clears, / searches
    assert page.run("return document.activeElement.id") == "search"
    page.keys("image-not-found")
    wanted = sum(any(finding.code.value == "image-not-found" for finding in image.findings) for image in report.images)
    assert page.shown() == wanted > 0


def test_selects_filter_by_what_they_name(page: Browser) -> None:
    name = page.run(
        "const s = document.querySelector('select[name=registry]'); s.selectedIndex = 1;"
        "s.dispatchEvent(new Event('change')); return s.value"
    )
    others = page.run(
        "return [...document.querySelectorAll('tbody.images tr')]"
        ".filter(r => !r.hidden && r.dataset.registry !== arguments[0]).length",
        name,
    )
    assert (others, page.shown() > 0) == (0, True)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_can_be_read_in_light_and_dark(page: Browser, scheme: str) -> None:
    page.devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    assert page.run("return matchMedia(`(prefers-color-scheme: ${arguments[0]})`).matches", scheme)
    assert min(page.run(_CONTRAST)) >= 4.5  # WCAG 2.2, 1.4.3


@pytest.mark.parametrize("width", [320, 768])
def test_nothing_sticks_out_of_a_narrow_screen(page: Browser, width: int) -> None:
    page.devtools("Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=True)
    try:
        assert page.run("return document.documentElement.scrollWidth") <= width
        rights = "[...document.querySelectorAll('tbody.images td, .tiles button, select, input')]"
        assert page.run(f"return Math.max(...{rights}.map((e) => e.getBoundingClientRect().right))") <= width
    finally:
        page.devtools("Emulation.clearDeviceMetricsOverride")


def test_the_worst_stands_first(page: Browser) -> None:
    seen = page.run("return [...document.querySelectorAll('tbody.images tr')].map((r) => r.dataset.verdict)")
    order = ["fail", "error", "warn", "pass", "skip"]
    assert seen == sorted(seen, key=order.index)
    assert {seen[0], seen[-1]} == {"fail", "skip"}


def test_causes_registries_and_namespaces_are_counted(page: Browser, report: Report) -> None:
    titles = page.run("return [...document.querySelectorAll('.counts h2')].map((e) => e.textContent)")
    assert titles == ["By cause", "By registry", "By namespace"]
    rows = page.run("return document.querySelectorAll('.counts section:first-child tbody tr').length")
    assert rows == len({finding.code for _, finding in report.findings()})


def test_a_picture_of_it_is_no_blank(page: Browser) -> None:
    picture = base64.b64decode(page.call("GET", "/screenshot"))
    assert picture.startswith(b"\x89PNG")
    assert len(picture) > 10_000
