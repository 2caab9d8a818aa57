// Package gpucheck is scripts/gpu-check. It packs all that a machine with a GPU needs into one file, carries
// out a table of steps on that machine, each with a time limit, and writes a page with the results.
//
//	bundle.go    makes the file
//	steps.go     the table of steps: name, group, limit, command, judge of the outcome
//	visit.go     carries the steps out, whatever fails
//	process.go   runs one process with a time limit
//	parse.go     reads logs: tests, benchmarks, kernels, PyTorch, devices
//	judge.go     the outcome of a log
//	compare.go   compares two runs or sweeps
//	results.go   all results, as JSON, and their archive
//	page.go      the page
//	command.go   the command line
package gpucheck
