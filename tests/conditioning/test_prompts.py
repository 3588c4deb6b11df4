import pytest

from skyreels_a2.conditioning.prompts import TEXT_LENGTH, clean_prompt, lost_text, tokenize


def test_cleaning_mends_unescapes_and_collapses():
    assert clean_prompt("  a   cafÃ©\n&amp;amp; a\tbear ") == "a café & a bear"


@pytest.mark.parametrize("prompt", ["a", "a bear waves", "word " * 600])
def test_every_prompt_is_512_tokens(pipeline, prompt):
    ids, mask = tokenize(pipeline.tokenizer, prompt)
    assert ids.shape == mask.shape == (1, TEXT_LENGTH)


def test_a_short_prompt_loses_nothing_and_warns_of_nothing(pipeline, caplog):
    tokenize(pipeline.tokenizer, "a bear waves")
    assert lost_text(pipeline.tokenizer, "a bear waves") == ""
    assert not caplog.records


def test_a_long_prompt_warns_with_the_words_that_were_lost(pipeline, caplog):
    prompt = "the bear walks " * 300 + "until it meets the astronaut"
    tokenize(pipeline.tokenizer, prompt)
    assert "cut off" in caplog.text
    assert lost_text(pipeline.tokenizer, prompt).endswith("until it meets the astronaut")


def test_what_is_kept_and_what_is_lost_make_the_prompt(pipeline):
    prompt = "the bear walks " * 300
    ids, _ = tokenize(pipeline.tokenizer, prompt)
    kept = pipeline.tokenizer.decode(ids[0], skip_special_tokens=True)
    lost = lost_text(pipeline.tokenizer, prompt)
    assert f"{kept}{lost}".replace(" ", "") == prompt.replace(" ", "")
