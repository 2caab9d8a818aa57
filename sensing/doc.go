// Package sensing says what is asked: which low-rank matrix is to be found, and from which linear measurements.
// Nothing here solves anything.
//
// # The problem
//
// A matrix M* of low rank is observed through m measurement matrices,
//
//	y_i = ⟨A_i, M*⟩ + σ·w_i,    i = 1 … m,    w_i ~ N(0, 1).
//
// Everything downstream works in coordinates. A [Space] maps a matrix Z to a vector z of K numbers such that
// ⟨A, Z⟩ = a·z: for symmetric n × n matrices that is svec, K = n(n+1)/2, with the off-diagonals multiplied by √2;
// for rectangular n₁ × n₂ matrices it is plain vec, K = n₁·n₂. An ensemble of [Rows] is then an m × K matrix of rows a_i,
// and nothing after it asks which space it came from. The other ensembles ([Completion], [RankOne], [Pauli]) have a structure of their own,
// and nothing of K numbers.
//
// # Three choices that are often confused
//
// The entries of the rows (f64, f32, bf16, q8, signs) are part of the problem: the rounded entries are the ensemble,
// and y is computed from them. Where rows are kept (in memory, or recomputed when needed) changes time and space,
// never a bit of the result. Which arithmetic contracts them belongs to the solver.
//
// # Random numbers
//
// All randomness is Philox4x32-10, keyed by a seed, with a counter made of (stream, row, block). Any thread, device,
// shard or resumed run makes the same entry by itself. Normal deviates are built from IEEE add, multiply, divide,
// square root and explicit fused multiply-add alone, in one written order, so that they are the same bits everywhere.
package sensing
