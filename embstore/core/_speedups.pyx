# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The time-critical functions, compiled: hashing tokens, the on-disk index, parsing and formatting of rows.

`embstore/core/_native.py` has the same functions in Python, with the same arguments and results, bit for bit.
A store is opened without reading its arrays, so every function checks bounds before it reads bytes of a file.
"""

from cpython.list cimport PyList_GET_ITEM, PyList_GET_SIZE
from cpython.object cimport PyObject
from libc.math cimport copysign, fabs, floor
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memchr, memcmp, memcpy, memmove

import numpy as np

cdef extern from *:
    """
    #if defined(__GNUC__) || defined(__clang__)
    #define embstore_prefetch(address) __builtin_prefetch(address)
    #define embstore_trailing_zeros(word) __builtin_ctzll(word)
    #else
    #define embstore_prefetch(address) ((void)(address))
    static int embstore_trailing_zeros(unsigned long long word)
    {
        int zeros = 0;
        for (; !(word & 1); word >>= 1) zeros++;
        return zeros;
    }
    #endif
    #define embstore_is_ascii(word) (PyUnicode_IS_COMPACT_ASCII(word))
    #define embstore_ascii(word) ((const uint8_t *)PyUnicode_1BYTE_DATA(word))
    """
    void prefetch "embstore_prefetch"(const void *address) noexcept nogil
    int trailing_zeros "embstore_trailing_zeros"(uint64_t word) noexcept nogil   # word is not 0
    bint is_ascii "embstore_is_ascii"(object word)
    const uint8_t *ascii_data "embstore_ascii"(object word)

cdef extern from "Python.h":
    const char *PyUnicode_AsUTF8AndSize(object word, Py_ssize_t *size) except NULL
    Py_ssize_t PyUnicode_GET_LENGTH(object word)

# Number of words whose slots are prefetched together, so that their cache misses overlap.
DEF BLOCK = 128

cdef enum:
    MAX_PROBE = 1024  # formats/hash/SPEC.md: the slots that a reader looks at
    FARTHEST = 64     # the maximum distance of a token from its home slot in an index that is written
    SLACK = 16       # bytes after the end of a text block that may be read, but are not used

cdef uint64_t P1 = 0x9E3779B185EBCA87ULL
cdef uint64_t P2 = 0xC2B2AE3D27D4EB4FULL
cdef uint64_t P3 = 0x165667B19E3779F9ULL
cdef uint64_t P4 = 0x85EBCA77C2B2AE63ULL
cdef uint64_t P5 = 0x27D4EB2F165667C5ULL

# ---------------------------------------------------------------------------------------------- hashing


cdef inline uint64_t load64(const uint8_t *p) noexcept nogil:
    cdef uint64_t word
    memcpy(&word, p, 8)
    return word


cdef inline uint64_t load32(const uint8_t *p) noexcept nogil:
    cdef uint32_t word
    memcpy(&word, p, 4)
    return word


cdef inline uint64_t rotate(uint64_t x, int bits) noexcept nogil:
    return (x << bits) | (x >> (64 - bits))


cdef inline uint64_t mix(uint64_t lane, uint64_t word) noexcept nogil:
    return rotate(lane + word * P2, 31) * P1


cdef uint64_t xxh64(const uint8_t *p, size_t size, uint64_t seed) noexcept nogil:
    """XXH64 by Y. Collet, specified in github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md."""
    cdef const uint8_t *end = p + size
    cdef uint64_t h, a, b, c, d
    if size >= 32:
        a, b, c, d = seed + P1 + P2, seed + P2, seed, seed - P1
        while end - p >= 32:
            a = mix(a, load64(p))
            b = mix(b, load64(p + 8))
            c = mix(c, load64(p + 16))
            d = mix(d, load64(p + 24))
            p += 32
        h = rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18)
        h = (h ^ mix(0, a)) * P1 + P4
        h = (h ^ mix(0, b)) * P1 + P4
        h = (h ^ mix(0, c)) * P1 + P4
        h = (h ^ mix(0, d)) * P1 + P4
    else:
        h = seed + P5
    h += size
    while end - p >= 8:
        h = rotate(h ^ mix(0, load64(p)), 27) * P1 + P4
        p += 8
    if end - p >= 4:
        h = rotate(h ^ (load32(p) * P1), 23) * P2 + P3
        p += 4
    while p < end:
        h = rotate(h ^ (p[0] * P5), 11) * P1
        p += 1
    h = (h ^ (h >> 33)) * P2
    h = (h ^ (h >> 29)) * P3
    return h ^ (h >> 32)


def hash_tokens(const uint8_t[::1] data, const int64_t[::1] offsets, uint64_t seed):
    """XXH64 of each packed token: uint64 of shape (tokens,)."""
    cdef Py_ssize_t i, count = offsets.shape[0] - 1
    hashes = np.empty(count, np.uint64)
    cdef uint64_t[::1] out = hashes
    check_packed(data, offsets, count)
    with nogil:
        for i in range(count):
            out[i] = xxh64(start_of(data) + offsets[i], offsets[i + 1] - offsets[i], seed)
    return hashes


cdef uint8_t NOTHING = 0   # its address stands for that of an empty array, since C adds nothing to NULL


cdef inline const uint8_t *start_of(const uint8_t[::1] data) noexcept nogil:
    return &data[0] if data.shape[0] else &NOTHING


cdef int check_packed(const uint8_t[::1] data, const int64_t[::1] offsets, Py_ssize_t count) except -1:
    cdef Py_ssize_t i
    cdef bint bad = offsets[0] < 0 or offsets[count] > data.shape[0]
    for i in range(count):
        bad |= offsets[i + 1] < offsets[i]
    if bad:
        raise ValueError("token offsets must not decrease, and must stay inside the token bytes")
    return 0


# ------------------------------------------------------------------------------------------------ index


cdef struct Index:
    # Bytes, as the arrays of a mapped file need not be aligned.
    const uint8_t *slots
    uint64_t mask
    const uint8_t *offsets
    int64_t tokens
    const uint8_t *data
    int64_t size
    uint64_t seed


cdef struct Query:
    const uint8_t *word
    Py_ssize_t size
    uint64_t hash
    uint64_t slot   # first slot from home that is empty or has the same fingerprint


cdef int open_index(
    Index *index, const uint8_t[::1] slots, const uint8_t[::1] offsets, const uint8_t[::1] data, uint64_t seed
) except -1:
    cdef Py_ssize_t count = slots.shape[0] // 8
    if count == 0 or count & (count - 1) or slots.shape[0] % 8 or offsets.shape[0] < 8:
        raise ValueError("an index needs a number of slots that is a power of two, and at least one offset")
    index.slots, index.mask = &slots[0], count - 1
    index.offsets, index.tokens = &offsets[0], offsets.shape[0] // 8 - 1
    index.data, index.size, index.seed = start_of(data), data.shape[0], seed
    return 0


cdef inline uint64_t seek(const Index *index, const Query *query) noexcept nogil:
    """The first slot from home that is empty or has the word's fingerprint."""
    cdef uint64_t slot = query.hash & index.mask, entry
    cdef int probe
    for probe in range(MAX_PROBE):
        entry = load64(index.slots + 8 * slot)
        if entry == 0 or entry >> 32 == query.hash >> 32:
            break
        slot = (slot + 1) & index.mask
    return slot


