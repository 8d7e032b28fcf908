"""deid: replace every face in a photo by a synthesized one that cannot be recognised as the original person."""

__version__ = "0.1.0"

from deid.anonymizer import Options, Result, anonymize
from deid.faces import Face, detect
from deid.images import ImageError, Photo, load, save

__all__ = ["Face", "ImageError", "Options", "Photo", "Result", "anonymize", "detect", "load", "save"]
