"""Every link of a site leads somewhere, and no page asks another server for anything."""

from pathlib import Path

import pytest

from deid.study import checking


@pytest.fixture
def site(tmp_path) -> Path:
    (tmp_path / "docs").mkdir()
    (tmp_path / "index.html").write_text('<h1 id="top">x</h1><a href="docs/a.html#one%20place">a</a>')
    (tmp_path / "docs/a.html").write_text('<p id="one place">a</p><a href="../index.html#top">back</a>')
    (tmp_path / "docs/a.jpg").write_bytes(b"")
    return tmp_path


def add(site: Path, text: str) -> None:
    with (site / "docs/a.html").open("a") as page:
        page.write(text)


def test_a_whole_site_has_no_broken_link(site, capsys):
    (site / "docs/index.html").write_text('<img src="a.jpg"><a href="https://example.org/no">away</a>')
    add(site, '<a href="#one%20place">here</a><a href="../docs">the folder</a><a href="/index.html">top</a>')
    add(site, '<h2 id="%C2%B7">encoded, as nbconvert does</h2><a href="#%C2%B7">there</a>')
    add(site, '<link rel="canonical" href="https://example.org"><img src="data:image/png;base64,">')
    assert checking.broken(site) == []
    assert checking.main([str(site)]) == 0 and "3 pages, 0 broken links" in capsys.readouterr().out


@pytest.mark.parametrize(
    "link, reason",
    [
        ('<a href="b.html">', "docs/a.html: b.html: no such file"),
        ('<img src="b.jpg">', "docs/a.html: b.jpg: no such file"),
        ('<a href="#two">', "docs/a.html: #two: no such place on that page"),
        ('<a href="../index.html#two">', "docs/a.html: ../index.html#two: no such place on that page"),
        ('<a href="../../secret">', "docs/a.html: ../../secret: leaves the site"),
        ('<a href="/b.html">', "docs/a.html: /b.html: no such file"),
        ('<script src="https://example.org/x.js">', "https://example.org/x.js: of another server"),
        ('<link rel="stylesheet" href="//example.org/x.css">', "//example.org/x.css: of another server"),
    ],
)
def test_a_link_that_leads_nowhere_is_named_with_its_page(site, link, reason, capsys):
    add(site, link)
    (line,) = checking.broken(site)
    assert line.endswith(reason)
    assert checking.main([str(site)]) == 1 and "2 pages, 1 broken links" in capsys.readouterr().out


def test_a_folder_without_pages_is_no_site(tmp_path, capsys):
    assert checking.main([str(tmp_path)]) == 2
    assert "make docs" in capsys.readouterr().err
