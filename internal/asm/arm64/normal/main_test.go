package main

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestCounts: docs/arm64.md has the number of instructions.
func TestCounts(t *testing.T) {
	docs, err := os.ReadFile("../../../../docs/arm64.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, entries := range []string{"f64", "f32", "bf16"} {
		const perBlock = 2 // deviates
		count := program().PerCount("normals"+strings.ToUpper(entries)+"NEON") / perBlock
		row := fmt.Sprintf("| a normal deviate of a block, %s | %.1f |\n", entries, count)
		if !strings.Contains(string(docs), row) {
			t.Errorf("docs/arm64.md lacks the row\n%s", row)
		}
	}
}
