"""The page as people meet it: in a real Chromium, through Playwright. Skipped where either is missing."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("gradio", reason="Gradio is not installed: pip install -e '.[app]'")
pytest.importorskip("playwright", reason="Playwright is not installed: pip install playwright")

from playwright.sync_api import sync_playwright

from deid.app import limits, serving
from deid.app.serving import Server

pytestmark = pytest.mark.slow
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")  # of the system
GIVE, GO, LINK = "#files input[type=file]", "#go", "#result .download"
# What a page could leave in a browser.
STORES = """async () => [await indexedDB.databases(), {...localStorage}, {...sessionStorage}, document.cookie,
await caches.keys()]"""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "MEGABYTES", 2)  # a huge file is smaller then, and quicker to send
        with serving.serve() as running:
            yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_playwright() as started:
        own = started.chromium.executable_path
        found = own if Path(own).exists() else next(filter(None, map(shutil.which, BROWSERS)), None)
        if not found:
            pytest.skip("no Chromium: run `playwright install chromium`, or install your system's")
        running = started.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture
def visit(server, browser) -> Iterator[Callable[[], Any]]:
    """Opens the page as another person; what it asks for is in ``page.asked``."""
    contexts = []

    def opened() -> Any:
        contexts.append(browser.new_context(accept_downloads=True))
        page = contexts[-1].new_page()
        page.set_default_timeout(60_000)
        page.asked = []
        page.on("request", lambda request: page.asked.append(request.url))
        page.goto(server.address)
        page.wait_for_selector(GIVE, state="attached")
        return page

    yield opened
    for context in contexts:
        context.close()


def give(page: Any, *files: Path) -> None:
    page.set_input_files(GIVE, [str(file) for file in files])


def result(page: Any, method: str) -> tuple[str, np.ndarray]:
    """What is downloaded after a press of the button: its name and its pixels."""
    page.locator("#method").get_by_text(method, exact=True).click()
    page.click(GO)
    with page.expect_download() as download:
        page.click(LINK)
    with Image.open(download.value.path()) as picture:
        return download.value.suggested_filename, np.asarray(picture.convert("RGB")).astype(int)


def bytes_in(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_a_photo_becomes_another_one_and_nothing_is_left(visit, server, portrait):
    page = visit()
    give(page, portrait)
    page.wait_for_selector("#boxes img")
    assert "1 face was found" in page.inner_text("#said")
    assert not bytes_in(server.folder), "the upload lies on the disk"
    name, pixels = result(page, "another face, drawn by a network (faster)")
    before = np.asarray(Image.open(portrait).convert("RGB")).astype(int)
    assert name == "portrait-00_anonymized.jpg" and pixels.shape == before.shape
    assert abs(pixels - before).mean() > 2
    line = page.locator("#result input[type=range]")
    line.evaluate("e => { e.value = 20; e.dispatchEvent(new Event('input', {bubbles: true})) }")
    assert line.evaluate("e => e.parentNode.style.getPropertyValue('--at')") == "20%"
    own = (server.address, "data:", f"blob:{server.address}")
    assert not [address for address in page.asked if not address.startswith(own)]
    assert page.evaluate(STORES) == [[], {}, {}, "", []]
    link = server.address.rstrip("/") + page.get_attribute(LINK, "href")
    assert page.request.get(link).status == 200
    page.goto("about:blank")
    other = visit()
    for _ in range(100):
        if other.request.get(link).status == 404:
            break
        other.wait_for_timeout(100)
    assert other.request.get(link).status == 404, "the result outlives the page"
    assert not bytes_in(server.folder)


def test_choices_are_done_and_another_person_has_the_next_seed(visit, sample_path):
    page = visit()
    give(page, sample_path)
    page.wait_for_selector(".face >> nth=1")
    page.locator(".face").nth(0).get_by_text("keep", exact=True).click()
    page.locator(".face").nth(1).get_by_text("black", exact=True).click()
    page.wait_for_timeout(500)
    result(page, "blur")
    assert "1 black (asked for), 1 left as asked" in page.inner_text("#result")
    page.locator(".face").nth(1).get_by_text("replace", exact=True).click()
    page.wait_for_selector(LINK, state="detached")  # the result was of another choice
    page.click("#other")
    page.wait_for_function("document.querySelector('#seed input').value === '1'")


def test_wrong_files_are_said_to_be_wrong(visit, server, portrait, tmp_path):
    page = visit()
    for name, content, said in [
        ("notes.jpg", b"hello", "notes.jpg: not a photo this program can read"),
        ("empty.png", b"", "empty.png: an empty file"),
        ("walk.mp4", b"hello", "walk.mp4: "),
    ]:
        (tmp_path / name).write_bytes(content)
        give(page, tmp_path / name)
        page.wait_for_selector(f"#said >> text={said}")
    many = [shutil.copy(portrait, tmp_path / f"{k}.jpg") for k in range(limits.PHOTOS + 1)]
    give(page, *many)
    page.wait_for_selector("#said >> text=9 files were given, and at most 8 are done at once")
    assert not page.is_visible(GO) and not bytes_in(server.folder)


def test_a_huge_file_is_refused(visit, server, tmp_path):
    page, huge = visit(), tmp_path / "huge.jpg"
    with huge.open("wb") as file:
        os.truncate(file.fileno(), limits.MEGABYTES * limits.MEGABYTE + 1)
    give(page, huge)
    page.wait_for_selector("text=exceed the maximum allowed size of 2")
    # A program that asks no page is refused as well.
    answer = page.request.post(
        f"{server.address}gradio_api/upload",
        multipart={"files": {"name": "huge.jpg", "mimeType": "image/jpeg", "buffer": huge.read_bytes()}},
    )
    assert answer.status == 413 and not bytes_in(server.folder)


def test_two_people_at_once_have_their_own_photos(visit, portraits, tmp_path, sample_path):
    ann, bob = visit(), visit()
    give(ann, portraits(tmp_path, 1)[0])
    give(bob, sample_path)
    for page in (ann, bob):
        page.wait_for_selector("#boxes img")
        page.locator("#method").get_by_text("black", exact=True).click()
    ann.click(GO)
    bob.click(GO)
    names = {}
    for page in (ann, bob):
        with page.expect_download() as download:
            page.click(LINK)
        names[page] = download.value.suggested_filename, Image.open(download.value.path()).size
    assert names[ann] == ("portrait-00_anonymized.jpg", (200, 240))
    assert names[bob] == ("sample_anonymized.jpg", (1160, 720))
    assert "1 face was found" in ann.inner_text("#said") and "2 faces" in bob.inner_text("#said")


def test_a_clip_is_shown_before_and_after(visit, server, clip):
    page = visit()
    give(page, clip(4))
    page.wait_for_selector("#boxes video")
    page.locator("#method").get_by_text("black", exact=True).click()
    page.click(GO)
    with page.expect_download() as download:
        page.click(LINK)
    assert download.value.suggested_filename == "walk_anonymized.mp4"
    assert Path(download.value.path()).read_bytes()[4:8] == b"ftyp"
    page.wait_for_function("document.querySelector('#result video').readyState >= 2")
    page.goto("about:blank")
    for _ in range(100):
        if not bytes_in(server.folder):
            break
        page.wait_for_timeout(100)
    assert not bytes_in(server.folder), "the clip outlives the page"
