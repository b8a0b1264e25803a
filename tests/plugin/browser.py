"""The App in a headless browser."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn
from urllib.error import URLError
from urllib.request import urlopen

from tests.needs import unavailable

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
PATIENCE = 60_000
"""Milliseconds that anything may take on a busy machine."""


@contextmanager
def app_server() -> Iterator[str]:
    """FiftyOne's App on a free port; its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "fiftyone.server.main", "--port", str(port), "--address", "127.0.0.1"]
    server = subprocess.Popen(command, env={**os.environ, "FIFTYONE_ALLOW_LEGACY_ORCHESTRATORS": "true"})
    address = f"http://127.0.0.1:{port}"
    try:
        started = time.monotonic()
        while not _answers(address):
            assert server.poll() is None and time.monotonic() - started < 120, "the App does not start"
            time.sleep(0.5)
        yield address
    finally:
        server.terminate()
        server.wait()


@contextmanager
def open_page(address: str, dataset: str) -> Iterator[Page]:
    """A page with the dataset's samples; the test is skipped where there is no browser, and fails where CI is true."""
    from playwright.sync_api import Error, sync_playwright

    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=[*FLAGS])
        except Error as error:
            _no_browser(str(error))
        page = browser.new_page(viewport={"width": 1500, "height": 950})
        page.set_default_timeout(PATIENCE)
        page.goto(f"{address}/datasets/{dataset}")
        page.get_by_text("samples", exact=False).first.wait_for()
        advertisement = page.get_by_text("Dismiss", exact=True)
        page.wait_for_timeout(3000)
        if advertisement.count():
            advertisement.click()
        yield page
        browser.close()


def run_operator(page: Page, label: str) -> None:
    """Choose an operator in the operator browser; its form opens, or it runs."""
    page.keyboard.press("`")
    page.get_by_placeholder("Search operations by name").wait_for()
    page.keyboard.type(label)
    page.get_by_text(label, exact=True).last.click()


def option(page: Page, shown: str, wanted: str) -> None:
    """Choose from a drop-down list by what it shows."""
    page.get_by_role("combobox").filter(has_text=shown).click()
    page.get_by_role("option", name=wanted).click()


def execute_now(page: Page) -> None:
    """Submit a form that would be scheduled otherwise."""
    enabled(page.get_by_role("button", name="Schedule"))
    page.locator("button[aria-haspopup=menu]").last.click()
    page.get_by_role("menuitem", name="Execute").click()
    enabled(page.get_by_role("button", name="Execute", exact=True)).click()


def enabled(button: Locator) -> Locator:
    """The button, once it can be pressed."""
    from playwright.sync_api import expect

    expect(button).to_be_enabled(timeout=PATIENCE)
    return button


def tick_sample(page: Page, number: int) -> None:
    """Select a sample of the grid by the box in its corner."""
    looker = page.locator("[data-cy=looker]").nth(number)
    looker.hover()
    page.wait_for_timeout(400)
    box = looker.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 18, box["y"] + 18)
    page.wait_for_timeout(600)


def settled(page: Page, submit: str) -> None:
    """Wait until a form has come to rest: each change is answered by the server, and closes open lists."""
    page.wait_for_timeout(1200)
    enabled(page.get_by_role("button", name=submit, exact=True))
    page.wait_for_timeout(500)


def count_of_samples(page: Page) -> int:
    """The count over the grid."""
    text = page.get_by_text(re.compile(r"^[\d,]+ samples?$")).first.inner_text()
    return int(text.split()[0].replace(",", ""))


class Screenshots:
    """Numbered pictures in ``$SCREENSHOTS``, or else in a temporary folder."""

    def __init__(self, folder: Path) -> None:
        chosen = os.environ.get("SCREENSHOTS")
        self._folder = Path(chosen) if chosen else folder
        self._folder.mkdir(parents=True, exist_ok=True)
        self._number = 0

    def take(self, page: Page, name: str) -> None:
        self._number += 1
        page.screenshot(path=self._folder / f"{self._number:02d} {name}.png")


def _answers(address: str) -> bool:
    try:
        with urlopen(address, timeout=5):
            return True
    except (URLError, OSError):
        return False


def _no_browser(reason: str) -> NoReturn:
    unavailable(
        f"no Chromium to be had ({reason.splitlines()[0]}); apt-get install chromium, or playwright install chromium"
    )
