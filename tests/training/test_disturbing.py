"""A disturbed face is the same face under other light, a little elsewhere; the same seed gives the same."""

import torch

from deid.photo.colour import lab
from deid.training import disturbing


def random(seed=0):
    return torch.Generator().manual_seed(seed)


def test_the_same_seed_disturbs_alike_and_every_face_in_its_own_way():
    faces = torch.rand(1, 3, 64, 64, generator=random()).expand(4, -1, -1, -1) - 0.5
    first, again, other = (disturbing.disturbed(faces, random(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert not torch.allclose(first[0], first[1], atol=0.05)


def test_new_light_is_smooth():
    """Two halves of a fine pattern stay as different from each other as they were, nearly everywhere."""
    pattern = torch.tensor([[-0.2, 0.2], [0.2, -0.2]]).repeat(32, 32).expand(8, 3, 64, 64)
    made = disturbing.recoloured(pattern, random())
    contrast = made.diff(dim=3).abs()
    assert (contrast > 0.05).float().mean() > 0.95
    assert made.mean((1, 2, 3)).std() > 0.1 and (made - made.mean((2, 3), keepdim=True)).abs().max() < 1.5


def portrait(count):
    """A face of one colour over a neck of the same, before a blue wall; and where the face's skin is."""
    faces, skins = torch.empty(count, 3, 64, 64), torch.zeros(count, 1, 64, 64)
    faces[:] = torch.tensor([-0.5, -0.3, 0.5])[:, None, None]
    faces[..., 12:64, 20:44] = torch.tensor([0.5, 0.1, -0.1])[:, None, None]
    skins[..., 14:40, 22:42] = 1
    return faces + 0.02 * torch.randn(faces.shape, generator=random()), skins


def test_a_retoned_skin_goes_on_into_the_neck_and_the_wall_stays():
    faces, skins = portrait(32)
    other = [disturbing.retoned(faces, skins, share, random()) for share in (0.0, 1.0)]
    apart = [(lab(part[1]) - lab(part[0]))[:, 0] for part in ([other[0], other[1]],)][0]
    face, neck, wall = (
        part.mean((1, 2)) for part in (apart[:, 16:38, 24:40], apart[:, 48:62, 24:40], apart[:, :, :12])
    )
    assert face.std() > 5, "some are darker, some lighter"
    assert (face - neck).abs().max() < 0.4 * face.abs().max() and wall.abs().max() < 1
    assert torch.equal(other[1], disturbing.retoned(faces, skins, 1.0, random()))


def test_a_moved_face_stays_near_its_place():
    spot = torch.full((16, 3, 64, 64), -1.0)
    spot[..., 28:36, 28:36] = 1
    weight = disturbing.moved(spot, random()).mean(1) + 1
    steps = torch.arange(64.0)
    x = (weight.sum(1) * steps).sum(1) / weight.sum((1, 2))
    y = (weight.sum(2) * steps).sum(1) / weight.sum((1, 2))
    away = torch.stack([x, y], 1) - 31.5
    assert 0.5 < away.norm(dim=1).mean() < 6
