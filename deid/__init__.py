"""deid: replace every face in a photo by a synthesized one that is not recognised as the original person."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deid.anonymization.options import Options
    from deid.anonymization.pipeline import Result, anonymize
    from deid.photo.detection import detect
    from deid.photo.exchange import save
    from deid.photo.faces import Face
    from deid.photo.images import ImageError, Photo, load

__version__ = "0.1.0"
__all__ = ["Face", "ImageError", "Options", "Photo", "Result", "anonymize", "detect", "load", "save"]

# Where each name lives. It is imported when it is asked for: the command line's help needs no PyTorch.
_HOMES = {
    "Face": "deid.photo.faces",
    "ImageError": "deid.photo.images",
    "Options": "deid.anonymization.options",
    "Photo": "deid.photo.images",
    "Result": "deid.anonymization.pipeline",
    "anonymize": "deid.anonymization.pipeline",
    "detect": "deid.photo.detection",
    "load": "deid.photo.images",
    "save": "deid.photo.exchange",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
