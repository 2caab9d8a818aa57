package gpucheck

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// attemptOf is a step that ended with the given log and exit status.
func attemptOf(log string, code int) *attempt {
	return &attempt{
		visit: &visit{}, text: log, ended: ended{code: code}, limit: 9 * time.Second, results: &Results{},
	}
}

// TestJudgeTests: a log of go test is ok if something passed and nothing failed or was skipped. No device
// made these logs.
func TestJudgeTests(t *testing.T) {
	for name, want := range map[string]string{
		"tests-passed":  "ok: 2 tests",
		"tests-skipped": "failed: skipped TestCUDASample/memory: needs a GPU: this is a sample",
		"tests-failed":  "failed: TestCUDASample and others",
		"tests-none":    "failed: no test ran",
	} {
		log, err := os.ReadFile(filepath.Join("testdata", name+".log"))
		if err != nil {
			t.Fatal(err)
		}
		if got := judgeTests(attemptOf(string(log), 0)).String(); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	passed := "=== RUN   TestA\n--- PASS: TestA (0.00s)\nPASS\n"
	for _, c := range []struct {
		name, log string
		ended     ended
		want      string
	}{
		{"a panic", passed + "panic: runtime error: index out of range\n",
			ended{code: 2}, "failed: panic: runtime error: index out of range"},
		{"an exit status that the log does not explain", passed, ended{code: 1}, "failed: exit status 1"},
		{"a signal", passed, ended{code: -1}, "failed: ended by a signal"},
		{"out of time", "=== RUN   TestA\n--- PASS: TestA (0.00s)\n=== RUN   TestB\n", ended{late: true},
			"failed: not done after 9s; 2 tests had begun, the last of them TestB"},
		{"nothing", "", ended{}, "failed: no test ran"},
		{"a program that does not start", "", ended{code: 127}, "failed: no test ran: exit status 127"},
	} {
		a := attemptOf(c.log, 0)
		a.ended = c.ended
		if got := judgeTests(a).String(); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	a := attemptOf("=== RUN   TestA\n    a_test.go:7: 1 is not 2\n--- FAIL: TestA (0.00s)\nFAIL\n", 1)
	if o := judgeTests(a); o.State != Failed || !slices.Contains(a.detail, "a_test.go:7: 1 is not 2") {
		t.Errorf("%v with the lines %q", o, a.detail)
	}
}

func TestJudgeSanitizer(t *testing.T) {
	const (
		passed      = "=== RUN   TestA\n--- PASS: TestA (0.00s)\nPASS\n"
		clean       = "========= COMPUTE-SANITIZER\n" + passed + "========= ERROR SUMMARY: 0 errors\n"
		unsupported = "========= Error: Device not supported. Please refer\n"
	)
	for log, want := range map[string]string{
		clean:       "ok: 1 test, SUMMARY: 0 errors",
		unsupported: "skipped: compute-sanitizer does not support this device",
		passed:      "failed: compute-sanitizer wrote no summary",
	} {
		if got := judgeSanitizer(attemptOf(log, 0)).String(); got != want {
			t.Errorf("%q: %q, want %q", log, got, want)
		}
	}
	a := attemptOf("========= Invalid __global__ read of size 8 bytes\n"+passed+
		"========= ERROR SUMMARY: 1 error\n", 1)
	o := judgeSanitizer(a)
	if o.State != Failed || !strings.Contains(o.Text, "SUMMARY: 1 error") ||
		!strings.Contains(a.detail[0], "Invalid") {
		t.Errorf("%v with the lines %q", o, a.detail)
	}
}

const benchLog = `goos: linux
BenchmarkCUDA/n=200/m=10000/f32/f64/memory/batch=1/contract-16  1  200000 ns/op  4000 GB/s  4000 copy-GB/s
BenchmarkCUDA/n=200/m=10000/f32/f64/memory/batch=1/step-16      1  250000 ns/op
BenchmarkCUDA/n=200/m=10000/q8/f32/generated/batch=8/step       1  NaN ns/op
    bench_cuda_test.go:100: 40 GB are needed, and 10 GB are free
--- SKIP: BenchmarkCUDA/n=1000/m=10000/f64/f64/memory/batch=1
BenchmarkCUDALaunch-16                                          2000  1000 ns/op
BenchmarkCUDAGraphs/step-replayed-n50-m2500-16                     1  2000 ns/op  10 ns/step
PASS
`

func TestParseBenchmarks(t *testing.T) {
	measured, missing := parseBenchmarks(benchLog)
	if len(measured) != 5 || len(missing) != 1 {
		t.Fatalf("%d measured, %d missing: %+v", len(measured), len(missing), measured)
	}
	first := measured[0]
	if first.Problem != (Problem{N: 200, M: 10000, Batch: 1}) || first.Entries != "f32" ||
		first.Arithmetic != "f64" || first.Rows != "memory" ||
		first.What != "contract" || first.Metrics["ns/op"] != 200000 || first.Metrics["GB/s"] != 4000 {
		t.Errorf("the first is %+v", first)
	}
	if _, there := measured[2].Metrics["ns/op"]; there || measured[2].Batch != 8 {
		t.Errorf("a time that is no number is kept: %+v", measured[2])
	}
	if part := parseName("Parts/lift/n=200/m=100/r=200"); part.key() != "lift/n=200/m=100/r=200" {
		t.Errorf("a part is %q", part.key())
	}
	if measured[3].key() != "Launch" {
		t.Errorf("the launch is %q", measured[3].key())
	}
	if small := measured[4]; small.key() != "step-replayed-n50-m2500" || small.Metrics["ns/step"] != 10 {
		t.Errorf("the step of a small problem is %q with %v", small.key(), small.Metrics)
	}
	lacking := Missing{"n=1000/m=10000/f64/f64/memory/batch=1", "40 GB are needed, and 10 GB are free"}
	if missing[0] != lacking {
		t.Errorf("missing is %+v, want %+v", missing[0], lacking)
	}
	const late = "    b_test.go:1: out of time\n" +
		"--- SKIP: BenchmarkCUDA/n=200/m=1/f64/f64/memory/batch=8\n"
	const none = "    b_test.go:1: " + unsupported + "SAMPLE\n" +
		"--- SKIP: BenchmarkCUDA/pauli/n=8/m=60/r=3/f64/memory/batch=8\n"
	const noGPU = "    b_test.go:1: needs a GPU: SAMPLE\n--- SKIP: BenchmarkCUDA/n=8/m=60/batch=8\n"
	for log, want := range map[string]string{
		none:            "skipped: " + unsupported + "SAMPLE",
		noGPU:           "failed: nothing was measured",
		none + noGPU:    "failed: nothing was measured",
		benchLog + none: "ok: 5 measured, 2 left out",
		benchLog:        "ok: 5 measured, 1 left out",
		"PASS\n":        "failed: nothing was measured",
		benchLog + late: "failed: out of time: 5 measured, 1 not",
	} {
		if got := judgeBenchmarks(attemptOf(log, 0)).String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestParseTorch(t *testing.T) {
	log := "# PyTorch 0.0 (sample), CUDA 0.0\n" +
		"torch/rows/float32/eager/n=200/m=10000/r=200/batch=8  2.0000  1.0000  3.0000  1600.0\n" +
		"# skipped torch/rows/float64/compiled/n=200/m=10000/r=200/batch=8: torch.compile: sample\n" +
		"torch/completion/float64/gather-eager/n=20/m=60/r=3/batch=1  2.0000  1.0000  3.0000  1600.0\n"
	measured, missing, about := parseTorch(log)
	for i, want := range []TorchStep{
		{Problem{N: 200, M: 10000, Batch: 8}, "float32", "eager", 2, 1, 3},
		{Problem{completion, 20, 60, 3, 1}, "float64", "gather-eager", 2, 1, 3},
	} {
		if len(measured) != 2 || measured[i] != want {
			t.Fatalf("measured %+v", measured)
		}
		if key := measured[i].key(); !strings.Contains(log, key+"  ") {
			t.Errorf("the key is %s", key)
		}
	}
	if len(missing) != 1 || missing[0].Reason != "torch.compile: sample" ||
		about != "0.0 (sample), CUDA 0.0" {
		t.Errorf("missing %+v, about %q", missing, about)
	}
	o := judgeTorch(attemptOf("PyTorch is not installed\n", missingPyTorch))
	if o.String() != "skipped: PyTorch is not installed" {
		t.Errorf("without PyTorch: %v", o)
	}
}

func TestParseSMI(t *testing.T) {
	driver, clocks := parseSMI(
		"A GPU, 575.57, 143771 MiB, 345 MHz, 1980 MHz, 1593 MHz, 3201 MHz, 700.00 W, 31\n")
	const want = "processors 345 MHz of at most 1980 MHz, memory 1593 MHz of at most 3201 MHz, " +
		"power limit 700.00 W, when idle"
	if driver != "575.57" || clocks != want {
		t.Errorf("%q, %q", driver, clocks)
	}
	got := parseClocks("1980 MHz, 3201 MHz, 40, 300 W\n1755 MHz, 3201 MHz, 50, 690 W\n")
	if got != "1755–1980 MHz" {
		t.Errorf("the clocks are %q", got)
	}
}

// TestWords: the benchmarks use the words by which their logs are read, and docs/kernels.md has the shares of
// the floor that the page calls expected, card by card.
func TestWords(t *testing.T) {
	holds := func(path string, words ...string) {
		t.Helper()
		text, err := os.ReadFile(filepath.Join("..", "..", path))
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range words {
			if !strings.Contains(string(text), w) {
				t.Errorf("%s has no %q", path, w)
			}
		}
	}
	holds("gpu/bench_ensembles_cuda_test.go", `b.Skipf("`+unsupported)
	holds("gpu/bench_cuda_test.go", `name+"`+floorUnit+`"`, `b.Run("contract"`, `b.Run("three-steps"`,
		`b.Run("step"`, `b.Run("without-tensor-cores"`, `b.Run("small-form"`)
	text, err := os.ReadFile("../../docs/kernels.md")
	if err != nil {
		t.Fatal(err)
	}
	tabled := regexp.MustCompile(`(?m)^\| (\S+) \|[^|]*GHz[^|]*\|(.*)\|$`).FindAllStringSubmatch(string(text), -1)
	if len(tabled) != len(expectations) {
		t.Fatalf("docs/kernels.md has floors of %d cards, not %d", len(tabled), len(expectations))
	}
	for i, e := range expectations {
		var shares []string
		for cell := range strings.SplitSeq(tabled[i][2], "|") {
			_, share, _ := strings.Cut(cell, ", ")
			shares = append(shares, strings.TrimSpace(share))
		}
		if tabled[i][1] != e.card || !slices.Equal(shares, e.shares[:]) {
			t.Errorf("docs/kernels.md expects %q of %s, not %q of %s", shares, tabled[i][1], e.shares, e.card)
		}
	}
}

// TestExpected: the page has the shares that docs/kernels.md expects of the card, and a dash for cards and
// contractions of which it says nothing. A multiprocessor of a T4 does two f64 multiply-adds in a cycle, and
// an H200 reads f32 rows in twice the time of converting them.
//
// Symptom: every card had the shares of an H200.
func TestExpected(t *testing.T) {
	at := func(entries, arithmetic, rows string, n, m, batch int) row {
		return row{Problem{N: n, M: m, Batch: batch}, entries, arithmetic, rows}
	}
	f32 := at("f32", "f64", "memory", 200, 10_000, 1)
	for _, c := range []struct {
		device string
		at     row
		want   string
	}{
		{"Tesla T4, compute capability 7.5, 40 multiprocessors", f32, "45–90 %"},
		{"NVIDIA H200, compute capability 9.0", f32, "80–90 %"},
		{"NVIDIA H100 80GB HBM3", f32, "85–95 %"},
		{"NVIDIA L4", at("f64", "f64", "memory", 200, 10_000, 1), "80–90 %"},
		{"NVIDIA A100-SXM4-40GB", at("sign", "f64", "memory", 200, 10_000, 1), "60–80 %"},
		{"NVIDIA L40S", f32, ""}, {"NVIDIA A10G", f32, ""}, {"NVIDIA H100 PCIe", f32, ""}, {"", f32, ""},
		{"NVIDIA A100-SXM4-80GB", f32, ""}, {"PTX on the CPU", f32, ""},
		{"NVIDIA H200", at("f32", "f32", "memory", 200, 10_000, 1), ""},
		{"NVIDIA H200", at("f32", "f64", "generated", 200, 10_000, 1), ""},
		{"NVIDIA H200", at("f32", "f64", "memory", 200, 10_000, 8), ""},
		{"NVIDIA H200", at("f32", "f64", "memory", 1000, 10_000, 1), ""},
		{"NVIDIA H200", at("f32", "f64", "memory", 200, 20_000, 1), ""},
		{"NVIDIA H200", at("f16", "f64", "memory", 200, 10_000, 1), ""},
	} {
		if got := expected(c.device, c.at); got != c.want {
			t.Errorf("of %+v on %q: %q, want %q", c.at, c.device, got, c.want)
		}
	}
	for device, share := range map[string]string{"Tesla T4": "45–90 %", "SAMPLE": "–"} {
		r := sample()
		r.About.Device = device + ", compute capability 7.5"
		if want := "| memory | 150 | memory | " + share + " | 200 |"; !strings.Contains(Page(r), want) {
			t.Errorf("the page of %s has no %q", device, want)
		}
	}
}

// TestCompare: the bounds are for relative differences; if only one side is a number, the difference is
// infinite.
func TestCompare(t *testing.T) {
	for _, c := range []struct{ a, b, want float64 }{
		{1, 1, 0}, {2, 1, 0.5}, {0, 0, 0}, {1e-300, 2e-300, 0.5}, {-1, 1, 2},
	} {
		if got := relative(c.a, c.b); got != c.want {
			t.Errorf("of %v and %v: %v, want %v", c.a, c.b, got, c.want)
		}
	}
	dir := t.TempDir()
	table := func(name, text string) *csvTable {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		read, err := readCSV(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return read
	}
	head := "iteration,train_loss,test_error,signal,noise,angle,sigma_1\n"
	a := table("a", head+"0,1,1,1,1,1,1\n5,1,1,1,1,1,1\n")
	b := table("b", head+"0,1,1,1,1,1,1\n5,1,0.5,1,1,1,1\n")
	early, late, err := compareTrajectories(a, b, 1, 0)
	if err != nil || early.most != 0 || late.most != 0.5 || late.column != "test_error" ||
		late.row != "iteration 5" {
		t.Errorf("%v, %v, %v", early, late, err)
	}
	if _, _, err := compareTrajectories(a, table("c", head+"0,1,1,1,1,1,1\n"), 1, 0); err == nil {
		t.Error("trajectories of different length are compared")
	}
	sweep := "run,status,iterations,recovered,error,train_loss,test_error,signal,noise,angle\n"
	s := table("s", sweep+"1,done,5,true,,1,1,1,1,1\n")
	_, err = compareSweeps(s, table("u", sweep+"1,diverged,5,true,,1,1,1,1,1\n"))
	if err == nil || !strings.Contains(err.Error(), "status of run 0") {
		t.Errorf("the error is %v", err)
	}
}
