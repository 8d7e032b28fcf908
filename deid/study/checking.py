"""Whether every link of a built site leads somewhere: ``python -m deid.study.checking FOLDER``

Links to files and to places on pages are followed, those to other servers are not. A page that loads a
picture, a style or a script from another server is reported, too: this site needs none.
"""

import argparse
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADED = {"img": "src", "script": "src", "source": "src", "iframe": "src", "link": "href"}
_INERT = {"canonical", "alternate", "next", "prev", "edit", "preconnect"}  # link elements that load nothing


class _Page(HTMLParser):
    """A page's links and places, and what it loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.places: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attributes}
        self.places |= {found[name] for name in ("id", "name") if found.get(name)}
        if tag == "a" and found.get("href"):
            self.links.append(found["href"])
        address = found.get(LOADED.get(tag, ""), "")
        if address and not (tag == "link" and _INERT & set(found.get("rel", "").split())):
            self.loaded.append(address)


def broken(folder: str | Path) -> list[str]:
    """A line for each link of the pages in ``folder`` that leads nowhere, and each file of another server."""
    top = Path(folder).resolve()
    paths = sorted(top.rglob("*.html"))
    pages = {path: _Page(path.read_text(encoding="utf-8")) for path in paths}
    found = []
    for path, page in pages.items():
        for link in dict.fromkeys([*page.links, *page.loaded]):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                reason = "of another server" if link in page.loaded and parts.scheme != "data" else ""
            else:
                reason = _reason(parts.path, parts.fragment, path, top, pages)
            found += [f"{path.relative_to(top)}: {link}: {reason}"] if reason else []
    return found


def _reason(path: str, place: str, page: Path, top: Path, pages: dict[Path, _Page]) -> str:
    """Why a link with this path and fragment leads nowhere; "" for a good one."""
    target = page
    if path:
        start = top if path.startswith("/") else page.parent
        target = (start / unquote(path).lstrip("/")).resolve()
        target = target / "index.html" if target.is_dir() else target
    if not target.is_relative_to(top):
        return "leaves the site"
    if not target.is_file():
        return "no such file"
    # As browsers do: the fragment as it is, or else decoded.
    if place and target in pages and not {place, unquote(place)} & pages[target].places:
        return "no such place on that page"
    return ""


def main(arguments: list[str] | None = None) -> int:
    """Print the broken links of a site -> exit code: 1 where there are any, 2 where there is no site."""
    summary = (__doc__ or "").splitlines()[0]
    parser = argparse.ArgumentParser(prog="python -m deid.study.checking", description=summary)
    parser.add_argument("folder", type=Path, help="the built site")
    folder = parser.parse_args(arguments).folder
    count = len(list(folder.rglob("*.html")))
    if not count:
        print(f"error: {folder}: holds no pages; build the site first: make docs", file=sys.stderr)
        return 2
    found = broken(folder)
    print("\n".join([*found, f"{count} pages, {len(found)} broken links"]))
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
