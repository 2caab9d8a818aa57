// Package gpucheck is scripts/gpu-check: it packs all that a machine with a GPU needs into one file, carries
// out a table of steps there, each with a time limit, and writes a page with the results.
//
//	bundle.go    makes the file
//	steps.go     the table of steps: name, group, limit, command, how the outcome is judged
//	visit.go     carries the steps out, whatever fails
//	process.go   one process with a time limit
//	parse.go     reads logs: tests, benchmarks, kernels, PyTorch, devices
//	judge.go     the outcome of a log
//	compare.go   compares two runs or sweeps
//	results.go   everything that was found, as JSON, and its archive
//	page.go      the page
//	command.go   the command line
package gpucheck
