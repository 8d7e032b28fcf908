"""Methods by name, each with weights of its own family."""

import pytest

from deid.generators import WeightsError
from deid.inpainting import METHODS, Method, load_method


@pytest.mark.parametrize("name", METHODS)
def test_every_method_is_of_its_own_family_and_loaded_once(name, library_path):
    weights = "" if METHODS[name].weights else str(library_path)
    method = load_method(name, weights)
    assert isinstance(method, Method) and method.family == name
    assert load_method(name, weights) is method


def test_weights_of_another_family_are_refused_with_the_fix():
    with pytest.raises(WeightsError, match="dcgan-64: a dcgan network; use --method dcgan with it"):
        load_method("stylegan2", "dcgan-64")
