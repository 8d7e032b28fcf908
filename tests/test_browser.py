"""Every notebook as its readers meet it: opened in JupyterLab in a real Chromium, and run to its end.

``make browser`` runs these tests (``DEID_BROWSER`` is the folder for screenshots); ``make test`` does not:
they need a browser and as long as all notebooks do.
"""

import json
import os
import platform
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deid.data import dataset, synthetic
from deid.generators import load_generator
from deid.study import layout

nbformat = pytest.importorskip("nbformat")
FOLDER = os.environ.get("DEID_BROWSER", "")
pytestmark = pytest.mark.skipif(not FOLDER, reason="run by make browser")
ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
NARROWEST = 400  # pixels
NO_TEXT = ("", "Image")  # JupyterLab's word for a picture that says nothing
# A bar is due from five seconds on. A machine that does other work, too, may need several times as long.
WITHOUT_BAR = float(os.environ.get("DEID_BROWSER_SECONDS", "15"))
LIMIT = 30 * 60 * 1000  # milliseconds

# A browser of the system, where Playwright has not installed its own.
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")
SETTINGS = {
    # Nothing is saved by itself, all cells are in the page at once, and each cell notes its time.
    "docmanager-extension/plugin": {"autosave": False},
    "notebook-extension/tracker": {"windowingMode": "none", "recordTiming": True},
    "apputils-extension/notification": {"checkForUpdates": False, "fetchNews": "false"},
}

OPENED = """() => {
  const panel = window.jupyterapp?.shell.currentWidget;
  return Boolean(panel?.context?.isReady) && panel.sessionContext?.session?.kernel?.status === "idle";
}"""
RUN = "async () => { await jupyterapp.commands.execute('notebook:run-all-cells'); }"
END = "async () => { await jupyterapp.shell.currentWidget.sessionContext.shutdown(); }"
DIRTY = "jupyterapp.shell.currentWidget.context.model.dirty"
# Of each cell: what is wrong in its output, and how long it ran.
SEEN = """() => [...jupyterapp.shell.currentWidget.content.widgets].map((cell, index) => {
  const said = (cell.model.outputs?.toJSON() ?? []).map(output =>
    output.output_type === 'error' ? `${output.ename}: ${output.evalue}` :
    output.name === 'stderr' ? 'a warning: ' + [output.text].flat().join('').trim().slice(0, 300) : '');
  const times = cell.model.getMetadata('execution') ?? {};
  const images = [...cell.node.querySelectorAll('img')].map(image => ({
    alt: image.alt, width: image.getBoundingClientRect().width, address: image.src.slice(0, 80),
    loaded: image.complete && image.naturalWidth > 0, inOutput: !!image.closest('.jp-OutputArea')}));
  return {index, images, said: said.filter(Boolean), text: cell.node.textContent.slice(-300),
    code: cell.model.type === 'code', hidden: cell.model.getMetadata('jupyter')?.source_hidden ?? false,
    count: cell.model.executionCount ?? null,
    bar: cell.node.querySelector('.jp-OutputArea .jupyter-widgets') !== null,
    seconds: (Date.parse(times['shell.execute_reply']) - Date.parse(times['iopub.status.busy'])) / 1000 || 0};
})"""
OUTER = "document.querySelector('.jp-NotebookPanel-notebook .jp-WindowedPanel-outer')"


@contextmanager
def chromium(width: int = 1440, height: int = 900) -> Iterator:
    """A page of Playwright's, in its own Chromium or the system's."""
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as started:
        installed = Path(started.chromium.executable_path).exists()
        found = None if installed else next(filter(None, map(shutil.which, BROWSERS)), None)
        if not installed and not found:
            pytest.fail("no Chromium: run `playwright install chromium`, or install your system's")
        browser = started.chromium.launch(executable_path=found, args=list(FLAGS))
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


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> Path:
    """A copy: what a notebook writes stays out of the working tree."""
    root = tmp_path_factory.mktemp("lab")
    for name in ("notebooks", "media", "docs"):  # JupyterLab shows no picture that lies outside of its root
        shutil.copytree(ROOT / name, root / name)
    (root / "reports").symlink_to(ROOT / "reports")
    # Notebooks 02, 05 and 06 learn from what 01 makes; each can be run alone here.
    photos = synthetic.portraits(load_generator(), 64, tmp_path_factory.mktemp("portraits") / "photos")
    for _ in dataset.create(photos, root / "runs/quick/faces/landmarks", dataset.Settings(min_face=40)):
        pass
    return root


@pytest.fixture(scope="module")
def address(checkout, tmp_path_factory) -> Iterator[str]:
    with lab(checkout, tmp_path_factory.mktemp("settings")) as address:
        yield address


