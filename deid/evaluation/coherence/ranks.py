"""The rank of a person's own face among many, told from what surrounds it."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from deid.data.crops import FaceCrops
from deid.inpainting.guessing import Guesser
from deid.inpainting.interface import MaskedFaces
from deid.photo import masks
from deid.recognition import coherence, recognisers
from deid.references.matching import Sketch
from deid.training.coherence.relighting import relight

FRAME = 128  # pixels that a face is guessed at
STRENGTH = 1.0  # of the other light that either side is shown in


@dataclass(frozen=True)
class Ranks:
    """The median rank of the own face (1 is first), and the share of faces whose own came first."""

    median: float
    first: float


def ranks_of(similarity: Tensor, own: Tensor) -> Ranks:
    """Ranks of the columns ``own`` (P,) by similarity (P, N): one more than there are better ones."""
    mine = similarity.gather(1, own[:, None])
    places = (similarity > mine).sum(1) + 1
    return Ranks(places.double().quantile(0.5).item(), (places == 1).double().mean().item())


@dataclass(frozen=True)
class Known:
    """What is known of a hidden face: what is matched with, and the guessed ``person`` (128,)."""

    sketch: Sketch
    person: Tensor


def hide_and_guess(crops: Tensor, landmarks: Tensor, guesser: Guesser) -> Iterator[Known]:
    """What is known of each face of crops (N, 3, S, S) once it is hidden; landmarks (N, 5, 2) in pixels."""
    for crop, points in zip(crops.split(1), landmarks.split(1), strict=True):
        visible = masks.frame_mask("face", points[0].double(), crop.shape[3])
        masked = MaskedFaces(crop, visible, [0], points)
        guess = guesser.guess(masked)
        person = recognisers.embed_crops(coherence.RECOGNISER, guess.frames(masked), points, 1)
        yield Known(guess.sketches[0], person[0])


def own_face_ranks(
    crops: FaceCrops, chosen: list[int], probes: int, relit: bool, seed: int = 0
) -> Iterator[dict[str, Ranks] | int]:
    """For the first ``probes`` of the crops ``chosen``: where is the own face among those of all of them?

    By the kind of person that fits, by the person that was guessed, and by both. With ``relit`` surroundings
    and faces are in other light than each other. Yields how many are done, then the ranks.
    """
    random = torch.Generator().manual_seed(seed)
    around, faces = (
        (relight(crops.batch(chosen), random, STRENGTH) if relit else crops.batch(chosen)) for _ in range(2)
    )
    landmarks = crops.landmarks[chosen]
    embeddings, known, guesser = [], [], Guesser()
    for k, (face, points) in enumerate(zip(faces.split(1), landmarks.split(1), strict=True)):
        embeddings.append(recognisers.embed_crops(coherence.RECOGNISER, face, points, 2))
        yield k + 1
    larger = FRAME / crops.batch([0]).shape[3]
    wide = F.interpolate(around[:probes], (FRAME, FRAME), mode="bicubic").clamp(-1, 1)
    for one in hide_and_guess(wide, (landmarks[:probes] + 0.5) * larger - 0.5, guesser):
        known.append(one)
        yield len(embeddings) + len(known)
    gallery = torch.cat(embeddings)
    with torch.inference_mode():
        kind = torch.stack([one.sketch.kind for one in known]) @ coherence.load_coherence().faces(gallery).T
    person = torch.stack([one.person for one in known]) @ gallery.T
    own = torch.arange(len(known))
    yield {"kind": ranks_of(kind, own), "guess": ranks_of(person, own), "both": ranks_of(kind + person, own)}