cdef inline int64_t row_at(const Index *index, uint64_t slot) noexcept nogil:
    """The row in a slot; -1 if the slot is empty or the row is outside the table."""
    cdef int64_t row = <int64_t>(load64(index.slots + 8 * slot) & 0xFFFFFFFFULL) - 1
    return row if row < index.tokens else -1


cdef inline bint same(const Index *index, int64_t row, const Query *query) noexcept nogil:
    cdef int64_t start = <int64_t>load64(index.offsets + 8 * row)
    cdef int64_t stop = <int64_t>load64(index.offsets + 8 * row + 8)
    if start < 0 or stop > index.size or stop < start or stop - start != query.size:   # in this order: no overflow
        return False
    return memcmp(index.data + start, query.word, query.size) == 0


cdef inline int64_t find(const Index *index, const Query *query) noexcept nogil:
    cdef uint64_t slot = query.slot, entry
    cdef int64_t row
    cdef int probe
    for probe in range(<int>((slot - query.hash) & index.mask), MAX_PROBE):
        entry = load64(index.slots + 8 * slot)
        if entry == 0:
            return -1
        if entry >> 32 == query.hash >> 32:
            row = row_at(index, slot)
            if row >= 0 and same(index, row, query):
                return row
        slot = (slot + 1) & index.mask
    return -1


