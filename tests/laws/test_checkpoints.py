"""
The laws of checkpoints.
"""

from __future__ import annotations

import pytest

from hypothesis import given
from hypothesis import strategies as st

from meterbook.foundation.errors import ForgedNoteError, MalformedNoteError
from meterbook.proof.checkpoints import (
    SIZE_MAX,
    Checkpoint,
    open_checkpoint,
    sign_checkpoint,
)
from meterbook.proof.keys import Signer
from meterbook.proof.merkle import EMPTY_ROOT
from meterbook.proof.notes import sign_note


ANN = Signer(name="ann", seed=bytes(32))

# The example of C2SP's tlog-checkpoint.
SOFA = (
    "example.com/behind-the-sofa\n"
    "20852163\n"
    "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
)

lines = st.text(
    st.characters(min_codepoint=0x20, codec="utf-8"), min_size=1, max_size=30
)
checkpoints = st.builds(
    Checkpoint,
    origin=lines,
    size=st.integers(1, SIZE_MAX),
    root=st.binary(min_size=32, max_size=32),
    extensions=st.lists(lines, max_size=2).map(tuple),
) | st.builds(Checkpoint, origin=lines, size=st.just(0), root=st.just(EMPTY_ROOT))


def test_the_checkpoint_in_the_standard_is_read() -> None:
    """
    The example of C2SP's tlog-checkpoint says what it says, and is written so again.
    """
    checkpoint = Checkpoint.from_text(SOFA)

    assert checkpoint.origin == "example.com/behind-the-sofa"
    assert checkpoint.size == 20_852_163
    assert checkpoint.root.hex()[:16] == "0ac5186a91863e8e"
    assert checkpoint.to_text() == SOFA


@given(checkpoint=checkpoints)
def test_what_was_signed_is_opened(checkpoint: Checkpoint) -> None:
    """
    Any checkpoint comes back from its note.
    """
    note = sign_checkpoint(checkpoint, [ANN])

    assert open_checkpoint(note.encode(), [ANN.verifier]) == checkpoint


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        pytest.param("a\n1\n", "three lines", id="two lines"),
        pytest.param(
            SOFA.replace("example.com/behind-the-sofa", ""), "empty", id="who"
        ),
        pytest.param(SOFA + "\n", "no empty lines", id="an empty line"),
        pytest.param(SOFA.replace("208", "0208"), "line 2", id="a leading zero"),
        pytest.param(SOFA.replace("208", "-208"), "line 2", id="negative"),
        pytest.param(SOFA.replace("20852163", "٣"), "line 2", id="other digits"),
        pytest.param(SOFA.replace("20852163", str(2**63)), "line 2", id="too large"),
        pytest.param(SOFA.replace("20852163", "0"), "size 0", id="not the empty root"),
        pytest.param(
            SOFA.replace("2I=", "2J="), "line 3", id="another way to write it"
        ),
        pytest.param(SOFA.replace("CsUY", ""), "line 3", id="29 bytes"),
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str, sentence: str) -> None:
    """
    A text that is signed, and is not a checkpoint, is refused by its line.
    """
    note = sign_note(text, [ANN]).encode()

    with pytest.raises(MalformedNoteError, match=sentence):
        open_checkpoint(note, [ANN.verifier])


def test_another_root_is_forged() -> None:
    """
    A checkpoint to which another root was written is not opened.
    """
    note = sign_note(SOFA, [ANN]).replace("CsUY", "CsUZ")

    with pytest.raises(ForgedNoteError):
        open_checkpoint(note.encode(), [ANN.verifier])
