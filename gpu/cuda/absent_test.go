//go:build !cuda

package cuda_test

import (
	"debug/elf"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/matsense/matsense/gpu/cuda"
	"github.com/matsense/matsense/gpu/driver"
)

func TestAbsent(t *testing.T) {
	const want = "cuda: no device: this build has no CUDA: build with -tags cuda (README, GPU)"
	if cuda.Built {
		t.Error("Built is true without the tag")
	}
	if _, err := cuda.Devices(); !errors.Is(err, driver.ErrNoDevice) || err.Error() != want {
		t.Errorf("Devices: %v, want %s", err, want)
	}
	if _, err := cuda.Open(0); !errors.Is(err, driver.ErrNoDevice) || err.Error() != want {
		t.Errorf("Open: %v, want %s", err, want)
	}
}

// The code with the tag is built and tested from here, so that go test ./... covers it on every machine that
// can build it.
func TestTagged(t *testing.T) {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64" {
		t.Skipf("skipped: the tag cuda is for Linux on amd64 and arm64, not for %s/%s",
			runtime.GOOS, runtime.GOARCH)
	}
	if testing.Short() {
		t.Skip("skipped: -short, and a first build of gorgonia.org/cu takes a while")
	}
	_, include := compiler(t)
	// go test caches a result while the files that the test opened stay the same. The result depends on these
	// files.
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			_, err = os.ReadFile(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	run := func(name string, args ...string) string {
		command := exec.Command(name, args...)
		command.Env = append(os.Environ(), "CGO_ENABLED=1", "CGO_CFLAGS=-g -O2 -I"+include)
		out, err := command.CombinedOutput()
		if err != nil {
			t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
		}
		return string(out)
	}

	t.Run("starts", func(t *testing.T) {
		program := filepath.Join(t.TempDir(), "start")
		log := run("go", "build", "-tags", "cuda", "-ldflags", "-v", "-o", program, "./testdata/start")
		// The flags must name the stand-in for libcuda before the driver's library.
		ours, theirs := strings.Index(log, "--as-needed"), strings.Index(log, "-lcuda")
		if ours < 0 || theirs < ours {
			t.Errorf("libcuda's flags do not come before those of cu in:\n%s", log)
		}
		file, err := elf.Open(program)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		libraries, err := file.ImportedLibraries()
		if err != nil {
			t.Fatal(err)
		}
		if slices.ContainsFunc(libraries, func(name string) bool { return strings.Contains(name, "cuda") }) {
			t.Errorf("the program needs %v", libraries)
		}
		out := run(program)
		if os.Getenv("CUDA_VISIBLE_DEVICES") == "" && !strings.Contains(out, "cuda: no device: ") {
			t.Skipf("skipped: there is a GPU here\n%s", out)
		}
		t.Log(strings.TrimSpace(out))
	})
	t.Run("tests", func(t *testing.T) {
		t.Log(run("go", "test", "-tags", "cuda", "-count", "1", "-v", "."))
	})
}
