// Package experiment turns a configuration into a run with files on disk.
//
// A run directory holds
//
//	config.yaml      everything resolved; running it again repeats the run bit for bit
//	trajectory.csv   iteration,train_loss,test_error,signal,noise,angle,spectral_angle,seconds,sigma_1,… (docs/files.md has all)
//	summary.json     how it ended, final metrics, phases, device, versions, seeds, time
//	factor.npy       the last iterate U, n × r; with two factors factor-right.npy too, of deep products factor-1.npy, …
//	checkpoint/      the last two states, from which the run can go on
//
// Every file is written whole or not at all. Numbers keep all their digits; what is unknown is empty in CSV
// and null in JSON, never zero.
//
// The package knows no flag library and no terminal: a command fills in a [Config], hands over backends, and
// watches through [Progress].
package experiment
