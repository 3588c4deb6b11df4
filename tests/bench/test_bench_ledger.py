import pytest

from skyreels_a2.bench.ledger import Ledger
from skyreels_a2.errors import OutputError


def test_lines_come_back_in_order(tmp_path):
    ledger = Ledger(tmp_path / "new" / "rows.jsonl")
    assert list(ledger.read()) == []
    ledger.append({"n": 1, "text": "Füchse"})
    ledger.append({"n": 2})
    assert [row["n"] for row in ledger.read()] == [1, 2]


@pytest.mark.parametrize("rest", ['{"n": 2, "te', '{"n": 2', "\n{"])
def test_a_line_cut_off_by_a_kill_is_left_out_and_the_next_one_is_whole(tmp_path, rest):
    ledger = Ledger(tmp_path / "rows.jsonl")
    ledger.append({"n": 1})
    with ledger.path.open("a") as file:
        file.write(rest)
    assert [row["n"] for row in ledger.read()] == [1]
    ledger.append({"n": 3})
    assert [row["n"] for row in ledger.read()] == [1, 3]


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        Ledger(tmp_path / "file" / "rows.jsonl").append({"n": 1})
