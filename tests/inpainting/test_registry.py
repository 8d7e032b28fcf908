"""Methods by name, each with weights of its own family."""

import pytest

from deid.generators import WeightsError
from deid.inpainting import METHODS, Method, load_method


@pytest.mark.parametrize("name", METHODS)
def test_every_method_has_weights_that_ship(name):
    method = load_method(name)
    assert isinstance(method, Method) and method.generator.family == name
    assert load_method(name) is method, "loaded once"


def test_weights_of_another_family_are_refused_with_the_fix():
    with pytest.raises(WeightsError, match="dcgan-64: a dcgan network; use --method dcgan with it"):
        load_method("stylegan2", "dcgan-64")
