package gpucheck

import (
	"archive/tar"
	"compress/gzip"
	"crypto/rand"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// sample is a set of results as a call could give them; no device made these numbers.
func sample() *Results {
	at := func(batch int) Problem { return Problem{N: 200, M: 10000, Batch: batch} }
	observed := Problem{completion, 20000, 1000000, 10, 8}
	return &Results{
		About: About{
			Device: "SAMPLE, compute capability 9.0", Driver: "1.2", Date: "2026-01-02 03:04 UTC",
			Version: "1", Revision: "abc", Command: "gpu-check run",
		},
		Steps: []StepResult{
			{Name: "kernels", Group: "test", Outcome: failed("TestA"),
				Detail: []string{"a_test.go:7: 1 is not 2"}, Seconds: 2, Limit: 80},
			{Name: "memcheck", Group: "sanitizer", Outcome: skipped("compute-sanitizer is not installed"),
				Limit: 75},
			{Name: "bench-n200", Group: "bench", Outcome: ok("3 measured"), Seconds: 10.04, Limit: 70,
				Clock: "1980 MHz"},
		},
		Kernels: []Kernel{{Name: "combine", Registers: 20, Blocks: 8, Milliseconds: 1.25}},
		Benchmarks: []Benchmark{
			{at(1), "f32", "f64", "memory", "contract",
				map[string]float64{"ns/op": 200_000, "GB/s": 3000, "copy-GB/s": 4000,
					"memory-floor-ns": 150_000, "instructions-floor-ns": 60_000}},
			{at(1), "f32", "f64", "memory", "three-steps",
				map[string]float64{"ns/op": 400_000, "memory-floor-ns": 300_000}},
			{at(1), "f32", "f64", "memory", "step", map[string]float64{"ns/op": 250_000}},
			{at(8), "f32", "f64", "memory", "small-form",
				map[string]float64{"ns/op": 800_000, "computing-floor-ns": 400_000}},
			{at(1), "q8", "f64", "generated", "step", map[string]float64{"ns/op": 100_000}},
			{observed, "", "f64", "memory", "step",
				map[string]float64{"ns/op": 500_000, "memory-floor-ns": 400_000}},
			{Problem{Batch: 1}, "", "", "", "lift/n=200/m=100/r=200",
				map[string]float64{"ns/op": 10_000, "launches-floor-ns": 2000}},
		},
		Torch: []TorchStep{
			{at(1), "float32", "eager", 2, 1, 3}, {at(1), "float32", "compiled", 1, 1, 1},
			{at(1), "float64", "eager", 5, 4, 6},
			{observed, "float64", "gather-eager", 8, 7, 9},
			{observed, "float64", "sampled_addmm-eager", 6, 5, 7},
			{Problem{rankOne, 200, 4000, 5, 1}, "float32", "compiled", 1, 1, 1},
		},
		Missing: []Missing{{"torch/rows/float64/compiled/n=200/m=10000/r=200/batch=1", "torch.compile: sample"}},
		Runs:    []Run{{"paper-gpu", "cuda", 1.5, 0.5, 1e-13, 2e-7}},
	}
}

// TestPage: failed steps come first, with their lines; a missing time is a dash with its reason. Ratios refer
// to PyTorch's fastest form: 1 ms over 0.25 ms is 4, 5 ms over 0.25 ms is 20, 6 ms over 0.5 ms is 12. The
// longest floor counts: 150 µs of memory in 200 µs are 75 %.
func TestPage(t *testing.T) {
	page := Page(sample())
	for _, want := range []string{
		"# matsense on SAMPLE\n\n**1 step failed:**\n\n- **kernels**: TestA\n\n  ```\n" +
			"  a_test.go:7: 1 is not 2\n  ```\n",
		"| 200 | 10000 | 1 | f32 | f64 | memory | 150 | memory | – | 200 | 75 % | 3000 | 4000 | " +
			"400 | 300 | 75 % |\n",
		"| 200 | 10000 | 1 | f32 | f64 | memory | 0.250 | 2.00 | 1.00 | 5.00 | – | 4.0× | 20× |\n",
		"| 200 | 10000 | 1 | q8 | f64 | generated | 0.100 | 2.00 | 1.00 | 5.00 | – | 10× | 50× |\n",
		"| completion/n=20000/m=1000000/r=10/f64/memory/batch=8/step | 400 | memory | 500 | 80 % |\n",
		"| n=200/m=10000/f32/f64/memory/batch=8/small-form | 400 | " +
			"computing | 800 | 50 % |\n",
		"| lift/n=200/m=100/r=200 | 2.00 | launches | 10.0 | 20 % |\n",
		"| 20000 | 1000000 | 10 | 8 | f64 | memory | 0.500 | – | – | – | 8.00 | – | 6.00 | – | 12× |\n",
		"| 200 | 4000 | 5 | 1 | – | – | – | – | 1.00 | – | – | – | – |\n",
		"- torch/rows/float64/compiled/n=200/m=10000/r=200/batch=1: torch.compile: sample\n",
		"| paper-gpu | cuda | 1.50 | 0.50 | 1e-13 | 2e-07 |\n",
		"| memcheck | skipped: compute-sanitizer is not installed | – | – | – |\n",
		"| bench-n200 | ok: 3 measured | 10.0 s | 70 s | 1980 MHz |\n",
		"No kernel uses local memory.\n", "| combine | 20 | 0 | 0 | 0 | 8 | 1.2 |\n",
		"- matsense: 1, revision abc\n", "- PyTorch: not measured\n",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %q:\n%s", want, page)
		}
	}
	if strings.Contains(page, "Made without a GPU") {
		t.Error("the page says that it was made without a GPU")
	}
	tiny := sample()
	tiny.About.Tiny = true
	const rehearsal = "**Made without a GPU, at tiny sizes, to try the checker. " +
		"The times on this page mean nothing.**"
	if !strings.Contains(Page(tiny), rehearsal) {
		t.Error("a page of a rehearsal does not say that it is one")
	}
	page = Page(&Results{})
	if !strings.Contains(page, "# matsense on an unknown device") ||
		!strings.Contains(page, "Nothing was measured.") {
		t.Errorf("the empty page is\n%s", page)
	}
}

