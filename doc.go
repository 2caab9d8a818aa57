// Package matsense recovers low-rank matrices from few linear measurements with overparameterized gradient
// methods that start near zero, and shows how they get there.
//
// This package has no code. It is the map of the module:
//
//   - [github.com/matsense/matsense/sensing] makes problems: spaces, truths, ensembles of measurements,
//     observation models, and random numbers from counters.
//   - [github.com/matsense/matsense/solver] solves them: the loop, methods, parametrizations, starts,
//     stopping, metrics and phases. It works with any engine and imports no backend.
//   - [github.com/matsense/matsense/cpu] is the backend on the host, and
//     [github.com/matsense/matsense/gpu] the backend on a device: an NVIDIA GPU, or an emulator that
//     interprets the same PTX. The PTX is in [github.com/matsense/matsense/kernels].
//   - [github.com/matsense/matsense/experiment] is a run on disk: files, checkpoints, resume. Its subfolders
//     have the settings and the catalog (config), sweeps (sweep), and claims of papers (reproduce).
//   - [github.com/matsense/matsense/report] draws charts and pages, and knows no experiment.
//   - [github.com/matsense/matsense/view] shows experiments with report: summaries, pages, captions.
//   - [github.com/matsense/matsense/watch] serves these pages to a browser, also of runs under way.
//   - [github.com/matsense/matsense/serve] answers requests of other programs for gradients, products and
//     metrics, for methods that are written in other languages.
//   - cmd/matsense is the command, with one file for each verb.
//
// Imports point one way: cmd → watch → view → experiment, report → solver → sensing; cmd → serve →
// experiment; cpu, gpu → solver, sensing; gpu → kernels. cpu and gpu do not import each other.
package matsense
