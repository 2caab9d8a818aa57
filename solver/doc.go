// Package solver answers a sensing problem with an overparameterized gradient method, and records how it got there.
//
// # The mathematics
//
// An unknown matrix is written as a product of factors, Z = UUᵀ with U of size n × r, and found by descending
//
//	f(U) = 1/(4m) Σ_i (⟨A_i, UUᵀ⟩ − y_i)²,    ∇f(U) = 1/m Σ_i (⟨A_i, UUᵀ⟩ − y_i) A_i U,
//	U ← U − μ ∇f(U),
//
// from a small random start U₀ = α·G, G_ij ~ N(0, 1/r). (Stöger and Soltanolkotabi, "Small random initialization is
// akin to spectral learning", NeurIPS 2021, arXiv 2106.15013.)
//
// # The parts
//
// [Solve] is the loop. Four things are handed to it, and each can be replaced without the others noticing:
//
//   - a [Backend] opens an [Engine], which holds the measurements and a batch of factors on one device;
//   - a [Parametrization] says how factors make a matrix, and how a gradient flows back;
//   - a [Method] says how a gradient becomes a step, and by [Needs] what it needs of an engine;
//   - a [Start] makes the first factor.
//
// A [Recorder] watches, a [Stopper] decides when it is enough, and a [Status] says why it ended. What was recorded is
// a [Trajectory], in which [Trajectory.Phases] finds alignment, saddle avoidance and refinement.
//
// The package imports no backend, and knows of no file and no terminal.
package solver
