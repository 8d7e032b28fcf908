"""The names by which a face or a region is hidden."""

from deid.anonymization import choices, obfuscation
from deid.anonymization.options import CHOICES


def test_every_classical_method_has_its_function_and_a_method_may_be_each():
    assert tuple(obfuscation.OBFUSCATIONS) == choices.CLASSICAL
    assert set(choices.CLASSICAL) < set(CHOICES["method"])


def test_a_doubtful_face_may_become_what_a_person_can_decide():
    assert CHOICES["doubtful"] == choices.DO == ("replace", "blackout", "keep")
