// Package matsense recovers low-rank matrices from few linear measurements with overparameterized gradient
// methods started near zero, and shows how they get there.
//
// This package is only the map. What is asked lives in [github.com/matsense/matsense/sensing]: spaces,
// truths, ensembles of measurements, and the counter-based random numbers they are made of. How it is
// answered lives in [github.com/matsense/matsense/solver]: the loop, methods, parametrizations, metrics and
// phases, written against an engine that some backend opens. [github.com/matsense/matsense/cpu] is the
// backend on the host, [github.com/matsense/matsense/gpu] the one on a device: an NVIDIA GPU, or an emulator
// that interprets the same PTX, which is in [github.com/matsense/matsense/kernels].
// [github.com/matsense/matsense/experiment] turns a configuration into a run with files on disk, and
// [github.com/matsense/matsense/report] draws charts and pages. [github.com/matsense/matsense/view] joins the
// two: it is what people read of runs and sweeps. The command is in cmd/matsense.
//
// Imports point one way: cmd → view → experiment, report → solver → sensing; cpu, gpu → solver, sensing; gpu
// → kernels.
package matsense
