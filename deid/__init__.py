"""deid: replace every face in a photo by a synthesized one that is not recognised as the original person."""

__version__ = "0.1.0"

from deid.anonymization.options import Options
from deid.anonymization.pipeline import Result, anonymize
from deid.photo.detection import detect
from deid.photo.exchange import save
from deid.photo.faces import Face
from deid.photo.images import ImageError, Photo, load

__all__ = ["Face", "ImageError", "Options", "Photo", "Result", "anonymize", "detect", "load", "save"]
