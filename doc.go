// Package matsense recovers low-rank matrices from few linear measurements with overparameterized gradient
// methods started near zero, and shows how they get there.
//
// This package is only the map.
//
//   - [github.com/matsense/matsense/sensing] has the question: spaces, truths, ensembles of measurements,
//     observation models, and counter-based random numbers.
//   - [github.com/matsense/matsense/solver] has the answer: the loop, methods, parametrizations, starts, the
//     table of metrics, and phases. It works with an engine that a backend opens.
//   - [github.com/matsense/matsense/cpu] is the backend on the host, [github.com/matsense/matsense/gpu] the
//     backend on a device: an NVIDIA GPU, or an emulator that interprets the same PTX kernels, which
//     [github.com/matsense/matsense/kernels] holds.
//   - [github.com/matsense/matsense/experiment/config] has settings, and the catalog of all members;
//     [github.com/matsense/matsense/experiment] makes a configuration a run with files on disk.
//   - [github.com/matsense/matsense/report] draws charts and pages, and
//     [github.com/matsense/matsense/view] what people read of runs and sweeps.
//
// The command is in cmd/matsense. Imports point one way: cmd → view → experiment, report → solver → sensing;
// cpu, gpu → solver, sensing; gpu → kernels. docs/architecture.md says how to add a member of each kind.
package matsense
