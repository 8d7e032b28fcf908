"""Sex and age are learned from labelled faces, and from photographed ones that these have judged."""

import json

import pytest
import torch

from deid.recognition import traits
from deid.references.library import Library
from deid.training.coherence import __main__ as command
from deid.training.coherence import traits as learning


@pytest.fixture(scope="module")
def known():
    """Kinds whose first number tells the first trait, in surroundings less clearly."""
    random = torch.Generator().manual_seed(0)
    kinds = torch.randn(900, 64, generator=random)
    labels = torch.stack([(kinds[:, k] > 0.3).float() for k in range(3)], 1)
    around = kinds + 2 * torch.randn(900, 64, generator=random)
    return learning.KnownFaces(
        *(torch.nn.functional.normalize(part, dim=1) for part in (kinds, around)), labels
    )


def test_what_faces_tell_is_learned_for_surroundings(known):
    photos = known.faces[500:], known.surroundings[None, 500:]
    few = learning.KnownFaces(known.faces[:500], known.surroundings[:500], known.labels[:500])
    weights = learning.learn(few, photos)
    rest = known.labels[500:] > 0.5
    sure = {}
    for name, least in (("faces", 0.85), ("surroundings", 0.6)):
        found = traits.likely(getattr(known, name)[500:], weights[name])
        assert weights[name].shape == (3, 65)
        assert ((found > 0.5) == rest).float().mean() > least
        sure[name] = (found - 0.5).abs().mean()
    assert sure["surroundings"] < sure["faces"]


def test_scores_are_of_faces_that_were_not_learned_from(known):
    shuffled = learning.KnownFaces(
        known.faces,
        known.surroundings,
        known.labels[torch.randperm(900, generator=torch.Generator().manual_seed(1))],
    )
    photos = known.faces[:50], known.surroundings[None, :50]
    assert learning.scores(known, photos)["faces"].min() > 0.9
    assert (learning.scores(shuffled, photos)["faces"] - 0.5).abs().max() < 0.2


def test_the_command_line_learns_from_a_library_and_crops(library_path, crops, tmp_path, capsys):
    folder = crops.paths[0].parent.parent
    library, labels = Library.open(library_path), tmp_path / "labels.json"
    names = [reference.name for reference in library.references]
    labels.write_text(json.dumps({trait: names[k::3] for k, trait in enumerate(traits.NAMES)}))
    out = tmp_path / "traits.safetensors"
    call = ["traits", str(library_path), str(labels), "--crops", str(folder), "-o", str(out)]
    assert command.main(call) == 0
    assert "area under the ROC curve" in capsys.readouterr().out and out.is_file()
    assert command.main([*call[:1], str(tmp_path / "none"), *call[2:]]) == 1
