"""The recognisers by name."""

import re

import pytest

from deid.recognition import choices, recognisers
from deid.recognition.recognisers import RecogniserError


def test_a_name_is_known_or_refused_with_all_names():
    assert set(recognisers.JUDGES) < set(choices.NAMES)
    with pytest.raises(RecogniserError, match=re.escape(", ".join(choices.NAMES))):
        recognisers.load("guesswork")
