package cpudriver

import (
	"crypto/sha256"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
)

// DeviceName is the name that the driver's devices report.
const DeviceName = "PTX on the CPU"

//go:embed src
var sources embed.FS

// ErrCompiler is the error of Build if there is no g++.
var ErrCompiler = errors.New("cpudriver: g++ was not found")

// Build returns a directory with libcuda.so.1 and libnvidia-ml.so.1, for LD_LIBRARY_PATH. It compiles them
// with g++ and the cuda.h of the directory include, unless an earlier build exists. The directory lies in the
// module's .tools/cpudriver, or below os.TempDir outside the module; its name is a hash of the sources,
// cuda.h and the compiler. Several processes may build at the same time.
func Build(include string) (dir string, err error) {
	compiler, err := exec.LookPath("g++")
	if err != nil {
		return "", ErrCompiler
	}
	name, err := hash(compiler, include)
	if err != nil {
		return "", fmt.Errorf("cpudriver: build: %w", err)
	}
	dir = filepath.Join(cache(), name)
	if _, err := os.Stat(filepath.Join(dir, "libcuda.so.1")); err == nil {
		return dir, nil
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", fmt.Errorf("cpudriver: build: %w", err)
	}
	// The libraries are built in a temporary directory and then renamed, so that no process finds half of
	// them.
	aside, err := os.MkdirTemp(filepath.Dir(dir), "build")
	if err != nil {
		return "", fmt.Errorf("cpudriver: build: %w", err)
	}
	defer os.RemoveAll(aside)
	made := filepath.Join(aside, "lib")
	if err := compile(compiler, include, aside, made); err != nil {
		return "", fmt.Errorf("cpudriver: build: %w", err)
	}
	if err := os.Rename(made, dir); err != nil {
		// Another process may have been faster.
		if _, missing := os.Stat(filepath.Join(dir, "libcuda.so.1")); missing != nil {
			return "", fmt.Errorf("cpudriver: build: %w", err)
		}
	}
	return dir, nil
}

// flags are the compiler's flags for every file. The compiler may fuse no expression: the instructions say
// where to.
func flags(include string) []string {
	list := []string{
		"-std=c++17", "-O2", "-ffp-contract=off", "-fno-math-errno", "-fvisibility=hidden", "-fPIC",
		"-Wall", "-Wextra", "-I", include,
	}
	if runtime.GOARCH == "amd64" {
		list = append(list, "-mfma") // every CPU since 2013 has it; without it std::fma is a function call
	}
	return list
}

func compile(compiler, include, aside, made string) error {
	if err := os.Mkdir(made, 0o755); err != nil {
		return err
	}
	if err := os.CopyFS(aside, sources); err != nil {
		return err
	}
	run := func(args ...string) error {
		if out, err := exec.Command(compiler, args...).CombinedOutput(); err != nil {
			return fmt.Errorf("g++ %s: %w\n%s", strings.Join(args, " "), err, out)
		}
		return nil
	}
	files, err := filepath.Glob(filepath.Join(aside, "src", "*.cpp"))
	if err != nil {
		return err
	}
	var group sync.WaitGroup
	failures := make([]error, len(files))
	free := make(chan bool, 2) // at most two compilers at a time
	for i, file := range files {
		group.Go(func() {
			free <- true
			failures[i] = run(append(flags(include), "-c", file, "-o", file+".o")...)
			<-free
		})
	}
	group.Wait()
	if err := errors.Join(failures...); err != nil {
		return err
	}
	// Each library contains the C++ library, so that it also works on a machine without one.
	link := func(library string, objects ...string) error {
		return run(append([]string{
			"-shared", "-static-libstdc++", "-static-libgcc", "-Wl,--exclude-libs,ALL", "-Wl,-soname," +
				library,
			"-o", filepath.Join(made, library),
		}, append(objects, "-ldl", "-lpthread")...)...)
	}
	var driver, nvml []string
	for _, file := range files {
		if filepath.Base(file) == "nvml.cpp" {
			nvml = append(nvml, file+".o")
		} else {
			driver = append(driver, file+".o")
		}
	}
	if err := link("libnvidia-ml.so.1", nvml...); err != nil {
		return err
	}
	return link("libcuda.so.1", driver...)
}

// hash returns the hash of everything that a build depends on.
func hash(compiler, include string) (string, error) {
	h := sha256.New()
	version, err := exec.Command(compiler, "--version").Output()
	if err != nil {
		return "", err
	}
	header, err := os.ReadFile(filepath.Join(include, "cuda.h"))
	if err != nil {
		return "", err
	}
	fmt.Fprintf(h, "%s %q %x\n", version, flags(""), sha256.Sum256(header))
	err = fs.WalkDir(sources, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := sources.ReadFile(path)
		fmt.Fprintf(h, "%s %x\n", path, sha256.Sum256(content))
		return err
	})
	return fmt.Sprintf("%x", h.Sum(nil)[:8]), err
}

// cache returns the directory that holds the builds.
func cache() string {
	if dir, err := os.Getwd(); err == nil {
		for ; ; dir = filepath.Dir(dir) {
			if text, err := os.ReadFile(filepath.Join(dir, "go.mod")); err == nil {
				if strings.HasPrefix(string(text), "module github.com/matsense/matsense\n") {
					return filepath.Join(dir, ".tools", "cpudriver")
				}
				break
			}
			if dir == filepath.Dir(dir) {
				break
			}
		}
	}
	return filepath.Join(os.TempDir(), fmt.Sprintf("matsense-cpudriver-%d", os.Getuid()))
}
