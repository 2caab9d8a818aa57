// Package sweep says which runs a sweep has, and how they are shared out. A sweep file is
//
//	base:                     # settings of every run, as in config.yaml; what is not given has its default
//	  n: 50
//	  rank: 2
//	  iterations: 400
//	axes:                     # the grid is their product, the last one fastest
//	  - alpha: {logspace: [1e-10, 1e-2, 9]}     # 9 numbers from 1e-10 to 1e-2
//	  - factor-rank: [2, 10, 50]
//	  - {kappa: [1, 5], step: [0.25, 0.05]}     # two settings that go together: lists of one length
//	seeds: 5                  # replicas of everything: seed is the base's, the next, …
//	start-seeds: 3            # replicas of the random start alone, which share their measurements
//	filter: factor_rank >= rank and alpha < 1e-3
//	targets: [1e-2, 1e-4]     # test errors whose first iteration is recorded
//
// Each part may be missing. docs/sweeps.md has the rules in full.
//
// [Read] tells all mistakes of the file at once, [Spec.Runs] those of single runs, each with its line. [Groups] puts
// runs with the same measurements together, so that those are made once, and [Shard] shares the groups out to machines that
// do not speak to each other.
//
// The package computes no run, and but for reading the file it is pure.
package sweep
