"""The kind of person that fits into a hole: told from visible pixels alone, in a recogniser's space."""

import pytest
import torch

from deid.photo import masks
from deid.recognition import coherence, recognisers


@pytest.fixture(scope="module")
def holes(crops):
    """Six photographed faces of 64 px, what is visible of them, their landmarks as fractions."""
    points = crops.landmarks
    visible = torch.cat([masks.frame_mask("face", place, 64) for place in points])
    return crops.batch(range(len(crops))), visible, (points + 0.5) / 64


def test_what_is_hidden_does_not_matter_and_what_is_visible_does(holes):
    crops, visible, landmarks = holes
    noise = torch.where(visible > 0.5, crops, torch.rand_like(crops) * 2 - 1)
    found = coherence.kinds_around(crops, visible, landmarks)
    assert torch.equal(coherence.kinds_around(noise, visible, landmarks), found)
    recoloured = coherence.kinds_around(crops.flip(1), visible, landmarks)
    assert not torch.allclose(recoloured, found, atol=0.01)


def test_each_face_is_judged_by_itself(holes):
    found = coherence.kinds_around(*holes)
    assert found.shape == (6, coherence.LENGTH)
    assert found.norm(dim=1).tolist() == pytest.approx([1] * 6, abs=1e-5)
    for k in range(6):
        alone = coherence.kinds_around(*(part[k : k + 1] for part in holes))
        assert torch.equal(alone[0], found[k])


def test_surroundings_are_nearer_to_the_face_that_belongs_there(holes):
    """On average: it knows the kind of person, not the person."""
    crops, visible, landmarks = holes
    embeddings = recognisers.embed_crops(coherence.RECOGNISER, crops, landmarks * 64 - 0.5, 2)
    faces = coherence.load_coherence().faces(embeddings)
    similar = coherence.kinds_around(crops, visible, landmarks) @ faces.T
    own = similar.diagonal().mean()
    assert own > (similar.sum() - similar.trace()) / 30 + 0.05
