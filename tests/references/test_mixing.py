"""Two faces joined: each detail is one person's, no seam is seen, and the third person is neither of them."""

import pytest
import torch

from deid.photo import detection, masks
from deid.photo.alignment import DCGAN_FRAME
from deid.photo.blending import gaussian
from deid.recognition import recognisers
from deid.references import casting, mixing, people, rendering
from deid.references.library import Library

SIZE = 256
POINTS = DCGAN_FRAME.resized(SIZE).points()
VISIBLE = masks.frame_mask("face", POINTS, SIZE)


@pytest.fixture(scope="module")
def library(library_path):
    return Library.open(library_path)


def shown(library, *names):
    return rendering.fit(library, "+".join(f"openpeople/{name}" for name in names), POINTS, VISIBLE)


def detail(images, rows):
    part = (images - gaussian(images, 2.0))[..., rows, 90:166].flatten()
    return part - part.mean()


def alike(one, other, rows):
    return torch.cosine_similarity(detail(one, rows), detail(other, rows), dim=0).item()


def test_eyes_are_the_first_ones_and_the_mouth_is_the_second_ones(library):
    first, second = shown(library, "P001-neutral"), shown(library, "P003-neutral")
    joined = shown(library, "P001-neutral", "P003-neutral")
    eyes, mouth = slice(80, 122), slice(150, 215)
    for place, owner, other in ((eyes, first, second), (mouth, second, first)):
        assert alike(joined.picture, owner.picture, place) > 0.97
        assert alike(joined.picture, other.picture, place) < 0.6
    rows = torch.arange(SIZE)
    for fitted, where in ((first, rows < 120), (second, rows > 150)):
        assert (joined.weight != fitted.weight)[:, :, where].float().mean() < 0.02


def test_the_seam_rises_beside_the_eyes():
    """Half of a beard is no one's: sideburns of the upper one would end in a line."""
    upper, lower = torch.full((1, 3, SIZE, SIZE), -0.1), torch.full((1, 3, SIZE, SIZE), 0.1)
    whole = torch.ones(2, 1, SIZE, SIZE)
    whole[0] = 0
    _, weight = mixing.join(upper, lower, whole, POINTS)
    eyes, across = POINTS[:2].mean(0), POINTS[1, 0] - POINTS[0, 0]
    row, below = int(eyes[1]), int(eyes[1] + 0.3 * across)
    beside, corner = int(eyes[0] + 0.85 * across), int(POINTS[1, 0])
    assert weight[0, 0, row, beside] == 1, "at the temple the lower one"
    assert weight[0, 0, row, corner] == 0 and weight[0, 0, below, corner] == 0, "around the eye the upper one"


def test_one_face_joined_with_itself_stays_as_it_is(library):
    fitted = shown(library, "P001-neutral")
    weights = fitted.weight.expand(2, 1, -1, -1)
    picture, weight = mixing.join(fitted.picture, fitted.picture, weights, POINTS)
    assert (picture - fitted.picture).abs().max() < 1e-4 and torch.equal(weight, fitted.weight)


def test_no_seam_is_seen_between_a_lighter_and_a_darker_part():
    noise = 0.1 * torch.randn(1, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    whole = torch.ones(2, 1, SIZE, SIZE)
    joined, _ = mixing.join(noise - 0.2, noise + 0.02, whole, POINTS)
    steps = joined.mean((0, 1, 3)).diff().abs()
    assert steps[100:160].max() < 0.02, "a step of 0.22 without the tone and the wide transition"
    assert abs(joined[..., -40:, :].mean() - joined[..., :40, :].mean()) < 0.03


def test_who_is_joined_is_a_third_person_and_is_found_as_a_face(library):
    """Alike to either parent, but less than pictures of one person are to each other."""
    fronts = torch.tensor([abs(r.attributes["yaw"]) < 12 for r in library.references])
    distance = torch.where(fronts, 1.0, 9.0).expand(2, -1)
    chosen = [pair for pair in casting.pairs(library, distance) if pair.distance < 2]
    assert len(chosen) >= 6
    similar = []
    for pair in chosen:
        parents = [people.name_of(library.references[k], mirrored) for k, mirrored in pair[:2]]
        pictures = [
            rendering.fit(library, name, POINTS, VISIBLE).picture for name in ("+".join(parents), *parents)
        ]
        assert len(detection.detect(pictures[0])[0]) == 1
        child, *both = recognisers.embed_crops("openface", torch.cat(pictures), POINTS.expand(3, 5, 2), 1)
        similar += [(child @ parent).item() for parent in both]
    identities = [reference.identity for reference in library.references]
    own = [
        (library.embeddings[i] @ library.embeddings[j]).item()
        for i, j in torch.combinations(fronts.nonzero()[:, 0]).tolist()
        if identities[i] == identities[j]
    ]
    print(f"similarity of {len(chosen)} pairs to their parents: median {torch.tensor(similar).median():.2f};")
    print(f"of {len(own)} two pictures of one person: median {torch.tensor(own).median():.2f}")
    assert torch.tensor(similar).median() < torch.tensor(own).median() - 0.1