cdef void find_block(const Index *index, Query *queries, Py_ssize_t count, int64_t *rows) noexcept nogil:
    """Find the rows of a block of words; each stage prefetches for all words what the next stage reads."""
    cdef Py_ssize_t i
    cdef int64_t row, start
    for i in range(count):
        queries[i].hash = xxh64(queries[i].word, queries[i].size, index.seed)
        prefetch(index.slots + 8 * (queries[i].hash & index.mask))
    for i in range(count):
        queries[i].slot = seek(index, &queries[i])
        row = row_at(index, queries[i].slot)
        if row >= 0:
            prefetch(index.offsets + 8 * row)
    for i in range(count):
        row = row_at(index, queries[i].slot)
        if row >= 0:
            start = <int64_t>load64(index.offsets + 8 * row)
            if 0 <= start < index.size:
                prefetch(index.data + start)
    for i in range(count):
        rows[i] = find(index, &queries[i])


def find_tokens(
    const uint8_t[::1] slots, const uint8_t[::1] offsets, const uint8_t[::1] data,
    const uint8_t[::1] word_data, const int64_t[::1] word_offsets, uint64_t seed,
):
    """Rows of packed words in an index: int64 of shape (words,), -1 for an unknown word."""
    cdef Index index
    cdef Query[BLOCK] queries
    cdef Py_ssize_t i, n, first, count = word_offsets.shape[0] - 1
    cdef const uint8_t *words = start_of(word_data)
    open_index(&index, slots, offsets, data, seed)
    check_packed(word_data, word_offsets, count)
    result = np.empty(count, np.int64)
    cdef int64_t[::1] rows = result
    with nogil:
        for first in range(0, count, BLOCK):
            n = min(<Py_ssize_t>BLOCK, count - first)
            for i in range(n):
                queries[i].word = words + word_offsets[first + i]
                queries[i].size = word_offsets[first + i + 1] - word_offsets[first + i]
            find_block(&index, queries, n, &rows[first])
    return result


def find_strings(
    const uint8_t[::1] slots, const uint8_t[::1] offsets, const uint8_t[::1] data, list words not None, uint64_t seed
):
    """Rows of a list of str in an index: int64 of shape (words,), -1 for an unknown word.

    Raises TypeError for an item that is not a str, UnicodeEncodeError for a str with a lone surrogate.
    """
    cdef Index index
    cdef Query[BLOCK] queries
    cdef Py_ssize_t i, n, first, count = PyList_GET_SIZE(words)
    cdef object word
    open_index(&index, slots, offsets, data, seed)
    result = np.empty(count, np.int64)
    cdef int64_t[::1] rows = result
    for first in range(0, count, BLOCK):
        n = min(<Py_ssize_t>BLOCK, count - first)
        for i in range(first + n, min(first + n + BLOCK, count)):
            prefetch(<const void *><PyObject *>PyList_GET_ITEM(words, i))
        for i in range(n):
            word = <object>PyList_GET_ITEM(words, first + i)
            if not isinstance(word, str):
                raise TypeError(f"a word must be a str, not {type(word).__name__}")
            if is_ascii(word):
                queries[i].word, queries[i].size = ascii_data(word), PyUnicode_GET_LENGTH(word)
            else:
                queries[i].word = <const uint8_t *>PyUnicode_AsUTF8AndSize(word, &queries[i].size)
        find_block(&index, queries, n, &rows[first])
    return result


