"""CSV and TSV by their SPEC: what pandas, R and spreadsheets save, and tables of which a column is doubtful."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

from makers.golden import write_invalid, write_valid

WORDS: list[str | bytes] = ["the", "frog", "\u017e\u00e1ba"]
ROWS = ["0.5 -1.5", "2.25 3", "1 0.125"]
BODY = "the,0.5,-1.5\nfrog,2.25,3\n\u017e\u00e1ba,1,0.125\n"
TEXT = f"word,d0,d1\n{BODY}"
QUOTED = '"the",0.5,-1.5\n"frog",2.25,3\n"\u017e\u00e1ba",1,0.125\n'
COUNTED = "columns that count the rows left out: 1, the first 1"
SKIP = "`on_error='skip'` leaves such lines out"


def make(folder: Path) -> None:
    """Write the files of formats/csv."""

    def valid(name: str, text: str | bytes, about: str, words: list[str | bytes] = WORDS, **more: Any) -> None:
        data = text.encode() if isinstance(text, str) else text
        rows = more.pop("rows", ROWS)
        write_valid(folder, name if "." in name else f"{name}.csv", data, about, words, rows, **more)

    valid("plain", TEXT, "a header, words first")
    valid("no_header", BODY, "no header")
    valid("words_last", "d0,d1,term\n0.5,-1.5,the\n2.25,3,frog\n", "words last", WORDS[:2], rows=ROWS[:2])
    valid("pandas_index", f",0,1\n{BODY}", "pandas' to_csv: the index has the words")
    counted = "".join(f"{number},{line}\n" for number, line in enumerate(BODY.splitlines()))
    valid("pandas_counter", f",word,0,1\n{counted}", "pandas' index counts the rows", warnings=(COUNTED,))
    valid("pandas_counter_alone", counted, "such an index without a header", warnings=(COUNTED,))
    wide = "word,0,1,2\nthe,0.5,-1.5,1\nfrog,2.25,3,2\n"
    three = ["0.5 -1.5 1", "2.25 3 2"]
    valid("pandas_columns", wide, "a header of whole numbers beside the name word", WORDS[:2], rows=three)
    valid(
        "header_named", wide.replace("word", "w"), "read with header=True", WORDS[:2], rows=three, read={"header": True}
    )
    valid(
        "no_header_named",
        "w,0,1\nthe,0.5,-1.5\n",
        "read with header=False",
        ["w", "the"],
        rows=["0 1", "0.5 -1.5"],
        read={"header": False},
    )
    valid("r_csv", f'"","V1","V2"\n{QUOTED}', "R's write.csv: row names are the words")
    lines = "".join(f'"{number}",{line}\n' for number, line in enumerate(QUOTED.splitlines(), 1))
    valid("r_counter", f'"","word","V1","V2"\n{lines}', "R's row names count the rows from 1", warnings=(COUNTED,))
    table = '"V1"\t"V2"\n' + QUOTED.replace(",", "\t")
    valid("r_table.tsv", table, "R's write.table: the header lacks the column of row names")
    valid("tabs.tsv", BODY.replace(",", "\t"), "tabs, no header")
    valid("semicolons", TEXT.replace(",", ";"), "semicolons")
    mark = "byte order mark dropped: 1"
    valid("excel", "\ufeff" + TEXT.replace("\n", "\r\n"), "a byte order mark, CR LF", warnings=(mark,))
    odd: list[str | bytes] = ["a,b", 'say "hi"', "two\nlines", " blank", "it's"]
    quotes = '"a,b",1,2\n"say ""hi""",3,4\n"two\nlines",5,6\n" blank",7,8\nit\'s,9,10\n'
    valid("quotes", quotes, "delimiters, quotes and newlines in words", odd, rows=["1 2", "3 4", "5 6", "7 8", "9 10"])
    kept: list[str | bytes] = ["null", "NA", "nan", "007", "true", "1.5", "None", "#N/A"]
    lost = "".join(f"{word!s},{row},0.5\n" for row, word in enumerate(kept))
    numbers = [f"{row} 0.5" for row in range(len(kept))]
    valid("words_like_values", f"word,d0,d1\n{lost}", "words that other readers turn into values", kept, rows=numbers)
    only = 'token,d0\n"1",0.5\n"2",1.5\n"007",2.5\n'
    valid(
        "words_all_numbers",
        only,
        "the name token says that numbers are words",
        ["1", "2", "007"],
        rows=["0.5", "1.5", "2.5"],
    )
    valid("list", 'word,vector\nthe,"[0.5, -1.5]"\nfrog,"[2.25,3]"\n', "lists in a cell", WORDS[:2], rows=ROWS[:2])
    numpy = 'word,vector\nthe,[ 0.5  -1.5]\nfrog,"[2.25\n 3. ]"\n'
    valid("list_numpy", numpy, "lists as NumPy prints them", WORDS[:2], rows=ROWS[:2])
    valid("list_blanks.tsv", "the\t0.5 -1.5\nfrog\t2.25 3\n", "lists without brackets", WORDS[:2], rows=ROWS[:2])
    valid("list_tabs.tsv", "the\t[0.5, -1.5]\nfrog\t[2.25, 3]\n", "lists with commas, tabs", WORDS[:2], rows=ROWS[:2])
    freq = "word,freq,d0,d1\nthe,90,0.5,-1.5\nfrog,7,2.25,3\n\u017e\u00e1ba,1,1,0.125\n"
    left = "columns left out: 1, the first 'freq'"
    valid("by_key", freq, "read with key='d*'", read={"key": "d*"}, warnings=(left,))
    valid("by_keys", freq, "read with key='d0,d1'", read={"key": "d0,d1"}, warnings=(left,))
    part = "columns left out: 1, the first 'pos'"
    pos = "pos,word,d0,d1\nDT,the,0.5,-1.5\nNN,frog,2.25,3\nNN,\u017e\u00e1ba,1,0.125\n"
    valid("by_vocab", pos, "read with vocab='word'", read={"vocab": "word"}, warnings=(part,))
    valid("by_word_column", pos, "read with word_column=2", read={"word_column": 2}, warnings=(part,))
    skipped = "lines that cannot be read left out: 2, the first line 3"
    bad = TEXT.replace("frog", "x,1\ny,NA,2\nfrog")
    valid("skip", bad, "read with on_error='skip'", read={"on_error": "skip"}, warnings=(skipped,))
    blank = "empty lines left out: 2, the first line 1"
    valid("blank_lines", f"\n{TEXT}\n", "blank lines", warnings=(blank,))
    cut = "last line without a newline, perhaps cut short: 1"
    valid("no_newline", TEXT[:-1], "no newline at the end", warnings=(cut,))
    inf = "rows with NaN, Inf or a value beyond the dtype: 2, the first 'the'"
    special = "the,nan,-Infinity\nfrog,+1e39, 0.0000000000000000000000000000000000000000000001 \n\u017e\u00e1ba,.5,1.\n"
    valid("numbers", special, "numbers of the grammar of text", rows=["nan -inf", "inf 0", "0.5 1"], warnings=(inf,))
    bytes_of = "tokens that are not UTF-8, their bytes kept: 1, the first 'caf\\udce9'"
    valid(
        "not_utf8", b"caf\xe9,1,2\nthe,3,4\n", "Latin-1", [b"caf\xe9", "the"], rows=["1 2", "3 4"], warnings=(bytes_of,)
    )
    valid("text", "the 0.5 -1.5\nfrog 2.25 3\n", "text with spaces in a file named .csv", WORDS[:2], rows=ROWS[:2])
    valid("packed.csv.gz", gzip.compress(TEXT.encode(), mtime=0), "gzip")
    _invalid(folder)


