// Package sweep carries out many runs: the points of a grid of settings. A sweep file is
//
//	base:                     # settings of every run, as in config.yaml; the others have their defaults
//	  n: 50
//	  rank: 2
//	  iterations: 400
//	axes:                     # the grid is the product of the axes; the last axis varies fastest
//	  - alpha: {logspace: [1e-10, 1e-2, 9]}     # 9 numbers from 1e-10 to 1e-2
//	  - factor-rank: [2, 10, 50]
//	  - {kappa: [1, 5], step: [0.25, 0.05]}     # two settings on one axis: lists of one length
//	seeds: 5                  # replicas of everything: seed counts up from the value in base
//	start-seeds: 3            # replicas of the random start alone, on the same measurements
//	filter: factor_rank >= rank and alpha < 1e-3
//	targets: [1e-2, 1e-4]     # test errors: the first iteration that reaches each is recorded
//
// Each part may be missing. docs/sweeps.md has the rules in full.
//
// [Read] reports all mistakes of the file at once, and [Spec.Runs] the mistakes of single runs, each with its
// line. [Groups] collects the runs that have the same measurements, so that these are made once. [Shard]
// divides the groups among machines that do not communicate. [NewPlan] does all of this, [Plan.Run] carries
// out the runs and keeps a record of each, and [Load] reads the records back. [PartFromEnvironment] finds out
// which part Slurm or Kubernetes asks for.
package sweep