def insert_tokens(
    uint64_t[::1] slots, uint8_t[::1] data, int64_t[::1] offsets, Py_ssize_t count, Py_ssize_t added, uint64_t seed,
    int64_t spare,
):
    """Insert tokens [count, count + added), packed after the first `count` distinct ones, into the index.

    Repeated tokens are removed from `data` and `offsets` in place, so that these contain the distinct tokens
    end to end. Returns the row of each token up to the last inserted, int64 of shape (at most `added`,): an earlier
    row for a repeated token, the next row for a new one; and the new `spare`.
    Stops at the first new token that would be more than 64 slots from its home, or farther than `spare` steps, which
    begin at 64 in an empty index and grow by 2 with each new token: formats/hash/SPEC.md.
    """
    cdef Index index
    cdef Query[BLOCK] queries
    cdef Py_ssize_t i, n, first, last = count + added, placed_rows = 0
    cdef int64_t known = count, start, row, size
    cdef bint full = False
    if last + 1 > offsets.shape[0] or 2 * last > slots.shape[0] or last > 0xFFFFFFFE:
        raise ValueError("the index is too small for these tokens")
    check_packed(data, offsets, last)
    result = np.empty(added, np.int64)
    cdef int64_t[::1] rows = result
    index.slots, index.mask = <const uint8_t *>&slots[0], slots.shape[0] - 1
    index.offsets, index.data, index.size = <const uint8_t *>&offsets[0], start_of(data), data.shape[0]
    index.seed = seed
    start = offsets[count]
    with nogil:
        for first in range(count, last, BLOCK):
            n = min(<Py_ssize_t>BLOCK, last - first)
            for i in range(n):
                queries[i].size = offsets[first + i + 1] - start
                queries[i].hash = xxh64(index.data + start, queries[i].size, seed)
                prefetch(index.slots + 8 * (queries[i].hash & index.mask))
                queries[i].word = index.data + start
                start = offsets[first + i + 1]
            for i in range(n):
                size = queries[i].size
                index.tokens = known
                row = place(&index, &slots[0], &queries[i], known, &spare)
                if row < 0:
                    full = True
                    break
                rows[placed_rows] = row
                placed_rows += 1
                if row == known:
                    if index.data + offsets[known] != queries[i].word:
                        memmove(&data[offsets[known]], queries[i].word, size)
                    offsets[known + 1] = offsets[known] + size
                    known += 1
            if full:
                break
    return result[:placed_rows], spare


cdef inline int64_t place(
    const Index *index, uint64_t *slots, const Query *query, int64_t new_row, int64_t *spare
) noexcept nogil:
    """The row of a known word, or `new_row` after inserting a new word; -1 if the new word is too far from its home."""
    cdef uint64_t slot = query.hash & index.mask
    cdef int64_t row
    cdef int distance
    for distance in range(FARTHEST + 1):
        if slots[slot] == 0:
            if distance > spare[0]:
                return -1
            spare[0] += 2 - distance
            slots[slot] = (query.hash >> 32 << 32) | <uint64_t>(new_row + 1)
            return new_row
        if slots[slot] >> 32 == query.hash >> 32:
            row = row_at(index, slot)
            if row >= 0 and same(index, row, query):
                return row
        slot = (slot + 1) & index.mask
    return -1


# -------------------------------------------------------------------------------------------------- text

cdef uint64_t[20] POWERS
cdef double[309] SCALES
for _n in range(20):
    POWERS[_n] = 10 ** _n
for _n in range(309):
    SCALES[_n] = float(f"1e{_n}")


cdef inline bint is_digit(uint8_t c) noexcept nogil:
    return <uint8_t>(c - 48) < 10


cdef inline bint is_gap(uint8_t c) noexcept nogil:
    return c == 32 or c == 9


cdef inline int leading_digits(uint64_t word) noexcept nogil:
    """The number of digits at the start of eight bytes, in the order of memory."""
    cdef uint64_t x = word ^ 0x3030303030303030ULL
    cdef uint64_t stops = (((x & 0x7F7F7F7F7F7F7F7FULL) + 0x7676767676767676ULL) | x) & 0x8080808080808080ULL
    if stops == 0:
        return 8
    return trailing_zeros(stops) >> 3


cdef inline uint64_t eight_digits(uint64_t word) noexcept nogil:
    """Convert eight digits by three multiplications (D. Lemire, "Number parsing at a gigabyte per second")."""
    word = (word & 0x0F0F0F0F0F0F0F0FULL) * 2561 >> 8
    word = (word & 0x00FF00FF00FF00FFULL) * 6553601 >> 16
    return (word & 0x0000FFFF0000FFFFULL) * 42949672960001ULL >> 32


cdef inline const uint8_t *digits(
    const uint8_t *p, uint64_t *mantissa, int *exponent, bint *inexact, int step
) noexcept nogil:
    """Append a run of digits to the mantissa, which takes at most 19; `step` is -1 after the decimal point, else 0."""
    cdef uint64_t word
    cdef int n = 8
    while n == 8 and mantissa[0] < 100000000000ULL:
        word = load64(p)
        n = leading_digits(word)
        if n == 0:
            return p
        mantissa[0] = mantissa[0] * POWERS[n] + eight_digits(word << (64 - 8 * n))
        exponent[0] += step * n
        p += n
    while is_digit(p[0]):
        if mantissa[0] < 1000000000000000000ULL:
            mantissa[0] = mantissa[0] * 10 + (p[0] - 48)
            exponent[0] += step
        else:
            inexact[0] = True
            exponent[0] += step + 1
        p += 1
    return p


