"""What to do with a photo: the settings of the tool, checked. Nothing heavy is imported for them."""

import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from deid import inpainting
from deid.anonymization.choices import CLASSICAL, DO
from deid.devices import resolve_device
from deid.inpainting.settings import TRUNCATION, Search
from deid.photo import metadata
from deid.photo.choices import DETECTORS, MASKS, SHAPES
from deid.recognition.choices import NAMES, TOGETHER

if TYPE_CHECKING:
    from deid.inpainting.interface import Method
    from deid.photo.shapes import Placing

METHODS = (*inpainting.METHODS, *CLASSICAL)
CHOICES: dict[str, tuple[str, ...]] = {
    "method": METHODS,
    "mask": ("", *MASKS),
    "recogniser": NAMES,
    "detector": DETECTORS,
    "doubtful": DO,
    "shape": SHAPES,
}
LARGEST = 2**63  # of a whole number: a seed may be no larger
WANTED: dict[Any, str] = {int: "a whole number", float: "a number", bool: "True or False", str: "text"}


@dataclass(frozen=True)
class Options:
    """What to do with a photo; see the command line's help for each.

    An empty ``mask`` is the method's own. Faces from ``min_size`` pixels (longer side of the box) get a
    synthesized face; smaller ones that are still found, down to ``smallest``, are blacked out.
    ``detector``: who looks for faces (``photo.finding``). A face that scores less than ``min_score`` is
    doubtful; ``doubtful`` says whether it stays visible, is blacked out or is replaced. ``truncation``
    is how far a person that the one-pass generator draws may be from the mean one. ``jitter`` moves the
    landmarks that a face is drawn for, by a normal distribution of so many eye distances; ``shape`` says how
    much of the face's own geometry they hold (``photo.shapes``). Without ``fitting`` a library's person is
    drawn by lot, whoever fits. ``starts``, ``iterations`` and ``warm`` are a search's
    (``inpainting.settings.Search``). ``strength`` is a
    blur's width as a share of the face, or how many tiles across it a mosaic has (0: the method's own). With
    ``verify`` a face that ``recogniser`` finds more than ``threshold`` similar to its original is drawn again
    and in the end hidden (``anonymization.verification``); a threshold of 0 is the recogniser's own.
    Faces of at most ``only_larger_than`` pixels stay as they are, and so does the largest with
    ``keep_largest``. With ``link`` a person becomes the same one in all photos of a run of the command line
    (``anonymization.albums``); ``anonymize`` has one photo, and there it has no effect.
    ``keep_metadata`` names fields of the file that are written again, separated by commas
    (``photo.metadata``). Raises ``ValueError`` on values that make no sense.
    """

    method: str = "reference"
    mask: str = ""
    starts: int = Search.starts
    iterations: int = Search.iterations
    seed: int = 0
    truncation: float = TRUNCATION
    jitter: float = 0.0
    strength: float = 0.0
    detector: str = "union"
    min_score: float = 0.9
    doubtful: str = "blackout"
    min_size: float = 16
    weights: str = ""
    device: str = "auto"
    smallest: float = 12
    verify: bool = True
    recogniser: str = "openface"
    threshold: float = 0.0
    keep_metadata: str = ""
    only_larger_than: float = 0.0
    keep_largest: bool = False
    link: bool = False
    shape: str = "own"
    fitting: bool = True
    warm: bool = False

    def __post_init__(self) -> None:
        for field in fields(self):
            if _is_numpy(value := getattr(self, field.name)):
                object.__setattr__(self, field.name, value.item())
        for name, known in CHOICES.items():
            if getattr(self, name) not in known:
                listed = ", ".join(filter(None, known))
                raise ValueError(f"{name} must be one of {listed}, not {getattr(self, name)!r}")
        for field in fields(self):
            if not _fits(value := getattr(self, field.name), field.type):
                raise ValueError(f"{field.name} must be {WANTED[field.type]}, not {value!r:.80}")
        if not 0 < self.min_score <= 1:
            raise ValueError(f"min-score must be above 0 and at most 1, not {self.min_score}")
        if not min(self.min_size, self.starts, self.iterations) >= 1:  # so written, NaN is refused as well
            raise ValueError("min-size, starts and iterations must be at least 1")
        if not 0 <= self.only_larger_than < math.inf:
            raise ValueError(f"only-larger-than must be 0 or more pixels, not {self.only_larger_than}")
        if not (self.min_size < math.inf and 0 < self.smallest < math.inf):
            raise ValueError(f"min-size and smallest must be sizes, not {self.min_size} and {self.smallest}")
        if not 0 <= self.strength < math.inf:
            raise ValueError(f"strength must be 0 or more, not {self.strength}")
        if not 0 <= self.truncation <= 1:
            raise ValueError(f"truncation must be 0 to 1, not {self.truncation}")
        if not 0 <= self.jitter <= 1 or not -1 <= self.threshold <= 1:
            raise ValueError(
                f"jitter must be 0 to 1, threshold -1 to 1, not {self.jitter} and {self.threshold}"
            )
        metadata.parse(self.keep_metadata)

    @property
    def draws(self) -> bool:
        """Whether the method puts another face in place of the one it hides."""
        return self.method in inpainting.METHODS

    @property
    def hole(self) -> str:
        """What of a face is hidden: the mask that is asked for, or the method's own."""
        return self.mask or (inpainting.METHODS[self.method].kind.mask if self.draws else "face")

    @property
    def network(self) -> str:
        """The weights to draw with: those asked for, or the method's own; "" if nothing is drawn."""
        return (self.weights or inpainting.METHODS[self.method].weights) if self.draws else ""

    @property
    def metadata(self) -> tuple[str, ...]:
        """Names of the metadata fields that are written again."""
        return metadata.parse(self.keep_metadata)

    @property
    def recognisers(self) -> tuple[str, ...]:
        """The recognisers of the check, one by one: none of them is to judge its results."""
        return tuple(self.recogniser.split(TOGETHER))

    @property
    def placing(self) -> "Placing":
        """Where faces are drawn, compared with where they were."""
        from deid.photo.shapes import Placing  # PyTorch

        return Placing(self.jitter, self.shape)

    @property
    def search(self) -> Search:
        """How a method that searches latents does so."""
        heeded = inpainting.METHODS[self.method].heeds if self.draws else ()
        return Search(self.starts, self.iterations, warm=self.warm and "warm" in heeded)

    def prepare(self) -> Iterator[tuple[int, int]]:
        """Make what the method needs once on this machine; yields (done, total) on the way."""
        if self.draws:
            yield from inpainting.METHODS[self.method].kind.prepare(self.weights)

    def load_method(self) -> "Method":
        """The method that draws.

        Raises ``WeightsError`` for weights that cannot be used, ``ValueError`` for a device that is not
        there.
        """
        method = inpainting.load_method(self.method, self.weights, resolve_device(self.device))
        method.files_for(self.search)  # of a warm search one file more
        return method


