#!/usr/bin/env python3
"""Philox4x32-10 and the numbers that the stochastic methods draw with it.

    python3 philox.py --check   compare with published values; status 1 on mismatch

The generator is the one of Salmon, Moraes, Dror and Shaw, "Parallel random
numbers: as easy as 1, 2, 3" (SC'11).  It is written in Python's integers, which
have no overflow to think about; speed does not matter here.

A number is addressed by a seed, a stream, a row and its place in the row.  The
generator is called with

    key      (seed mod 2^32, floor(seed / 2^32))
    counter  (block, row mod 2^32, floor(row / 2^32), stream)

for block = 0, 1, ..., and each call gives the next four 32-bit words of the row.
"""

import math
import sys

import numpy as np

MASK = 2 ** 32 - 1

BATCH = 5       # streams: the measurements of a mini-batch
LABELS = 6      # the signs of the label noise
DIRECTIONS = 7  # the directions of the zeroth-order method


def philox4x32(counter, key):
    """Four words from a counter of four and a key of two, in ten rounds.

    A round takes (c0, c1, c2, c3) to

        (hi(M1 c2) xor c1 xor k0,  lo(M1 c2),  hi(M0 c0) xor c3 xor k1,  lo(M0 c0))

    where hi and lo are the two halves of the 64-bit product.  Between two rounds
    the key grows by (W0, W1) mod 2^32."""
    M0, M1 = 0xD2511F53, 0xCD9E8D57
    W0, W1 = 0x9E3779B9, 0xBB67AE85  # golden ratio and sqrt(3) - 1
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        p0, p1 = M0 * c0, M1 * c2
        c0, c1, c2, c3 = ((p1 >> 32) ^ c1 ^ k0, p1 & MASK,
                          (p0 >> 32) ^ c3 ^ k1, p0 & MASK)
        k0, k1 = (k0 + W0) & MASK, (k1 + W1) & MASK
    return c0, c1, c2, c3


def words32(seed, stream, row, count):
    """The first `count` 32-bit words of a row."""
    key = (seed & MASK, seed >> 32)
    words = []
    for block in range(-(-count // 4)):
        words += philox4x32((block, row & MASK, row >> 32, stream), key)
    return words[:count]


def words64(seed, stream, row, count):
    """The first `count` 64-bit words of a row, each from two 32-bit words, of
    which the first is the lower half."""
    x = words32(seed, stream, row, 2 * count)
    return [low + (high << 32) for low, high in zip(x[::2], x[1::2])]


def indices(seed, stream, row, count, m):
    """`count` numbers out of 0 .. m-1: floor(w m / 2^64) for the 64-bit words w."""
    return [w * m >> 64 for w in words64(seed, stream, row, count)]


def signs(seed, stream, row, count):
    """+1 where a bit of the row is 0 and -1 where it is 1; the bits of a 32-bit
    word are taken from the least significant one upwards."""
    x = words32(seed, stream, row, -(-count // 32))
    return np.array([1.0 - 2.0 * (x[i // 32] >> i % 32 & 1) for i in range(count)])


def normals(seed, stream, row, count):
    """Normal deviates, two from each block (the last one is dropped if `count`
    is odd).  With the two 64-bit words a and b of the block

        u = (floor(a / 2^12) + 1/2) / 2^52        radius  sqrt(-2 ln u)
        t = (floor(b / 2^10) mod 2^52 + 1/2) / 2^52 - 1/2
        q = floor(b / 2^62)                       angle   (pi / 2) (q + t)

    they are radius cos(angle) and radius sin(angle).  The q quarter turns are
    done exactly, so that q + t need not be rounded."""
    w = words64(seed, stream, row, 2 * -(-count // 2))
    deviates = []
    for a, b in zip(w[::2], w[1::2]):
        radius = math.sqrt(-2 * math.log(((a >> 12) + 0.5) / 2 ** 52))
        t = ((b >> 10) % 2 ** 52 + 0.5) / 2 ** 52 - 0.5
        c, s = math.cos(math.pi / 2 * t), math.sin(math.pi / 2 * t)
        for _ in range(b >> 62):
            c, s = -s, c
        deviates += [radius * c, radius * s]
    return np.array(deviates[:count])


# Published with the authors' own implementation (Random123): counter, key,
# result.
KNOWN = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000",
     "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff",
     "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0",
     "d16cfe09 94fdcceb 5001e420 24126ea1"),
]


def check():
    """Problems found, as lines of text."""
    problems = []
    for known in KNOWN:
        counter, key, want = ([int(word, 16) for word in text.split()]
                              for text in known)
        if list(philox4x32(counter, key)) != want:
            problems.append(f"philox4x32 of counter {known[0]} and key {known[1]} "
                            f"is not {known[2]}")

    # One number of each kind, in a row and with a seed above 2^32, from the
    # definition: the fourth block of the row.
    seed, row = 0x299f31d0a4093822, 0x13198a2e85a308d3
    x = philox4x32((3, 0x85a308d3, 0x13198a2e, 9), (0xa4093822, 0x299f31d0))
    a, b = x[0] + 2 ** 32 * x[1], x[2] + 2 ** 32 * x[3]
    if words64(seed, 9, row, 8)[6:] != [a, b]:
        problems.append("64-bit words 6 and 7 are not those of block 3")
    if indices(seed, 9, row, 8, 1000)[7] != b * 1000 // 2 ** 64:
        problems.append("index 7 is wrong")
    bits = [int(bit) for word in x for bit in reversed(format(word, "032b"))]
    if signs(seed, 9, row, 512)[384:].tolist() != [(-1.0) ** bit for bit in bits]:
        problems.append("signs 384 .. 511 are not the bits of block 3")
    radius = math.sqrt(-2 * math.log((a // 2 ** 12 + 0.5) / 2 ** 52))
    angle = math.pi / 2 * (b // 2 ** 62
                           + (b // 2 ** 10 % 2 ** 52 + 0.5) / 2 ** 52 - 0.5)
    want = [radius * math.cos(angle), radius * math.sin(angle)]
    if not np.allclose(normals(seed, 9, row, 8)[6:], want, rtol=0, atol=1e-14):
        problems.append("normal deviates 6 and 7 are not those of block 3")
    if len(normals(seed, 9, row, 7)) != 7:
        problems.append("the last of an odd number of deviates is not dropped")

    # The deviates: Gaussian moments over 20000 (standard error of the mean 0.007,
    # of the variance 0.010, of the fourth moment 0.07).
    z = normals(1, 9, 0, 20000)
    for name, got, want, allowed in [("mean", z.mean(), 0, 0.03),
                                     ("variance", z.var(), 1, 0.04),
                                     ("fourth moment", (z ** 4).mean(), 3, 0.3)]:
        if not abs(got - want) <= allowed:
            problems.append(f"{name} of the normal deviates is {got:.3f}")
    return problems


def main(arguments):
    if arguments != ["--check"]:
        print("usage: philox.py --check", file=sys.stderr)
        return 2
    problems = check()
    for problem in problems:
        print(f"MISMATCH philox: {problem}")
    if not problems:
        print("philox: agrees with the published values")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