def _invalid(folder: Path) -> None:
    def invalid(name: str, text: str, message: str, **more: Any) -> None:
        place = name if "." in name else f"{name}.csv"
        write_invalid(folder, place, text.encode(), f"{{path}}:{message}", **more)

    vectors = "cannot tell which columns are the vectors:"
    words = "cannot tell which column has the words:"
    freq = "word,freq,d0,d1\nthe,90,0.5,-1.5\nfrog,7,2.25,3\n"
    listed = "1 'word' (text), 2 'freq' (numbers), 3 'd0' to 4 'd1' (numbers)"
    invalid("counts", freq, f" {vectors} {listed}; `key='d[0-9]*'` names them")
    bare = "the,90,0.5,-1.5\nfrog,7,2.25,3\nof,9,1,0.5\n"
    invalid("counts_bare", bare, f" {vectors} 1 (text), 2 to 4 (numbers); `key='3-4'` names them")
    named = "word,x,y\nthe,0.5,-1.5\nfrog,2.25,3\n"
    listed = "1 'word' (text), 2 'x' (numbers), 3 'y' (numbers)"
    invalid("named", named, f" {vectors} {listed}; `key='x,y'` names them")
    index = ",word,0\n0,the,0.5\n2,frog,1.5\n"
    listed = "1 '' (numbers), 2 'word' (text), 3 '0' (numbers)"
    invalid("index_with_gaps", index, f" {vectors} {listed}; `key='[0-9]*'` names them")
    listed = "1 (numbers), 2 (text), 3 (numbers)"
    bare = "0,the,0.5\n2,frog,1.5\n"
    invalid("numbers_on_both_sides", bare, f" {vectors} {listed}; `key='3'` names them")
    pos = "word,pos,d0,d1\nthe,DT,0.5,-1.5\nfrog,NN,2.25,3\n"
    listed = "1 'word' (text), 2 'pos' (text), 3 'd0' to 4 'd1' (numbers)"
    invalid("tags", pos, f" {words} {listed}; `vocab='word'` or `vocab='pos'` names them")
    both = "term,tag,n,d0,d1\nthe,DT,5,0.5,-1.5\nfrog,NN,6,2.25,3\n"
    listed = "1 'term' (text), 2 'tag' (text), 3 'n' (numbers), 4 'd0' to 5 'd1' (numbers)"
    either = "`vocab='term', key='d[0-9]*'` or `vocab='tag', key='d[0-9]*'` names them"
    invalid("tags_and_counts", both, f" {words} {listed}; {either}")
    listed = "1 to 2 (text), 3 to 4 (numbers)"
    either = "`word_column=1` or `word_column=2` names them"
    invalid("tags_bare", pos.partition("\n")[2], f" {words} {listed}; {either}")
    either = "`vocab=` names a file that has them, `word_column=1` the column"
    invalid("no_words.tsv", "0.5\t-1.5\n2.25\t3\n", f" no column of words: 1 to 2 (numbers); {either}")
    lists = 'word,a,b\nthe,"[1, 2]","[3, 4]"\nfrog,"[5, 6]","[7, 8]"\n'
    listed = "1 'word' (text), 2 'a' (lists), 3 'b' (lists)"
    invalid("two_lists", lists, f" {vectors} {listed}; `key='a'` names them")
    comma = "numbers with decimal commas, such as '0,5', expected points: rewrite them"
    invalid("decimal_commas", "the;0,5;-1,5\nfrog;2,25;3\n", f" {comma}")
    invalid("decimal_commas.tsv".replace("commas", "commas_tabs"), "the\t0,5\t-1,5\nfrog\t2,25\t3\n", f" {comma}")
    either = "`header=True` or `header=False` says which"
    invalid("header_or_row", "word,0,1\nthe,0.5,1\n", f" 'word,0,1' may be a header or a row: {either}")
    invalid("header_or_row_w", "w,0,1,2\nthe,0.5,1,2\n", f" 'w,0,1,2' may be a header or a row: {either}")
    invalid("ragged", TEXT.replace(",3\n", "\n"), f"3: 2 cells, expected 3; {SKIP}")
    invalid("empty_cell", TEXT.replace(",3\n", ",\n"), f"3: an empty cell, not a number, in column 3; {SKIP}")
    invalid("not_a_number", TEXT.replace("2.25", "1_0"), f"3: '1_0' is not a number, in column 2; {SKIP}")
    invalid("empty_word", TEXT.replace("frog", ""), f"3: an empty cell in column 1, expected a word; {SKIP}")
    spaced = 'd0,word\n1,"the"\n2, "frog"\n'
    reason = "the word ' \"frog\"' has a quote after a space, expected it first in its cell"
    invalid("quote_after_space", spaced, f"3: {reason}; {SKIP}")
    counter = "".join(f"{row},w{row},0.5\n" for row in range(100)) + "101,x,0.5\n"
    invalid("counter_with_gap", counter, f"101: '101' in column 1, which counts rows: not 100; {SKIP}")
    invalid("list_ragged", 'w,"[1, 2]"\nx,"[1, 2, 3]"\n', f"2: a list of 3 in column 2, expected 2 numbers; {SKIP}")
    listed = 'w,"[1, 2]"\nx,"[1, 2]"\ny,"[1 ... 2]"\n'
    invalid("list_cut", listed, f"3: a list of 3 in column 2, expected 2 numbers; {SKIP}")
    never, alone = "a quote is opened here and never closed", "but this line alone is a row"
    invalid("open_quote", TEXT.replace("frog", '"frog'), f"3: {never}")
    glove = "if quotes have no meaning in this file, `format='glove'` reads it"
    plain = 'the\t0.5\t-1.5\n"\t2.25\t3\nfrog\t1\t2\n'
    invalid("open_quote.tsv".replace("quote", "quote_tabs"), plain, f"2: {never}; {glove}")
    closed = f"a quote is opened here and closed on another line, {alone}"
    invalid("quote_over_rows.tsv", plain.replace("frog", 'frog"'), f"2: {closed}; {glove}")
    invalid("text_after_quote", TEXT.replace("frog", '"frog"s'), "3: ',' expected after '\"'")
    returns = "lines that end in carriage returns only, expected newlines: save it with those"
    invalid("carriage_returns", TEXT.replace("\n", "\r"), f" {returns}")
    invalid("empty", "", " an empty file")
    none = "none of commas, tabs, semicolons separates a word and numbers in most of the first rows"
    invalid("blank", "\n\n", f" {none}")
    invalid("prose", "It was the best of times,\nit was the worst of times\n", f" {none}")
    invalid("names", "a,b\nc,d\n", f" {none}")
    invalid("header_alone", "word,d0,d1\n", f" {none}")
