"""Learning a look: what can be told is found on examples that were not trained on, what cannot is not."""

import pytest
import torch

from deid.references import learning, looks
from deid.references.learning import cross_validated, fit, judged, learn


@pytest.fixture
def data():
    """300 examples (300, 2, 40) of which a fifth is labelled, and shifted by twice their spread."""
    random = torch.Generator().manual_seed(3)
    labels = (torch.rand(300, generator=random) < 0.2).float()
    features = torch.randn(300, 2, 40, generator=random)
    features[..., 0] += 4 * labels[:, None]
    return features, labels


def test_what_differs_is_learned_and_held_out_examples_are_told(data):
    features, labels = data
    weights, bias = fit(features, labels)
    right = ((features.mean(1) @ weights + bias > 0) == (labels > 0)).float().mean()
    assert right > 0.97 and weights.abs().argmax() == 0
    score = judged(cross_validated(features, labels), labels, 0.9)
    assert score.precision > 0.9 and score.recall >= 0.9 and score.average > 0.95


def test_held_out_scores_of_noise_are_noise(data):
    features, labels = data
    score = judged(cross_validated(features[..., 1:], labels), labels, 0.9)
    assert score.average < 0.35 and score.precision < 0.35


def test_judging_counts_as_defined():
    scores, labels = torch.tensor([4.0, 3, 2, 1, 0]), torch.tensor([1.0, 0, 1, 0, 1])
    found = judged(scores, labels, 0.6)
    assert (found.labelled, found.rejected, found.threshold) == (3, 3, 2.0)
    assert found.recall == pytest.approx(2 / 3) and found.precision == pytest.approx(2 / 3)
    assert found.average == pytest.approx((1 + 2 / 3 + 3 / 5) / 3)


def test_the_classifier_is_written_as_it_is_read(data, tmp_path, monkeypatch, small):
    features, labels = data
    features = torch.nn.functional.pad(features, (0, looks.WIDTH - 40))
    names = [f"portrait-{number}" for number in range(300)]
    marked = {name for name, label in zip(names, labels.tolist(), strict=True) if label}
    monkeypatch.setattr(learning, "RECALL", {"grimace": 0.7, "painted": 0.9})
    known = {"grimace": marked, "painted": marked, "covered": set()}
    table = learn(names, features, known, tmp_path / "looks.safetensors")
    assert set(table) == {"grimace", "painted"} and table["painted"].recall > table["grimace"].recall
    monkeypatch.setattr(looks, "WEIGHTS", tmp_path / "looks.safetensors")
    looks._classifier.cache_clear()
    known, weights, bias = looks._classifier()
    looks._classifier.cache_clear()
    assert known == ["grimace", "painted"] and weights.shape == (2, looks.WIDTH) and bias.shape == (2,)
    rejected = features.mean(1) @ weights[1] + bias[1] > 0
    assert (rejected == (labels > 0)).float().mean() > 0.93


def test_portraits_without_one_clear_face_are_no_examples(two_people):
    found = list(learning.examples(two_people))
    assert [pair and pair[0] for pair in found] == ["left", "right", None]
    assert found[0][1].shape == (2, looks.WIDTH)
