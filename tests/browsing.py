"""A real Chromium for the tests that need one, and a JupyterLab for it to open."""

import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# A browser of the system, where Playwright has not installed its own.
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")
SETTINGS = {
    # Nothing is saved by itself, all cells are in the page at once, and each cell notes its time.
    "docmanager-extension/plugin": {"autosave": False},
    "notebook-extension/tracker": {"windowingMode": "none", "recordTiming": True},
    "apputils-extension/notification": {"checkForUpdates": False, "fetchNews": "false"},
}


@contextmanager
def chromium(width: int = 1440, height: int = 900) -> Iterator:
    """A page of Playwright's. Skips the test where Playwright is missing, fails it where only Chromium is."""
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as play_wright:
        installed = Path(play_wright.chromium.executable_path).exists()
        found = None if installed else next(filter(None, map(shutil.which, BROWSERS)), None)
        if not installed and not found:
            pytest.fail("no Chromium: run `playwright install chromium`, or install your system's")
        browser = play_wright.chromium.launch(executable_path=found, args=list(FLAGS))
        page = browser.new_page(viewport={"width": width, "height": height})
        yield page
        browser.close()


def free_port() -> int:
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        return chosen.getsockname()[1]


@contextmanager
def lab(root: Path, settings: Path) -> Iterator[str]:
    """JupyterLab over a folder, on this machine only -> its address."""
    for name, values in SETTINGS.items():
        package, plugin = name.split("/")
        path = settings / "@jupyterlab" / package / f"{plugin}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))
    port = free_port()
    options = [f"--ServerApp.root_dir={root}", f"--ServerApp.port={port}", "--ServerApp.port_retries=0"]
    options += ["--no-browser", "--allow-root", "--IdentityProvider.token=", "--ServerApp.ip=127.0.0.1"]
    options += ["--LabApp.expose_app_in_browser=True", f"--LabApp.user_settings_dir={settings}"]
    with (settings / "server.log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options], cwd=root, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            address = f"http://127.0.0.1:{port}"
            _wait_for(f"{address}/api", server)
            yield address
        finally:
            server.terminate()
            server.wait(30)


def _wait_for(address: str, server: subprocess.Popen, seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and server.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            time.sleep(0.3)
    raise RuntimeError(f"{address}: JupyterLab did not start within {seconds:.0f} s")
