"""What the tests of inpainting share: the DCGAN that ships, two faces of its own, and their holes."""

import pytest
import torch

from deid.generators import load_discriminator, load_generator
from deid.inpainting import MaskedFaces
from deid.photo import masks
from deid.photo.alignment import DCGAN_FRAME


@pytest.fixture(scope="session")
def networks():
    return load_generator(), load_discriminator()


@pytest.fixture(scope="session")
def sampled(networks) -> torch.Tensor:
    """Two faces of the generator itself: a search can reach them."""
    z = networks[0].sample_z(2, torch.Generator().manual_seed(11))
    with torch.no_grad():
        return networks[0](z)


@pytest.fixture(scope="session")
def visible() -> torch.Tensor:
    return masks.frame_mask("centre-32", DCGAN_FRAME.points(), 64).expand(2, -1, -1, -1)


@pytest.fixture
def masked(sampled, visible) -> MaskedFaces:
    """Both faces, with seeds 1 and 2."""
    return MaskedFaces(sampled, visible, [1, 2])


@pytest.fixture
def large_masked(crops) -> MaskedFaces:
    """Two photographed faces of 256 px with holes."""
    large = crops.at(256)
    points = large.landmarks[:2]
    visible = torch.cat([masks.frame_mask("face", place, 256) for place in points])
    return MaskedFaces(large.batch([0, 1]), visible, [1, 2], points)
