package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/matsense/matsense/internal/asm/arm64"
)

// TestCounts: the table in docs/arm64.md has the instructions of the loops for each entry, and a gradient
// from f32 entries takes at most 3.5 in f64.
func TestCounts(t *testing.T) {
	docs, err := os.ReadFile("../../../../docs/arm64.md")
	if err != nil {
		t.Fatal(err)
	}
	p := program()
	decoding := p.PerCount("decodeQ8NEON")
	for _, a := range []arithmetic{double, single} {
		for _, format := range []struct{ entries, loops string }{
			{"f64", "F64"}, {"f32", "F32"}, {"bf16", "BF16"}, {"q8", "F32"}, {"sign", "Signs"},
		} {
			entry := func(loop string) float64 {
				return p.PerCount(loop+format.loops+a.name+"NEON") / blockRows
			}
			decode := 0.0
			if format.entries == "q8" {
				decode = decoding
			}
			dot, add := entry("dot"), entry("add")
			both := decode + dot + add
			if format.entries == "f32" && a == double && both > 3.5 {
				t.Errorf("%.2f instructions for each f32 entry in f64", both)
			}
			batch := both // signs have no loops for several members
			if format.entries != "sign" {
				batch = (decode + entry("dots") + entry("adds")) / members
			}
			row := fmt.Sprintf("| %s | %s | %.2f | %.2f | %.2f | %.2f | %.2f |", format.entries,
				map[int]string{8: "f64", 4: "f32"}[a.size], decode, dot, add, both, batch)
			if !strings.Contains(string(docs), row+"\n") {
				t.Errorf("docs/arm64.md lacks the row\n%s", row)
			}
		}
	}
}

// TestLoopsAreCounted: a loop's instructions are those between its label and its branch, without the labels.
func TestLoopsAreCounted(t *testing.T) {
	f := new(arm64.Program).New("f", "n int", "nothing.")
	f.Loop(f.Param("n"), 2, func() { f.ZeroV(f.V()) })
	if got, want := f.Loops[0], (arm64.Loop{Instructions: 3, Step: 2}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
