// Package kernels has the PTX that runs on NVIDIA GPUs, one entry to a file, each named as its file. It is data: the text
// of each kernel and the compute capability that it asks for. Package gpu launches the kernels, and package emulator
// interprets the same text.
//
// # Families
//
// With coordinates k, rows a_i, members b of a batch and T the arithmetic, f64 or f32:
//
//	lift_T, lift_rect_T         z = svec(L·Rᵀ), and vec(L·Rᵀ) for rectangular matrices
//	contract_E_T                p_i = a_i·z, res_i = p_i − y_i, Σ scale·res_i a_i for each chunk of rows, one pass over the rows
//	contract_generated_E_T      the same with rows that are made on the spot
//	dots_E_T, residuals_T, accumulate_E_T
//	                            the three steps of contract as kernels of their own, for any K and any number of members
//	sum_chunks_T                g = the sum of the chunks
//	pullback_T                  ∇ = scale·G·X with G = unsvec(g)
//	pullback_rect_T, pullback_rect_transposed_T
//	                            ∇ = scale·G·X and ∇ = scale·Gᵀ·X with G = unvec(g)
//	generate_E                  rows from their counters
//	combine, sum_squares, gram, right_multiply
//	                            updates, norms and the small products of preconditioned methods
//
// E is the entry format: f64, f32, bf16, q8 or sign. A file's head gives its equation, parameters, launch geometry and
// order of summation. contract gives the same bits as its three steps; docs/kernels.md counts the bytes and operations
// of each and the time that they take at least.
//
// # Adding a kernel
//
// The .ptx files are written by generate.go from templates/, hand-written PTX in which format, arithmetic and unrolling
// are filled in: add a template, name its kernels in generate.go, run go generate, and write a launcher in package gpu
// and its test.
package kernels

import (
	"embed"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

//go:generate go run generate.go

//go:embed *.ptx
var files embed.FS

// Kernel is one .entry of PTX.
type Kernel struct {
	// Name is the entry's, and with .ptx the file's.
	Name string
	// Text is the PTX.
	Text string
	// Capability is the lowest compute capability that it runs on: {7, 0}.
	Capability [2]int
}

// Get returns a kernel by its name. That there is none is a programmer's mistake, and panics.
func Get(name string) Kernel {
	text, err := files.ReadFile(name + ".ptx")
	if err != nil {
		panic(fmt.Sprintf("kernels: there is no kernel %q", name))
	}
	return Kernel{name, string(text), capability(string(text))}
}

// All returns every kernel, by name.
func All() []Kernel {
	entries, err := files.ReadDir(".")
	if err != nil {
		panic(err) // the files are part of the program
	}
	list := make([]Kernel, len(entries))
	for i, e := range entries {
		list[i] = Get(strings.TrimSuffix(e.Name(), ".ptx"))
	}
	return list
}

var target = regexp.MustCompile(`(?m)^\.target sm_(\d+)(\d)$`)

func capability(text string) [2]int {
	m := target.FindStringSubmatch(text)
	major, _ := strconv.Atoi(m[1])
	minor, _ := strconv.Atoi(m[2])
	return [2]int{major, minor}
}

// Slab is how many coordinates a block takes in dots and in contract.
const Slab = 4096

// Stages is the dynamic shared memory in bytes that a block of contract takes for rows of a format with so many bits an
// entry.
func Stages(entryBits int) int {
	entries := map[int]string{64: "f64", 32: "f32", 16: "bf16", 8: "q8", 1: "sign"}[entryBits]
	bytes, _ := strconv.Atoi(dynamic.FindStringSubmatch(Get("contract_" + entries + "_f64").Text)[1])
	return bytes
}

// dynamic finds the size in the kernel's head.
var dynamic = regexp.MustCompile(`(\d+) bytes of dynamic shared memory`)
