"""The objectives of networks that draw whole faces."""

from dataclasses import replace

import torch


def test_half_of_the_examples_are_mirrored_if_the_recipe_says_so(crops, short, objective_for):
    for flips in (False, True):
        examples = objective_for(replace(short, flips=flips)).examples(crops, [0] * 32)
        mirrored = [torch.equal(example, crops[0].flip(2)) for example in examples]
        assert all(
            flip or torch.equal(example, crops[0]) for example, flip in zip(examples, mirrored, strict=True)
        )
        assert (8 < sum(mirrored) < 24) if flips else not any(mirrored)
