//go:build !amd64 && !arm64

package cpu

import "github.com/matsense/matsense/sensing"

// available lists the instruction sets that package cpu uses on this machine.
func available() []SIMD { return []SIMD{Off} }

// newKernel returns the kernel of an entry type in plain Go.
func newKernel[E sensing.Entry, F number](SIMD) kernel[E, F] { return kernel[E, F]{} }
