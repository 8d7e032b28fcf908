"""The same person gets the same new face in all photos of a folder: for albums, at a price.

A recogniser tells who is who, from the original faces. Its vectors stay in memory, and nothing of them is
written. The price: two results say that they show the same person. Who knows the person in one of them knows
them in all. Without an album two photos of one person have nothing to do with each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from deid.anonymization.options import Options
from deid.anonymization.targets import Target
from deid.inpainting.interface import face_seeds
from deid.recognition import recognisers

RECOGNISER = "dlib"  # the small one that ships would link too many strangers
SAME = 0.9244  # its similarity that one in a thousand pairs of different people exceeds (LFW's pairs)


@dataclass
class Member:
    """Someone in an album: the ``vectors`` (D,) of the faces, and which ``reference`` and ``identity`` of a
    library they became ("": none yet, or no library).
    """

    vectors: list[Tensor]
    reference: str = ""
    identity: str = ""

    def similarity(self, vector: Tensor) -> float:
        """How alike a vector (D,) is to all faces of the person so far."""
        return (F.normalize(torch.stack(self.vectors).mean(0), dim=0) @ vector).item()


class Album:
    """Who is who in the photos so far. Raises ``RecogniserError`` where the recogniser is not installed."""

    def __init__(self, options: Options) -> None:
        self.options, self.people = options, list[Member]()
        self.recogniser = recognisers.load(RECOGNISER)

    def assign(self, photo: Tensor, targets: Sequence[Target]) -> tuple[list[Target], list[int]]:
        """The targets of an original photo (1, 3, H, W), each as its person is to look, and who that is.

        Two faces of a photo are never one person. A face that is black is no one (-1).
        """
        drawn = [index for index, target in enumerate(targets) if not target.black]
        vectors = self.recogniser.embed(photo, [targets[index].face for index in drawn])
        told = dict(zip(drawn, self.who(vectors), strict=True))
        numbers = [told.get(index, -1) for index in range(len(targets))]
        return self._dressed(targets, numbers), numbers

    def _dressed(self, targets: Sequence[Target], numbers: Sequence[int]) -> list[Target]:
        """Targets with the seed and the identity of the persons behind them."""
        seeds = face_seeds(self.options.seed, len(self.people))
        shown = {number: person.reference for number, person in enumerate(self.people) if person.reference}
        assigned = []
        for target, number in zip(targets, numbers, strict=True):
            if number < 0:
                assigned.append(target)
                continue
            known = target.reseeded(seeds[number], self.options.placing)
            others = tuple(name for other, name in shown.items() if other != number)
            assigned.append(replace(known, identity=self.people[number].identity, avoid=others))
        return assigned

    def remember(self, targets: Sequence[Target], numbers: Sequence[int]) -> None:
        """Note who the people behind finished ``targets`` became; ``numbers`` as of ``assign``."""
        if not self.options.draws:
            return
        credit = self.options.load_method().credit
        for target, number in zip(targets, numbers, strict=True):
            if number < 0 or target.black or not target.reference:
                continue
            if not (person := self.people[number]).reference:
                person.reference = target.reference
                person.identity = credit(target.reference).get("identity", "")

    def who(self, vectors: Tensor) -> list[int]:
        """The person behind each vector (F, D), old or new; the most alike pairs are told first."""
        known = list(enumerate(self.people))
        pairs = [(person.similarity(v), k, number) for k, v in enumerate(vectors) for number, person in known]
        numbers: dict[int, int] = {}
        for similarity, k, number in sorted(pairs, reverse=True):
            if similarity > SAME and k not in numbers and number not in numbers.values():
                numbers[k] = number
        for k, vector in enumerate(vectors):
            if k not in numbers:
                numbers[k] = len(self.people)
                self.people.append(Member([]))
            self.people[numbers[k]].vectors.append(vector)
        return [numbers[k] for k in range(len(vectors))]
