"""What a track is hidden behind, frame by frame."""

from deid.anonymization.options import Options
from deid.photo.alignment import DCGAN_FRAME
from deid.video.disguises import Disguise, of_target

from .test_poses import face

OPTIONS = Options(method="onepass")
GIVEN = Disguise("onepass", "forehead", 7, 0.5, "someone", frame=DCGAN_FRAME.resized(128))


def test_all_frames_show_the_same_person():
    targets = [GIVEN.target(face(x=100 + k), OPTIONS) for k in range(3)]
    assert {(t.seed, t.reference, t.mask, t.method, t.frame.size) for t in targets} == {
        (7, "someone", "forehead", "onepass", 128)
    }


def test_a_lost_face_is_behind_a_larger_mask():
    assert GIVEN.target(face(), OPTIONS, lost=True).mask == "face-120"


def test_black_stays_black():
    black = GIVEN.blacked_out("for a reason")
    target = black.target(face(), OPTIONS)
    assert target.black and target.reason == "for a reason" and black.reference == ""


def test_a_disguise_follows_from_its_target():
    target = GIVEN.target(face(), OPTIONS)
    assert of_target(target, GIVEN) == GIVEN