cdef inline const uint8_t *number(const uint8_t *p, float *value) noexcept nogil:
    """Read the number at `p`; return its end, or NULL for a spelling or a rounding that is left to CPython."""
    cdef uint64_t mantissa = 0
    cdef int exponent = 0, power = 0
    cdef bint negative = p[0] == 45, minus, inexact = False
    cdef const uint8_t *start
    p += negative | (p[0] == 43)   # without a branch, as half of all numbers are negative
    start = p
    if is_digit(p[0]) and not is_digit(p[1]):   # most numbers have one digit before the point
        mantissa = p[0] - 48
        p += 1
    else:
        p = digits(p, &mantissa, &exponent, &inexact, 0)
    if p[0] == 46:
        p = digits(p + 1, &mantissa, &exponent, &inexact, -1)
        if p - start == 1:
            return NULL
    elif p == start:
        return NULL
    if (p[0] | 32) == 101:
        p += 1
        minus = p[0] == 45
        if minus or p[0] == 43:
            p += 1
        start = p
        while is_digit(p[0]):
            power = power * 10 + (p[0] - 48)
            p += 1
            if p - start > 4:
                return NULL
        if p == start:
            return NULL
        exponent += -power if minus else power
    if not round_to_float(mantissa, exponent, inexact, value):
        return NULL
    value[0] = sign_bit(value[0], negative)
    return p


cdef inline float sign_bit(float value, bint negative) noexcept nogil:
    """Return -value if `negative`, else value, without a branch."""
    cdef uint32_t bits
    memcpy(&bits, &value, 4)
    bits ^= <uint32_t>negative << 31
    memcpy(&value, &bits, 4)
    return value


cdef inline bint round_to_float(uint64_t mantissa, int exponent, bint inexact, float *value) noexcept nogil:
    """mantissa * 10**exponent as float32(float64(...)) rounds it; False if that is not certain.

    Up to 2**53 and 10**22 both operands are exact, and one operation rounds once (W. Clinger, 1990).
    Otherwise the relative error of the double is less than 2**-51; if both ends of that interval round to
    the same float, so does every double in it.
    """
    cdef double x = <double>mantissa, low, high
    if mantissa < (1ULL << 53) and -22 <= exponent <= 22 and not inexact:
        value[0] = <float>(x / SCALES[-exponent] if exponent < 0 else x * SCALES[exponent])
        return True
    if mantissa == 0 or exponent < -280 or exponent > 280:
        return False
    x = x / SCALES[-exponent] if exponent < 0 else x * SCALES[exponent]
    low, high = x * (1 - 2.0 ** -50), x * (1 + 2.0 ** -50)
    value[0] = <float>x
    return <float>low == <float>high and 1e-290 < x < 1e290


cdef inline const uint8_t *row_of(const uint8_t *p, Py_ssize_t dim, float *row) noexcept nogil:
    """Read `dim` numbers, each after a gap, up to the end of the line; return the newline, or NULL."""
    cdef Py_ssize_t i
    for i in range(dim):
        if not is_gap(p[0]):
            return NULL
        p += 1
        while i and is_gap(p[0]):
            p += 1
        p = number(p, &row[i])
        if p == NULL:
            return NULL
    while is_gap(p[0]):
        p += 1
    if p[0] == 13:
        p += 1
    return p if p[0] == 10 else NULL


cdef const uint8_t *last_fields(const uint8_t *line, const uint8_t *end, Py_ssize_t dim) noexcept nogil:
    """Find the end of the token by counting `dim` fields from the right; NULL if that is ambiguous."""
    cdef const uint8_t *field
    cdef Py_ssize_t i
    if end > line and (end - 1)[0] == 13:
        end -= 1
    while end > line and is_gap((end - 1)[0]):
        end -= 1
    for i in range(dim):
        while end > line and not is_gap((end - 1)[0]):
            end -= 1
        while i < dim - 1 and end > line and is_gap((end - 1)[0]):
            end -= 1
    if end <= line + 1:
        return NULL
    end -= 1
    field = end
    while field > line and not is_gap((field - 1)[0]):
        field -= 1
    # If the last word of the token could be a number, the row may have one number too many: left to the caller.
    if field == end or is_digit(field[0]) or field[0] in (43, 45, 46, 73, 78, 105, 110):
        return NULL
    return end


