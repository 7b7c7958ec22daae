"""Messages as people read them."""

from perch.formatting import clipped


def test_a_long_message_keeps_its_first_line_and_its_end():
    message = "it ended after epoch 1\n" + "x" * 5000 + "\nthe last line"
    short = clipped(message, 200)
    assert len(short) == 200
    assert short.startswith("it ended after epoch 1\n…\n")
    assert short.endswith("\nthe last line")
    assert clipped("as it is") == "as it is"
