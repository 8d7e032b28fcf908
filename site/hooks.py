"""What MkDocs is told beside mkdocs.yml: which files are pages, and a page of reference for each room."""

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.plugins import event_priority
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "docs/**/*.md",
    "deid/generators/WEIGHTS.md",
    "notebooks/*.ipynb",
)
# What pages link to or show.
FILES = (
    "LICENSE", "Makefile", "media/*", "docs/**/*.jpg", "docs/**/*.png", "notebooks/params/*", "site/site.css",
    "deid/evaluation/detection/*.json", "reports/*/*.html", "reports/*/*.json", "reports/*/figures/*",
    "reports/references/looks/*",
)  # fmt: skip
LISTED = ("reports/full", "reports/references/looks")  # folders that a page links to
# Their own pages; what stands before the front door comes first.
ROOMS = ["deid", *sorted(f"deid.{path.parent.name}" for path in ROOT.glob("deid/*/__init__.py"))]


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Add the study, the reference, and the pages of docs/ that mkdocs.yml does not name."""
    notebooks, pages = _found("notebooks/*.ipynb"), _found("docs/**/*.md")
    study = {"The study": ["docs/notebooks.md", *notebooks]}
    python = {"Python": [{room: f"api/{room}.md"} for room in ROOMS]}
    named = str([*config.nav, study])
    more = {"More": [*(page for page in pages if page not in named), "CONTRIBUTING.md", "CHANGELOG.md"]}
    config.nav = [*config.nav, study, python, more]
    return config


@event_priority(100)  # before the plugin that looks for notebooks
def on_files(files: Files, config: MkDocsConfig) -> Files:
    """The theme's files, and those of the repository that are pages or that pages link to."""
    theirs = [file for file in files if file.src_dir != config.docs_dir]
    paths = sorted({path for pattern in (*PAGES, *FILES) for path in _found(pattern)})
    where = str(ROOT), config.site_dir, config.use_directory_urls
    ours = [File(path, *where) for path in paths]
    made = {f"api/{room}.md": _reference(room) for room in ROOMS}
    made |= {f"{folder}/index.md": _listing(folder) for folder in LISTED}
    return Files([*theirs, *ours, *(File.generated(config, uri, content=text) for uri, text in made.items())])


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """A notebook's links lead to pages, as those of Markdown files do by themselves."""
    if not page.file.src_uri.endswith(".ipynb"):
        return html
    html = re.sub(r"<script[^>]*(?:mathjax|require\.js)[^>]*>\s*</script>", "", html, flags=re.IGNORECASE)
    html = re.sub(r'(href="(?!https?:)[^"#]+)\.(?:ipynb|md)(?=["#])', r"\1.html", html)
    return html.replace("../README.html", "../index.html")


def _found(pattern: str) -> list[str]:
    return sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob(pattern) if path.is_file())


def _reference(room: str) -> str:
    """All that a room offers; of the front door itself without the rooms behind it."""
    only = "\n    options:\n      show_submodules: false" if room == "deid" else ""
    return f"# {room}\n\n::: {room}{only}\n"


def _listing(folder: str) -> str:
    paths = sorted(path for path in (ROOT / folder).iterdir() if path.is_file())
    return "\n".join([f"# {folder}", "", *(f"- [{path.name}]({path.name})" for path in paths), ""])
