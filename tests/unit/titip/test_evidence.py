"""Evidence has grades: below a reference nothing may be freed for it."""

import pytest

from titip.evidence import Doubt, Evidence


@pytest.mark.parametrize("evidence", list(Evidence))
def test_every_grade_has_words_for_a_receipt(evidence):
    assert evidence.words.isprintable()
    assert evidence.words


def test_a_status_alone_is_not_enough_to_let_the_bytes_go():
    enough = {one for one in Evidence if one.enough}

    assert enough == {Evidence.REFERENCE, Evidence.PERSON, Evidence.DIGEST}


def test_an_answer_that_would_come_again_is_the_stronger_doubt():
    assert max(Doubt.UNHEARD, Doubt.ANSWERED) is Doubt.ANSWERED
    assert not Doubt.NONE
