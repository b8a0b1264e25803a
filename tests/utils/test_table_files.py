"""Tables as other programs write them."""

from __future__ import annotations

import pytest

from runner.errors import RunnerError
from runner.utils.table_files import read_table


@pytest.mark.parametrize(
    "text",
    [
        "a,b\n1,2\n3,4\n",
        "a;b\r\n1;2\r\n3;4",
        "A\t B \n1\t2\n3\t4\n",
        'sep=;\n"a";"b"\n"1";"2"\n3; 4\n',
        "\n# about\na, b\n\n# more\n1, 2\n3, 4\n\n",
    ],
)
def test_the_same_table(text: str) -> None:
    table = read_table(text, "the table")
    assert table.titles == ("a", "b")
    assert [cells for _, cells in table.rows] == [["1", "2"], ["3", "4"]]


def test_lines_are_those_of_the_file() -> None:
    table = read_table('# one\na,b\n"x\n# no comment\n\ny",2\n\n3,4\n', "the table")
    assert list(table.rows) == [(3, ["x\n# no comment\n\ny", "2"]), (8, ["3", "4"])]
    assert table.column("b") == 1


def test_one_column_and_none() -> None:
    assert list(read_table("path\na,b.jpg\n", "the table").rows) == [(2, ["a", "b.jpg"])]
    assert read_table("", "the table").titles == ()


def test_broken_quotes_name_the_line() -> None:
    with pytest.raises(RunnerError, match=r"^the table, line 2: not valid CSV"):
        list(read_table('a,b\n"1,2\n', "the table").rows)
