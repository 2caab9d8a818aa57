package cpudriver_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/matsense/matsense/gpu/cpudriver"
)

// head is the beginning of a module.
const head = ".version 7.0\n.target sm_80\n.address_size 64\n"

// include finds the directory of cuda.h, or skips the test.
func include(t testing.TB) string {
	t.Helper()
	var candidates []string
	for _, flag := range strings.Fields(os.Getenv("CGO_CFLAGS")) {
		if dir, ok := strings.CutPrefix(strings.Trim(flag, `"`), "-I"); ok {
			candidates = append(candidates, dir)
		}
	}
	candidates = append(candidates, filepath.Join(os.Getenv("CUDA_HOME"), "include"),
		"/usr/local/cuda/include", "/opt/cuda/include",
		"/usr/include", "../../.tools/cuda/include")
	for _, dir := range candidates {
		if _, err := os.Stat(filepath.Join(dir, "cuda.h")); err == nil {
			return dir
		}
	}
	t.Skip("skipped: cuda.h was not found (scripts/cuda-headers fetches it)")
	return ""
}

// built is the driver and the program that sends it commands.
var built struct {
	once         sync.Once
	dir, program string
	err          error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if built.program != "" {
		os.Remove(built.program)
	}
	os.Exit(code)
}

func build(t testing.TB) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("skipped: the driver is for Linux")
	}
	headers := include(t)
	built.once.Do(func() {
		if built.dir, built.err = cpudriver.Build(headers); built.err != nil {
			return
		}
		var file *os.File
		if file, built.err = os.CreateTemp("", "cpudriver-run"); built.err != nil {
			return
		}
		built.program, built.err = file.Name(), file.Close()
		if built.err == nil {
			out, err := exec.Command("g++", "-std=c++17", "-O1", "-I", headers, "-o", built.program,
				"testdata/run.cpp", filepath.Join(built.dir, "libcuda.so.1")).CombinedOutput()
			if err != nil {
				built.err = fmt.Errorf("%w\n%s", err, out)
			}
		}
	})
	if errors.Is(built.err, cpudriver.ErrCompiler) {
		t.Skipf("skipped: %v", built.err)
	}
	if built.err != nil {
		t.Fatal(built.err)
	}
}

// ask starts a process with the driver, loads PTX and sends commands (testdata/run.cpp). It returns one
// answer for each command, the first for the load, and the driver's standard error.
func ask(t testing.TB, ptx, commands string, environment ...string) (answers []string, said string) {
	t.Helper()
	build(t)
	file := filepath.Join(t.TempDir(), "text.ptx")
	if err := os.WriteFile(file, []byte(ptx), 0o644); err != nil {
		t.Fatal(err)
	}
	command := exec.Command(built.program)
	command.Env = append(append(os.Environ(), "LD_LIBRARY_PATH="+built.dir), environment...)
	command.Stdin = strings.NewReader("load " + file + "\n" + commands)
	var out, errs bytes.Buffer
	command.Stdout, command.Stderr = &out, &errs
	if err := command.Run(); err != nil {
		t.Fatalf("%v\n%s%s\nof\n%s", err, &out, &errs, ptx)
	}
	return strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n"), errs.String()
}

// entry wraps a body in a module with a kernel k(p, q, n).
func entry(body string) string {
	return head + ".extern .shared .align 16 .b8 dynamic[];\n" +
		".visible .entry k(.param .u64 p, .param .u64 q, .param .u32 n)\n{\n" +
		"\t.reg .pred %p, %q;\n\t.reg .b32 %t, %n, %x, %y, %z;\n\t.reg .b64 %a, %b, %v, %w;\n" +
		"\t.reg .f64 %f;\n\tld.param.u64 %a, [p];\n\tld.param.u64 %b, [q];\n" +
		"\tld.param.u32 %n, [n];\n\tmov.u32 %t, %tid.x;\n" + body + "\n\tret;\n}\n"
}

// launched runs a body with two buffers of 64 zero bytes. It returns the status of the wait, the first buffer
// in hex, and standard error.
func launched(t testing.TB, how, body string, n int, environment ...string) (status, first, said string) {
	t.Helper()
	zeros := strings.Repeat("00", 64)
	commands := "entry k\nalloc 64\nalloc 64\nput 0 %s\nput 1 %s\nlaunch %s @0+0 @1+0 %d\nsync\nget 0 64\n"
	answers, said := ask(t, entry(body), fmt.Sprintf(commands, zeros, zeros, how, n), environment...)
	if answers[0] != "0 " || answers[6] != "0" {
		t.Fatalf("%v\n%s\nof\n%s", answers, said, entry(body))
	}
	_, first, _ = strings.Cut(answers[8], " ")
	return answers[7], first, said
}
