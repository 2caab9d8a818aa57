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
	row := fmt.Sprintf("| a block of 128 random bits | %.1f |\n", program().PerCount("philoxNEON"))
	if !strings.Contains(string(docs), row) {
		t.Errorf("docs/arm64.md lacks the row\n%s", row)
	}
}