// TestSave: the archive contains the results and stays below its bound, for any logs.
func TestSave(t *testing.T) {
	dir := t.TempDir()
	noise := make([]byte, 3<<20)
	_, _ = rand.Read(noise)
	long := []byte(hex.EncodeToString(noise))
	if err := os.WriteFile(filepath.Join(dir, "long.log"), long, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := sample().save(dir); err != nil {
		t.Fatal(err)
	}
	const most = 1 << 20
	if err := archive(dir, most); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(dir, archiveName))
	if err != nil || info.Size() >= most {
		t.Errorf("the archive has %d bytes, %v", info.Size(), err)
	}
	if err := archive(dir, 100); err == nil {
		t.Error("results that do not fit are packed")
	}
	for _, name := range []string{dir, filepath.Join(dir, archiveName), filepath.Join(dir, resultsName)} {
		got, err := ReadResults(name)
		if err != nil || !reflect.DeepEqual(got, sample()) {
			t.Errorf("%s: %v\n%+v", name, err, got)
		}
	}
	if _, err := ReadResults(filepath.Join(dir, pageName)); err == nil {
		t.Error("a page is read as results")
	}
}

// TestMerge: if a step was done twice, the later result counts; results of different devices or revisions are
// not merged.
func TestMerge(t *testing.T) {
	later := &Results{About: sample().About, Steps: []StepResult{{Name: "kernels", Outcome: ok("63 tests")}}}
	merged, err := Merge([]*Results{sample(), later})
	if err != nil {
		t.Fatal(err)
	}
	if len(merged.failures()) != 0 || len(merged.Steps) != 3 || len(merged.Benchmarks) != 7 {
		t.Errorf("merged: %+v", merged.Steps)
	}
	for _, change := range []func(*About){
		func(a *About) { a.Device = "OTHER" }, func(a *About) { a.Revision = "def" },
		func(a *About) { a.Driver = "9" }, func(a *About) { a.Tiny = true },
	} {
		other := sample()
		change(&other.About)
		if _, err := Merge([]*Results{sample(), other}); err == nil {
			t.Errorf("%+v stands beside %+v", other.About, sample().About)
		}
	}
}

// TestPackBundle: a bundle keeps modes and empty folders; a bundle that is too large is refused and not
// written.
func TestPackBundle(t *testing.T) {
	dir, file := t.TempDir(), filepath.Join(t.TempDir(), "bundle.tar.gz")
	for _, name := range append([]string{infoName, "matsense", "gpu.test", "cuda.test"}, scripts...) {
		if isBundle(dir) {
			t.Errorf("a folder without %s is a bundle", name)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if !isBundle(dir) {
		t.Error("a whole bundle is none")
	}
	if err := os.Mkdir(filepath.Join(dir, "gpu"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := packBundle(dir, file, 50); err == nil || !strings.Contains(err.Error(), "must be below") {
		t.Errorf("the error is %v", err)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("a bundle that is too large was written")
	}
	if _, err := packBundle(dir, file, mostBundle); err != nil {
		t.Fatal(err)
	}
	packed, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	zipped, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	modes := map[string]int64{}
	for r := tar.NewReader(zipped); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		modes[h.Name] = h.Mode
	}
	if modes["gpu-check/matsense"] != 0o755 || modes["gpu-check/gpu/"] != 0o755 {
		t.Errorf("the bundle has %v", modes)
	}
}
