package matsense_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestUserMethod: a module of its own adds a method to the catalog, runs it, goes on with the run and sweeps
// over the method's setting. It is built without network, from the packages that this module has.
func TestUserMethod(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds a program")
	}
	// The go command completes a copy of the module's file, so that the folder stays as it is.
	dir := t.TempDir()
	for to, from := range map[string]string{"go.mod": "examples/usermethod/go.mod", "go.sum": "go.sum"} {
		text, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, to), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	program := exec.Command("go", "run", "-modfile="+filepath.Join(dir, "go.mod"), ".")
	program.Dir = filepath.Join("examples", "usermethod")
	program.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off")
	text, err := program.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	for i, want := range []string{
		"decaying-gd, decay 0.0001: test error 1.5e-04 after 100 iterations",
		"decaying-gd, decay 0.0001: test error 6.2e-09 after 300 iterations",
		"sweep, decay 0: ", "sweep, decay 0.001: ", "sweep, decay 0.1: ",
	} {
		if i >= len(lines) || !strings.HasPrefix(lines[i], want) {
			t.Fatalf("line %d does not begin with %q:\n%s", i+1, want, text)
		}
	}
}