def _is_numpy(value: object) -> bool:
    """Whether a value is one of NumPy's numbers; without NumPy, which is slow to import, none is."""
    return "numpy" in sys.modules and isinstance(value, sys.modules["numpy"].generic)


def _fits(value: object, kind: Any) -> bool:
    """Whether a setting has this type; where a number is wanted, a whole one is as good."""
    if type(value) is int:
        return kind in (int, float) and -LARGEST <= value < LARGEST
    return isinstance(value, kind) and kind is not int  # True would be one


def parse(case: str) -> Options | None:
    """The options behind a case's name: "original", "blur strength=0.15", "onepass mask=face-120 verify=yes".

    Nothing is verified unless the name says so: the tool's own check is a case of its own. Raises
    ``ValueError`` for any other name.
    """
    method, *changes = case.split() or [""]
    if method == "original" and not changes:
        return None
    kinds: dict[str, Any] = {field.name: type(field.default) for field in fields(Options)}
    values: dict = {"verify": False}
    for change in changes:
        name, _, value = change.partition("=")
        if name not in kinds or name == "method" or not value:
            raise ValueError(f"{case!r}: {change!r} is no setting; the settings are {', '.join(kinds)}")
        if kinds[name] is bool and value not in ("yes", "no"):
            raise ValueError(f"{case!r}: {name} is yes or no, not {value}")
        try:
            values[name] = value == "yes" if kinds[name] is bool else kinds[name](value)
        except ValueError:
            raise ValueError(f"{case!r}: {name} must be {WANTED[kinds[name]]}, not {value}") from None
    return Options(method=method, **values)