def parse_rows(
    const uint8_t[::1] text, Py_ssize_t position, Py_ssize_t stop, float[:, ::1] vectors,
    uint8_t[::1] token_data, int64_t[::1] token_offsets, Py_ssize_t row,
):
    """Read the lines text[position:stop], each a token and numbers, into the rows from `row` on.

    `text[stop - 1]` must be a newline, followed by 16 more bytes. Stops at the first line that is not a
    token and vectors.shape[1] plain numbers, which is left to the caller. Returns the position where it
    stopped, and the next row.
    """
    cdef Py_ssize_t dim = vectors.shape[1]
    cdef int64_t used, size
    if dim < 1 or not 0 <= position <= stop <= text.shape[0] - SLACK or (stop and text[stop - 1] != 10):
        raise ValueError("a block must end in a newline, followed by 16 more bytes")
    if not 0 <= row < token_offsets.shape[0] or not 0 <= token_offsets[row] <= token_data.shape[0]:
        raise ValueError("the rows read so far must lie inside the arrays")
    used = token_offsets[row]
    if position == stop:
        return position, row
    cdef const uint8_t *start = &text[0]
    cdef const uint8_t *p = start + position
    cdef const uint8_t *end = start + stop
    cdef const uint8_t *token
    cdef const uint8_t *after
    with nogil:
        while p < end and row < vectors.shape[0]:
            token = p
            while not is_gap(token[0]) and token[0] != 10:
                token += 1
            after = row_of(token, dim, &vectors[row, 0])
            if after == NULL:
                after = <const uint8_t *>memchr(p, 10, end - p)
                token = last_fields(p, after, dim)
                if token == NULL:
                    break
                after = row_of(token, dim, &vectors[row, 0])
                if after == NULL:
                    break
            size = token - p
            if used + size > token_data.shape[0] or row + 1 >= token_offsets.shape[0]:
                break
            if size:
                memcpy(&token_data[used], p, size)
            used += size
            row += 1
            token_offsets[row] = used
            p = after + 1
    return p - start, row


cdef inline float load_float(const float *p) noexcept nogil:
    cdef float value
    memcpy(&value, p, 4)   # rows of a mapped file need not be aligned
    return value


cdef inline uint8_t *digits_of(uint8_t *p, uint64_t value, int count) noexcept nogil:
    """Write a number of `count` digits."""
    cdef int i
    for i in range(count - 1, -1, -1):
        p[i] = 48 + <uint8_t>(value % 10)
        value //= 10
    return p + count


cdef inline bint fewest_digits(double x, int power, float value, uint64_t *mantissa, int *count) noexcept nogil:
    """The fewest digits, at least six, that read back to `value`, which is positive; False if that is not certain.

    `x` is the value and 10**power the place of its first digit. Up to 10**22 the scaling rounds once, so
    only ties are uncertain, and the division rounds as the parser does.
    """
    cdef int n
    cdef double scaled, whole
    for n in range(6, 10):
        scaled = x * SCALES[n - 1 - power] if n > power else -1
        if scaled < 0:
            return False
        whole = floor(scaled)
        if fabs(scaled - whole - 0.5) < 1e-6:
            return False
        whole += scaled - whole > 0.5
        if <float>(whole / SCALES[n - 1 - power]) == value:
            mantissa[0], count[0] = <uint64_t>whole, n
            return True
    return False


cdef inline uint8_t *decimal(uint8_t *p, float value) noexcept nogil:
    """Write a float as C's %g does, with the fewest digits that read back; NULL if that is left to Python."""
    cdef double x = fabs(value)
    cdef uint64_t mantissa = 0
    cdef int count = 0, power = 5
    p[0] = 45
    p += copysign(1.0, value) < 0
    if x == 0:
        p[0] = 48
        return p + 1
    if not 1e-9 <= x < 1e6:
        return NULL
    while x < (SCALES[power] if power >= 0 else 1 / SCALES[-power]):
        power -= 1
    if not fewest_digits(x, power, <float>x, &mantissa, &count):
        return NULL
    if mantissa == POWERS[count]:   # 9.999999 rounded up to 10.00000
        mantissa //= 10
        power += 1
    while count > 1 and mantissa % 10 == 0:
        mantissa //= 10
        count -= 1
    return placed(p, mantissa, count, power)


