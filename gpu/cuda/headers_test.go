package cuda_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// compiler returns a C compiler and the directory of cuda.h. It looks in the same directories as
// scripts/cuda-headers, but fetches nothing. If one of the two is missing, it skips the test.
func compiler(t *testing.T) (cc, include string) {
	t.Helper()
	cc, err := exec.LookPath("gcc")
	if err != nil {
		t.Skip("skipped: gcc was not found")
	}
	var candidates []string
	for _, flag := range strings.Fields(os.Getenv("CGO_CFLAGS")) {
		if dir, ok := strings.CutPrefix(flag, "-I"); ok {
			candidates = append(candidates, dir)
		}
	}
	if home := os.Getenv("CUDA_HOME"); home != "" {
		candidates = append(candidates, filepath.Join(home, "include"))
	}
	fetched, err := filepath.Abs("../../.tools/cuda/include")
	if err != nil {
		t.Fatal(err)
	}
	candidates = append(candidates, "/usr/local/cuda/include", "/opt/cuda/include", "/usr/include", fetched)
	for _, dir := range candidates {
		if _, err := os.Stat(filepath.Join(dir, "cuda.h")); err == nil {
			return cc, dir
		}
	}
	t.Skip("skipped: cuda.h was not found (scripts/cuda-headers fetches it)")
	return "", ""
}
