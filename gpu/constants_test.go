package gpu

import (
	"fmt"
	"strings"
	"testing"

	"github.com/matsense/matsense/kernels"
)

// TestConstants holds the constants of this package that the kernels repeat to the heads of the kernels. The
// tests of each kernel hold the kernel to its head.
func TestConstants(t *testing.T) {
	var a matrix
	for _, c := range []struct {
		kernel, head string // a kernel, and words of its head
		values       []any
	}{
		{"dot", "grid (⌈count/%d⌉)", []any{dotSegment}},
		{"anchor_distance", "grid (⌈k/%d⌉, members)", []any{distanceSegment}},
		{"anchor_distance", "for each member %d u64", []any{len(difference{}.words())}},
		{"row_squares", "for each matrix four u64", nil},
		{"sampled_sum", "grid (⌈count/%d⌉, members)", []any{dotSegment}},
		{"multiply_nn", "grid (⌈rows/%d⌉ and ⌈cols/%[1]d⌉ of the largest", []any{tileSide}},
		{"multiply_nn", "for each product %d u64", []any{len(multiplication{}.words())}},
		{"multiply_sum", "for each product the %d u64", []any{multiplicationBytes / 8}},
		{"cholesky", "the panel of %d columns", []any{panelSide}},
		{"cholesky", "for each system %d u64", []any{len(system{}.words())}},
		{"cholesky_forward", "grid (⌈(rows − first)/%d⌉", []any{panelSide}},
		{"cholesky_forward", "for each system %d u64", []any{systemBytes / 8}},
		{"cholesky_backward", "grid (⌈rows/%d⌉", []any{panelSide}},
		{"normals", "grid (⌈count/%d⌉)", []any{normalsEach}},
		{"signs", "grid (⌈count/%d⌉)", []any{signsEach}},
		{"normalize", "for each entry %d u64", []any{len(normalized{Z: a, X: a, Y: a, Squares: a}.words())}},
		{"projected_squares_f64", "grid (tiles, ⌈count/%d⌉)", []any{projectionRows}},
		{"pauli_weights", "grid (groups to take, ⌈n/%d⌉, members)", []any{pauliTile}},
		{"pauli_pairs", "grid (groups to take, n/%d, members)", []any{pauliTile}},
		{"hadamard", "grid (n/%d, vectors)", []any{pauliTile}},
		{"dots_f64_f64", "grid (slabs, ⌈count/%d⌉", []any{tileQuad}},
		{"dots_f64_f64", "a multiple of %d, at most %d", []any{kernels.SlabStep, kernels.Slab}},
		{"contract_f64_f64", "a multiple of %d, at most %d", []any{kernels.SlabStep, kernels.Slab}},
		{"contract_f64_f64", "multiples of %d, and m", []any{stageRows}},
		{"contract_long_f64_f64", "slabs of a block: at most %d;", []any{kernels.LongSlabs}},
		{"contract_long_f64_f64", "a multiple of %d, at most %d", []any{kernels.SlabStep, kernels.Slab}},
		{"rank_one_times_16", "⌈count/%d⌉)", []any{blockSide}},
		{"rank_one_accumulate_16", "⌈side/%d⌉", []any{blockSide}},
	} {
		head := strings.ReplaceAll(kernels.Get(c.kernel).Source, "//", " ")
		head = strings.Join(strings.Fields(head), " ") // without its line breaks
		if want := fmt.Sprintf(c.head, c.values...); !strings.Contains(head, want) {
			t.Errorf("the head of %s does not say: %s", c.kernel, want)
		}
	}
	if words := len(item{}.words()); words != 4 || itemBytes != 8*words {
		t.Errorf("an item has %d words and %d bytes", words, itemBytes)
	}
	for _, kernel := range []string{ // that read items
		"lift_f64", "lift_rect_f64", "pauli_combine", "pauli_pairs", "pauli_residuals", "pullback_f64",
		"pullback_rect_f64", "pullback_rect_transposed_f64", "rank_one_accumulate_16", "rank_one_collect",
		"rank_one_contract_4x1", "rank_one_residuals", "rank_one_times_16", "sampled_1", "sampled_segments",
	} {
		if !strings.Contains(kernels.Get(kernel).Source, "four u64") {
			t.Errorf("the head of %s does not say that a member or column has four words", kernel)
		}
	}
}
