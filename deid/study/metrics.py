"""The numbers of a run: one ``metrics.json``, to which every notebook adds its own key."""

import json
from pathlib import Path

from deid.storage import FolderError, write_atomically


def save_metrics(folder: str | Path, key: str, values: dict) -> Path:
    """Write ``values`` under ``key`` (a notebook's name) into ``folder/metrics.json`` -> its path.

    Other keys stay. Raises ``FolderError`` where that file is not a JSON object: it is not ours to write
    over.
    """
    path = Path(folder) / "metrics.json"
    metrics = _read(path) if path.exists() else {}
    write_atomically(path, (json.dumps(metrics | {key: values}, indent=1) + "\n").encode())
    return path


def _read(path: Path) -> dict:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FolderError(f"{path}: not JSON ({error}); move it away, or choose another folder") from None
    if not isinstance(found, dict):
        raise FolderError(f"{path}: not a JSON object, so not ours; move it away, or choose another folder")
    return found
