package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

var update = flag.Bool("update", false, "write the flags' table into the README")

const tableHead = "| flag | default | meaning |\n|---|---|---|\n"

// flagTable describes the flags of run as the README does.
func flagTable() string {
	b := strings.Builder{}
	b.WriteString(tableHead)
	newRun(environment{out: io.Discard, err: io.Discard}).Flags().VisitAll(func(f *pflag.Flag) {
		value := f.DefValue
		if value == "0" || value == "false" || strings.Contains(f.Usage, "(default") {
			value = ""
		}
		fmt.Fprintf(&b, "| `--%s` | %s | %s |\n", f.Name, value, strings.ReplaceAll(f.Usage, "|", `\|`))
	})
	return b.String()
}

// TestReadme: the README's table of flags is the program's.
func TestReadme(t *testing.T) {
	const path = "../../README.md"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), tableHead)
	if !found {
		t.Fatal("the README has no table of flags")
	}
	_, after, _ := strings.Cut(rest, "\n\n")
	want := before + flagTable() + "\n" + after
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(text) != want {
		t.Errorf("the README's table of flags is old: go test ./cmd/matsense -run TestReadme -update. It should be\n%s", flagTable())
	}
}
