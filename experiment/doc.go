// Package experiment turns a configuration into a run with files on disk.
//
// A run directory holds
//
//	config.yaml      every setting, resolved: a run from this file repeats the run bit for bit
//	trajectory.csv   iteration,train_loss,test_error,signal,noise,angle,spectral_angle,sigma_1,…
//	times.csv        iteration,seconds
//	summary.json     how the run ended, final metrics, phases, device, versions, seeds, time
//	factor.npy       the last iterate U, n × r, or the best one; with two factors also factor-right.npy, V;
//	                 for a deep product factor-1.npy, factor-2.npy, … instead
//	data.json        which data files the run has read, with their SHA-256
//	checkpoint/      the last two states, from which the run can be resumed
//
// docs/files.md describes every column. Each file is written whole or not at all. Numbers keep all their
// digits. An unknown number is empty in CSV and null in JSON, never zero.
//
// A [Group] is several runs that share their measurements. It has no directory; [Checkpoints] holds the
// states of its runs.
//
// The package knows no flag library and no terminal. A command fills in a [config.Config], describes the
// machine by a [Host], and watches through [Progress].
package experiment
