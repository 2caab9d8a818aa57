// Package solver recovers a matrix from linear measurements with a gradient method on a factored matrix, and
// records how the method gets there.
//
// # The mathematics
//
// The unknown matrix is written as a product of factors, Z = UUᵀ with U of size n × r. Gradient descent
// minimizes
//
//	f(U) = 1/(4m) Σ_i (⟨A_i, UUᵀ⟩ − y_i)²,    ∇f(U) = 1/m Σ_i (⟨A_i, UUᵀ⟩ − y_i) A_i U,
//	U ← U − μ ∇f(U),
//
// from a small random start U₀ = α·G, G_ij ~ N(0, 1/r). (Stöger and Soltanolkotabi, "Small random
// initialization is akin to spectral learning", NeurIPS 2021, arXiv 2106.15013.)
//
// # What to call
//
// [Solve] runs one method on one [github.com/matsense/matsense/sensing.Problem]; [SolveAll] runs several jobs
// that share the measurements. [Settings] hold everything but problem, backend and method. A run passes
// [Sample] values to its [Recorder]. A [Trajectory] is the recorder that keeps them all; [Trajectory.Phases]
// finds alignment, saddle avoidance and refinement in it. A [Stopper] or Patience may end a run early, and
// [Status] says why a run ended. [Opening] is what is known before the first step. [SpectralEstimate] is the
// estimate that the first iterates follow. [RegisterMetric] adds a metric to the table that files, charts and
// pages read.
//
// # What to implement
//
// Each part of a run is an interface, and each implementation can be replaced without changing the others.
//
//   - A [Method] has a Name, says by [Needs] what it needs of an engine, and takes a Step with the
//     operations of a [Member]. Its settings are its fields; what it remembers between steps lies in its
//     slots. It may also implement [Measuring] (metrics of the method) and [Selective] (not defined for
//     every parametrization).
//   - A [Start] makes the first factor. It may also implement [Selective].
//   - A [Parametrization] says how factors make a matrix, and how a gradient flows back to them. It may also
//     implement [Paired], [Layered], [Balanced] and [SelfMeasuring].
//   - A [Backend] opens an [Engine], which holds the measurements and a batch of factors on one device. An
//     engine may also implement [DrawEngine], [ValueEngine], [RandomEngine], [InverseEngine],
//     [EntrywiseEngine], [ProductEngine], [AlgebraEngine], [ProjectionEngine] and [AnchorEngine]. Offers of
//     the [Backend] says which of the first six its engines have.
//
// The package imports no backend, and knows of no file and no terminal.
package solver