cdef inline uint8_t *placed(uint8_t *p, uint64_t mantissa, int count, int power) noexcept nogil:
    """Write digits with the point where %g puts it; 10**power is the place of the first digit."""
    cdef int i
    if power < -4:
        digits_of(p + (count > 1), mantissa, count)
        if count > 1:
            p[0] = p[1]
            p[1] = 46
            p += 1
        p += count
        p[0], p[1], p[2], p[3] = 101, 45, 48, <uint8_t>(48 - power)
        return p + 4
    if power < 0:
        p[0], p[1] = 48, 46
        for i in range(-power - 1):
            p[2 + i] = 48
        return digits_of(p + 1 - power, mantissa, count)
    if count <= power + 1:
        return digits_of(p, mantissa * POWERS[power + 1 - count], power + 1)
    digits_of(p + 1, mantissa, count)
    memmove(p, p + 1, power + 1)
    p[power + 1] = 46
    return p + count + 1


def format_rows(
    const uint8_t[::1] token_data, const int64_t[::1] token_offsets, const float[:, ::1] vectors,
    Py_ssize_t row, uint8_t[::1] text, Py_ssize_t position,
):
    """Write the rows from `row` on as lines, each a token and its numbers, into text[position:].

    Each number has the fewest digits that read back to it. Stops at the first row with a number outside
    [1e-9, 1e6), which is left to the caller, or if a line might not fit. Returns the next row and position.
    """
    cdef Py_ssize_t dim = vectors.shape[1], count = vectors.shape[0], i, size, line = 20 * vectors.shape[1] + 1
    cdef uint8_t *p
    cdef uint8_t *start = &text[0] if text.shape[0] else &NOTHING
    if token_offsets.shape[0] != count + 1 or row < 0 or position < 0:
        raise ValueError("the numbers of tokens and vectors differ")
    check_packed(token_data, token_offsets, count)
    with nogil:
        while row < count:
            size = token_offsets[row + 1] - token_offsets[row]
            if position + size + line > text.shape[0]:
                break
            p = start + position
            memcpy(p, start_of(token_data) + token_offsets[row], size)
            p += size
            for i in range(dim):
                p[0] = 32
                p = decimal(p + 1, load_float(&vectors[row, i]))
                if p == NULL:
                    break
            if p == NULL:
                break
            p[0] = 10
            position = p + 1 - start
            row += 1
    return row, position


# ------------------------------------------------------------------------------------------------ binary


def split_rows(
    const uint8_t[::1] data, Py_ssize_t position, Py_ssize_t stop, bint newlines, uint8_t[:, ::1] rows,
    uint8_t[::1] token_data, int64_t[::1] token_offsets, Py_ssize_t row,
):
    """Copy the rows data[position:stop], each a token, a space and the bytes of its numbers, from `row` on.

    With `newlines`, a newline precedes each token and is not part of it. Stops at the first row that is
    incomplete, lacks its newline or does not fit. Returns the position where it stopped, and the next row.
    """
    cdef Py_ssize_t width = rows.shape[1], last = stop - width, token, size
    cdef int64_t used
    if position < 0 or stop > data.shape[0]:
        raise ValueError("the rows to split must lie inside the block")
    if not 0 <= row < token_offsets.shape[0] or not 0 <= token_offsets[row] <= token_data.shape[0]:
        raise ValueError("the rows read so far must lie inside the arrays")
    used = token_offsets[row]
    if position >= last:
        return position, row
    cdef const uint8_t *start = &data[0]
    cdef const uint8_t *space
    with nogil:
        while row < rows.shape[0] and row + 1 < token_offsets.shape[0]:
            token = position + newlines
            if token >= last or (newlines and start[position] != 10):
                break
            space = <const uint8_t *>memchr(start + token, 32, last - token)
            if space == NULL:
                break
            size = space - start - token
            if used + size > token_data.shape[0]:
                break
            if size:
                memcpy(&token_data[used], start + token, size)
            memcpy(&rows[row, 0], space + 1, width)
            used += size
            row += 1
            token_offsets[row] = used
            position = token + size + 1 + width
    return position, row
