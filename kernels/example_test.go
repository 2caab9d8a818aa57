package kernels_test

import (
	"fmt"
	"strings"

	"github.com/matsense/matsense/kernels"
)

// The first line of a kernel's head says what the kernel does.
func ExampleGet() {
	k := kernels.Get("dot")
	head, _, _ := strings.Cut(k.Source, "\n")
	fmt.Println(head)
	fmt.Println("compute capability", k.Capability)
	// Output:
	// // dot: sums[s] = Σ_i x_i·y_i over the numbers i of segment s, in f64 arithmetic: the parts of ⟨x, y⟩.
	// compute capability [7 0]
}
