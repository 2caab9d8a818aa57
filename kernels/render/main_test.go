package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/matsense/matsense/kernels"
)

// TestWrite: a file for each kernel, with the driver's text or with the comments.
func TestWrite(t *testing.T) {
	for _, source := range []bool{false, true} {
		dir := filepath.Join(t.TempDir(), "new", "folder")
		if err := write(dir, source); err != nil {
			t.Fatal(err)
		}
		files, err := os.ReadDir(dir)
		if err != nil || len(files) != len(kernels.All()) {
			t.Fatalf("%d files for %d kernels, error %v", len(files), len(kernels.All()), err)
		}
		for _, k := range kernels.All() {
			got, err := os.ReadFile(filepath.Join(dir, k.Name+".ptx"))
			if err != nil {
				t.Fatal(err)
			}
			want := k.Text
			if source {
				want = k.Source
			}
			if string(got) != want {
				t.Errorf("source %v: %s.ptx is not the kernel's text", source, k.Name)
			}
		}
	}
}