@pytest.fixture
def open_notebook(address) -> Iterator[Callable]:
    with chromium() as page:
        page.set_default_timeout(LIMIT)

        def opened(name: str):
            page.goto(f"{address}/lab/tree/notebooks/{name}?reset")
            page.wait_for_function(OPENED, timeout=120_000)
            return page

        yield opened
        page.evaluate(END)  # or eight kernels fill the memory


def photograph(page, name: str) -> None:
    """The window as it opened, and the whole notebook."""
    folder = Path(FOLDER)
    folder.mkdir(parents=True, exist_ok=True)
    page.evaluate(f"{OUTER}.scrollTo(0, 0)")
    page.screenshot(path=folder / f"{name}.png")
    height = page.evaluate(f"{OUTER}.scrollHeight")
    page.set_viewport_size({"width": 1440, "height": min(16_000, height + 200)})
    page.wait_for_timeout(1000)
    page.evaluate(f"{OUTER}.scrollTo(0, 0)")
    page.screenshot(path=folder / f"{name}-whole.png")


def troubles(cell: dict) -> list[str]:
    """What a reader would stumble over, in words."""
    found = list(cell["said"])
    found += ["a widget that is not shown"] if "Error displaying widget" in cell["text"] else []
    found += ["not run"] if cell["code"] and cell["count"] is None else []
    if cell["seconds"] > WITHOUT_BAR and not cell["bar"] and not cell["hidden"]:
        found.append(f"{cell['seconds']:.0f} s without a bar")
    for image in cell["images"]:
        found += [] if image["loaded"] else [f"a picture that is not shown: {image['address']}"]
        found += ["a picture without a text"] if image["alt"] in NO_TEXT else []
        if image["inOutput"] and image["loaded"] and image["width"] < NARROWEST:
            found.append(f"a figure of {image['width']:.0f} pixels")
    return [f"cell {cell['index']}: {each}" for each in found]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_opens_unmodified_and_runs_in_jupyterlab(path, open_notebook, checkout):
    before = path.read_bytes()
    page = open_notebook(path.name)
    same_python = f'"version": "{platform.python_version()}"' in path.read_text()
    # JupyterLab notes another Python version in the notebook by itself.
    assert not (same_python and page.evaluate(DIRTY)), "it opens as modified"
    shown = [image for cell in page.evaluate(SEEN) for image in cell["images"]]
    assert all(image["loaded"] for image in shown), "a committed figure is not shown"
    page.evaluate(RUN)
    page.wait_for_timeout(2000)
    cells = page.evaluate(SEEN)
    photograph(page, path.stem)
    assert not [each for cell in cells for each in troubles(cell)]
    assert sum(len(cell["images"]) for cell in cells) > 0
    assert (checkout / "notebooks" / path.name).read_bytes() == before, "running it saved it"


def test_what_a_reader_would_stumble_over_is_told(open_notebook, checkout, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "WITHOUT_BAR", 1)
    picture = "<img width=100 height=100 src=data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA=>"
    sources = ["import time, warnings", "warnings.warn('old')", "time.sleep(1.5)", "1 / 0", "2"]
    sources.insert(3, f"from IPython.display import HTML\n\nHTML('{picture}')")
    sources.insert(4, "from deid.study.bars import tqdm\n\nfor _ in tqdm(range(3)):\n    time.sleep(0.6)")
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    nbformat.write(
        nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": layout.KERNEL}),
        checkout / "notebooks" / "bad.ipynb",
    )
    page = open_notebook("bad.ipynb")
    page.evaluate(RUN)
    page.wait_for_timeout(2000)
    found = [each for cell in page.evaluate(SEEN) for each in troubles(cell)]
    assert found.pop(0).startswith("cell 1: a warning: ") and found == [
        "cell 2: 2 s without a bar",
        "cell 3: a picture without a text",
        "cell 3: a figure of 100 pixels",
        "cell 5: ZeroDivisionError: division by zero",
        "cell 6: not run",
    ]


def test_lab_opens_at_the_root_and_shows_the_notebooks(address):
    """What ``make lab`` opens: from there media/ and reports/ can be opened, too."""
    with chromium() as page:
        page.goto(f"{address}/lab/tree/notebooks?reset")
        page.wait_for_selector(f".jp-DirListing-itemText >> text={NOTEBOOKS[0].name}", timeout=60_000)
        page.click(".jp-BreadCrumbs-home")
        for name in ("media", "notebooks", "reports"):
            page.wait_for_selector(f".jp-DirListing-itemText >> text={name}", timeout=60_000)
