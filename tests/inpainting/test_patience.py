"""A face whose loss does not fall any more is done: its latents stay as they were."""

import torch

from deid.inpainting.patience import Patience
from deid.inpainting.settings import Search


def test_a_face_that_does_not_get_better_is_done_and_stays():
    patience, latents = Patience(Search(1, 10, patience=2), 2), torch.zeros(2, 1, 1, 3)
    falling = [1.0, 0.9, 0.8, 0.7, 0.6]
    for k, loss in enumerate(falling):
        latents += 1
        patience.hold(latents, torch.tensor([[0.5], [loss]]), 5 + k)
        assert not patience.exhausted
    assert patience.done.tolist() == [True, False]
    assert (latents[1] == 5).all() and (latents[0] < 5).all()


def test_nothing_is_done_in_the_first_half_or_without_patience():
    for settings, iteration in ((Search(1, 10, patience=1), 4), (Search(1, 10), 9)):
        patience = Patience(settings, 1)
        for _ in range(5):
            patience.hold(torch.zeros(1, 1, 1, 3), torch.ones(1, 1), iteration)
        assert not patience.exhausted
