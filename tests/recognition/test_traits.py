"""Sex and age are told from faces, and never for sure from surroundings."""

import torch

from deid.recognition import traits
from deid.references.library import Library


def test_faces_of_the_library_are_told(library_path):
    library = Library.open(library_path)
    found = traits.of_faces(library.embeddings)
    assert found.shape == (len(library), 3) and found.min() >= 0 and found.max() <= 1
    bearded = torch.tensor([reference.identity == "P005" for reference in library.references])
    woman, child, elderly = found.unbind(1)
    assert woman[bearded].max() < 0.3 and woman[~bearded].mean() > 2 * woman[bearded].mean()
    assert child.max() < 0.5 and elderly.max() < 0.5, "ten adults"


def test_a_kind_between_both_is_told_as_such():
    kinds = torch.nn.functional.normalize(
        torch.randn(200, 64, generator=torch.Generator().manual_seed(0)), dim=1
    )
    around = traits.of_surroundings(kinds)
    assert around.shape == (200, 3) and around.min() > 0 and around.max() < 1
    weights = torch.zeros(1, 65)
    weights[0, 0], weights[0, -1] = 2.0, -1.0
    kind = torch.zeros(1, 64)
    kind[0, 0] = 0.5
    assert traits.likely(kind, weights).item() == 0.5


def test_what_is_rare_counts_more():
    """Surroundings that speak half as much for a child as for an adult get a child rather than by chance."""
    faces = torch.tensor([[0.5, 0.95, 0.02], [0.5, 0.02, 0.02]])
    perhaps, hardly = torch.tensor([[0.5, 0.35, 0.1]]), torch.tensor([[0.5, 0.05, 0.1]])
    child, adult = traits.agreement(faces, perhaps)
    assert child > adult
    child, adult = traits.agreement(faces, hardly)
    assert child < adult


def test_in_doubt_it_is_a_woman():
    """Surroundings that say no more of one than of the other fit a woman's face better than a man's."""
    woman, man = (torch.tensor([[share, 0.0, 0.0]]) for share in (1.0, 0.0))
    for around, fits in ((0.6, True), (0.4, False)):
        scores = [traits.agreement(face, torch.tensor([[around, 0.1, 0.1]])).item() for face in (woman, man)]
        assert (scores[0] > scores[1]) == fits


def test_what_looks_old_is_less_of_a_man_than_it_seems(monkeypatch):
    """Two heads of hair that seem a man's as much as each other: the older one is rather a woman's."""
    weights = {"surroundings": torch.zeros(3, 65)}
    weights["surroundings"][:, -1] = torch.tensor([-0.7, -2.0, -3.0])
    weights["surroundings"][2, 0] = 3.0
    monkeypatch.setattr(traits, "load", lambda: weights)
    young, old = traits.of_surroundings(torch.eye(64)[[1, 0]])
    assert old[0] > 0.5 > young[0]
