// Package sensing defines the problem: which low-rank matrix is to be found, and from which measurements.
// Nothing here solves anything.
//
// # The problem
//
// A matrix M* of low rank, the truth, is to be found from m numbers y_i. Two things say how y depends on M*:
// an ensemble and an observation model.
//
// # Ensembles
//
// An [Ensemble] is a set of measurement matrices A_1 … A_m: their number, their size and the law that they
// are drawn by. Its measurements of a matrix Z are the m numbers ⟨A_i, Z⟩ = tr(A_iᵀZ).
//
// A [Space] maps a matrix Z to a vector z of K coordinates such that ⟨A, Z⟩ = a·z. For symmetric n × n
// matrices that map is svec, K = n(n+1)/2, with the off-diagonals multiplied by √2; for rectangular n₁ × n₂
// matrices it is vec, K = n₁·n₂. The ensembles with [Rows] ([Gaussian], [Rademacher], [Dense],
// [ComplexRankOne]) are m × K matrices whose rows are the coordinates a_i, whatever the space. The other
// ensembles ([Completion], [RankOne], [Pauli]) have a structure, by which an engine measures with the factors
// of Z and needs no K coordinates.
//
// # Observation models
//
// An observation model says how y follows from M*. It is linear unless a problem says otherwise:
//
//   - linear: y_i = ⟨A_i, M*⟩ + σ·w_i with w_i ~ N(0, 1), for any ensemble. See [Problem].
//   - single-index: y_i = h(⟨X_i, M*⟩/‖M*‖_F) + σ·w_i with a link h and Gaussian X_i. See [SingleIndex].
//   - multi-index: y_i = q(⟨a_i, w_1⟩, …, ⟨a_i, w_p⟩) + σ·w_i with a link q, the vectors a_i of a [RankOne]
//     and orthonormal w_j that span the columns of M*. See [Link].
//
// # Held-out measurements
//
// Some measurements of a [Divisible] ensemble can be held out of the problem. The error on [HeldOut] says how
// well an iterate predicts data that it was not fitted to.
//
// # Three choices that are often confused
//
// The number format of the rows' entries (f64, f32, bf16, q8, signs) is part of the problem: the rounded
// entries are the ensemble, and y is computed from them. The place of the rows (in memory, or recomputed when
// needed) changes time and memory, and no bit of the result. The arithmetic that multiplies with the rows
// belongs to the solver.
//
// # Random numbers
//
// All randomness is Philox4x32-10, keyed by a seed, with a counter made of (stream, row, block). So any
// thread, device or resumed run can make any entry without the others. Normal deviates are built from IEEE
// add, multiply, divide, square root and explicit fused multiply-add alone, in a fixed order, so that their
// bits are the same on every machine. The assembly in the files asm_* is generated:
// internal/asm/philox and internal/asm/normal write it when go generate ./sensing runs them.
package sensing
