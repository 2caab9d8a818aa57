package gpucheck

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// step is one step to carry out on a machine with a GPU.
type step struct {
	name, group string
	// limit is its time limit. A group must stay below ten minutes in total, all groups below 28.
	limit time.Duration
	// argv is the command; a step without a command reads the results of earlier steps.
	argv func(v *visit) []string
	// in is the folder of the bundle in which the command runs.
	in string
	// show matches the lines of its output that are shown to the user at once.
	show *regexp.Regexp
	// judge returns the outcome, and records the measurements.
	judge func(a *attempt) Outcome
	// lacks names a program that the step needs and that is not installed; then the step is skipped.
	lacks func(v *visit) string
	// clocks says to read the clock of the GPU during the step.
	clocks bool
}

// device is the group that every call does, whatever --only says, because results of calls on different
// devices must not be merged.
const device = "device"

// groups are the names that --only accepts, in the order in which they are carried out.
var groups = []string{device, "load", "test", "run", "sweep", "bench", "torch", "sanitizer"}

// sizes are the problem sizes of the steps.
type sizes struct {
	n          []int // of benchmarks, with rows in memory and generated
	generated  []int // of benchmarks with generated rows only
	long       []int // of benchmarks of one member with few rows in memory, longM of them
	m, longM   int
	batches    []int
	others     []other // benchmarks without rows
	benchFlags []string
	partFlags  []string // of the benchmark of parts, besides these
	kernels    []string // flags that select tests of kernels
	engine     []string // flags that select tests of the engine
	racy       []string // flags that select tests of kernels for the slow tools of compute-sanitizer
	paper      []string // flags of matsense run
	iterations int      // of matsense run
	sweep      string   // a sweep file, without the device
}

// other is an ensemble without rows, with the sizes n:m:r and the batches of its benchmarks.
type other struct {
	ensemble string
	sizes    []string // that PyTorch is timed on, too
	more     []string // that it is not
	batches  []int
	// The time limits of matsense's benchmark and of PyTorch's; PyTorch is not timed if it is 0.
	ours, torch time.Duration
}

// single matches kernels in f32 arithmetic, which have the same templates as those in f64.
const single = "/^(lift|pullback|residuals|sum|dots|accumulate|contract).*_f32$"

var full = sizes{
	n: []int{200, 600, 1000, 1100}, generated: []int{1500}, m: 10_000, batches: []int{1, 8, 32},
	long: []int{1800}, longM: 2000,
	others: []other{
		{completion, []string{"20000:1000000:10", "1000000:10000000:10"},
			[]string{"20000:1000000:1", "20000:1000000:32", "20000:1000000:256"}, []int{1, 8},
			40 * time.Second, 50 * time.Second},
		{rankOne, []string{"200:4000:5", "2000:20000:10"},
			[]string{"1000:8000:1", "1000:8000:4", "1000:8000:16"}, []int{1, 8, 32},
			25 * time.Second, 35 * time.Second},
		{pauli, nil, []string{"64:640:4", "256:2560:4", "1024:10240:4", "4096:40960:4"}, []int{1, 8, 32},
			20 * time.Second, 0},
	},
	kernels:    []string{"-test.run", "^TestCUDAKernels$"},
	engine:     []string{"-test.run", "^TestCUDA", "-test.skip", "^TestCUDA(Kernels|Load)$"},
	racy:       []string{"-test.run", "^TestCUDAKernels$", "-test.skip", single},
	paper:      []string{"--n", "200", "--rank", "5", "--alpha", "1e-6"},
	iterations: 250,
	sweep: `base: {n: 60, rank: 2, iterations: 300, device: %s}
axes:
  - alpha: [1e-3, 1e-6]
  - factor-rank: [2, 8, 60]
seeds: 2
start-seeds: 2
`,
}

// tiny has the same steps at sizes that a CPU can handle.
var tiny = sizes{
	n: []int{8}, generated: []int{13}, m: 60, batches: []int{1, 3}, long: []int{14}, longM: 60,
	others: []other{
		{completion, []string{"20:60:3"}, nil, []int{1, 3}, tinyLimit, tinyLimit},
		{rankOne, []string{"8:60:3"}, nil, []int{1, 3}, tinyLimit, tinyLimit},
		{pauli, nil, []string{"4:10:2"}, []int{1, 3}, tinyLimit, 0},
	},
	benchFlags: []string{"-cuda.repetitions", "3", "-cuda.copy", "1048576"},
	partFlags:  []string{"-cuda.tiny"},
	kernels:    []string{"-test.run", "^TestCUDAKernels$/^(combine|gram|contract_q8_f64|dots_sign_f32)$"},
	engine:     []string{"-test.run", "^TestCUDASameBits$/^gaussian-f32$/^n=5$"},
	racy:       []string{"-test.run", "^TestCUDAKernels$/^(combine|contract_f32_f64)$"},
	paper:      []string{"--n", "8", "--rank", "1", "--measurements", "60", "--alpha", "1e-3"},
	iterations: 100,
	sweep: `base: {n: 8, rank: 1, measurements: 60, iterations: 40, device: %s}
axes:
  - factor-rank: [2, 8]
start-seeds: 2
`,
}

const (
	tinyLimit = 2 * time.Minute // of every step with --tiny
	grace     = 3 * time.Second // between the request to end and the kill
)

var (
	testLines  = regexp.MustCompile(`^--- |^ *--- (FAIL|SKIP)|^panic:|^=========.*SUMMARY`)
	benchLines = regexp.MustCompile(`^Benchmark.*[0-9] +[0-9.]+ ns/op|--- (SKIP|FAIL)`)
	torchLines = regexp.MustCompile(`^torch/|^#`)
	runLines   = regexp.MustCompile(`^Recovered|^  train loss`)
)

// table lists the steps at given sizes.
func table(s sizes) []step {
	list := []step{
		{
			name: "nvidia-smi", group: device, limit: 10 * time.Second, judge: judgeSMI,
			lacks: lacking("nvidia-smi"),
			argv: func(*visit) []string {
				return []string{"nvidia-smi", "--format=csv,noheader",
					"--query-gpu=name,driver_version,memory.total," +
						"clocks.sm,clocks.max.sm,clocks.mem,clocks.max.mem,power.limit,temperature.gpu"}
			},
		},
		{
			name: "devices", group: device, limit: 20 * time.Second, judge: judgeDevices,
			argv: func(v *visit) []string { return []string{v.program("matsense"), "devices", "--json"} },
		},
		{
			name: "first-kernel", group: "load", limit: 40 * time.Second, in: "gpu", show: testLines,
			judge: judgeTests,
			argv:  gotest("gpu.test", "-test.run", "^TestCUDAKernels$/^contract_f32_f64$"),
		},
		{
			name: "all-kernels", group: "load", limit: 60 * time.Second, in: "gpu", show: testLines,
			judge: judgeLoad,
			argv:  gotest("gpu.test", "-test.run", "^TestCUDALoad$"),
		},
		{
			name: "driver", group: "test", limit: 30 * time.Second, in: "cuda", show: testLines,
			judge: judgeTests,
			argv:  gotest("cuda.test", "-test.run", "^Test(GPU|Device)"),
		},
		{
			name: "kernels", group: "test", limit: 80 * time.Second, in: "gpu", show: testLines,
			judge: judgeTests,
			argv:  gotest("gpu.test", s.kernels...),
		},
		{
			name: "engine", group: "test", limit: 180 * time.Second, in: "gpu", show: testLines,
			judge: judgeTests,
			argv:  gotest("gpu.test", s.engine...),
		},
	}
	list = append(list, paperSteps(s)...)
	list = append(list, sweepSteps(s)...)
	list = append(list, benchSteps(s)...)
	list = append(list, torchSteps(s)...)
	for _, tool := range []string{"memcheck", "racecheck", "synccheck", "initcheck"} {
		chosen := s.racy
		if tool == "memcheck" {
			chosen = s.kernels
		}
		list = append(list, step{
			name: tool, group: "sanitizer", limit: 55 * time.Second, in: "gpu", show: testLines,
			judge: judgeSanitizer,
			argv: func(v *visit) []string {
				command := []string{findSanitizer(), "--tool", tool, "--error-exitcode", "1"}
				return append(command,
					gotest("gpu.test", append([]string{"-test.short"}, chosen...)...)(v)...)
			},
			lacks: func(*visit) string {
				if findSanitizer() == "" {
					return "compute-sanitizer is not installed"
				}
				return ""
			},
		})
	}
	return list
}

// gotest is the command that runs tests. Tests that hang print where, just before the limit.
func gotest(binary string, flags ...string) func(v *visit) []string {
	return func(v *visit) []string {
		timeout := max(v.current.limit-2*time.Second, time.Second)
		return append([]string{v.program(binary), "-test.v", "-test.timeout", timeout.String()}, flags...)
	}
}

func lacking(program string) func(*visit) string {
	return func(*visit) string {
		if _, err := exec.LookPath(program); err != nil {
			return program + " is not installed"
		}
		return ""
	}
}

// paperSteps are the paper's run on the GPU and on the CPU, repeated, and stopped half-way and resumed.
func paperSteps(s sizes) []step {
	run := func(name, dir, device string, limit time.Duration, iterations int, flags ...string) step {
		return step{
			name: name, group: "run", limit: limit, show: runLines, clocks: device == "cuda",
			argv: func(v *visit) []string {
				command := append([]string{v.program("matsense"), "run"}, s.paper...)
				if slices.Contains(flags, "--resume") {
					command = []string{v.program("matsense"), "run"}
				}
				command = append(command, "--iterations", fmt.Sprint(iterations),
					"--device", device, "--out", v.runDir(dir))
				return append(command, flags...)
			},
			judge: func(a *attempt) Outcome { return judgeRun(a, name, dir, device) },
		}
	}
	return []step{
		run("paper-gpu", "paper-gpu", "cuda", 35*time.Second, s.iterations),
		run("paper-gpu-again", "paper-gpu-again", "cuda", 25*time.Second, s.iterations),
		run("paper-measured", "paper-measured", "cuda", 25*time.Second, s.iterations, "--measure-every", "1"),
		run("paper-cpu", "paper-cpu", "cpu", 60*time.Second, s.iterations),
		run("paper-half", "paper-resumed", "cuda", 25*time.Second, s.iterations/2),
		run("paper-resumed", "paper-resumed", "cuda", 25*time.Second, s.iterations, "--resume"),
		{name: "paper-sample", group: "run", judge: judgeSample},
		{name: "paper-agrees", group: "run", judge: judgePaper},
		{name: "paper-same-bits", group: "run", judge: judgeSameBits},
	}
}

// sweepSteps are one sweep on the GPU and on the CPU.
func sweepSteps(s sizes) []step {
	sweep := func(device string, limit time.Duration) step {
		name := "sweep-" + device
		return step{
			name: name, group: "sweep", limit: limit, judge: judgeExit,
			argv: func(v *visit) []string {
				file := filepath.Join(v.out, name+".yaml")
				if !v.dry {
					v.note(writeFile(file, fmt.Appendf(nil, s.sweep, device)))
				}
				return []string{v.program("matsense"), "sweep", file, "--out", v.runDir(name), "--json"}
			},
		}
	}
	return []step{
		sweep("cuda", 40*time.Second),
		sweep("cpu", 60*time.Second),
		{name: "sweep-agrees", group: "sweep", judge: judgeSweep},
	}
}

// benchSteps are the benchmarks. Each size has a separate process, at whose end all memory is free.
func benchSteps(s sizes) []step {
	list := []step{{
		name: "bench-launch", group: "bench", limit: 15 * time.Second, in: "gpu", show: benchLines,
		judge: judgeBenchmarks,
		argv: gotest("gpu.test", "-test.run", "^$",
			"-test.bench", "^BenchmarkCUDA(Launch|Graphs)$", "-test.benchtime", "2000x"),
	}, {
		name: "bench-parts", group: "bench", limit: 40 * time.Second, in: "gpu", show: benchLines,
		judge: judgeBenchmarks, clocks: true,
		argv: func(v *visit) []string {
			command := gotest("gpu.test", "-test.run", "^$",
				"-test.bench", "^BenchmarkCUDAParts$", "-test.benchtime", "1x")(v)
			command = append(command, "-cuda.until", (v.current.limit * 4 / 5).String())
			return slices.Concat(command, s.benchFlags, s.partFlags)
		},
	}}
	list = append(list, step{
		name: "bench-losses", group: "bench", limit: 9 * time.Second, in: "gpu", show: benchLines,
		judge: judgeBenchmarks, clocks: true,
		argv: func(v *visit) []string {
			command := gotest("gpu.test", "-test.run", "^$",
				"-test.bench", "^BenchmarkCUDALosses$", "-test.benchtime", "1x")(v)
			command = append(command, "-cuda.n", fmt.Sprint(s.n[0]), "-cuda.m", fmt.Sprint(s.m))
			return append(command, s.benchFlags...)
		},
	})
	limits := map[int]time.Duration{
		200: 75 * time.Second, 600: 80 * time.Second, 1000: 82 * time.Second, 1100: 82 * time.Second,
		1800: 22 * time.Second,
	}
	size := func(n, m int, batches []int, storages string) {
		limit, known := limits[n]
		if !known {
			limit = 45 * time.Second
		}
		list = append(list, step{
			name: fmt.Sprintf("bench-n%d", n), group: "bench", limit: limit, in: "gpu", show: benchLines,
			judge: judgeBenchmarks, clocks: true,
			argv: func(v *visit) []string {
				const bench = "^BenchmarkCUDA$"
				command := gotest("gpu.test", "-test.run", "^$",
					"-test.bench", bench, "-test.benchtime", "1x")(v)
				command = append(command, "-cuda.n", fmt.Sprint(n), "-cuda.m", fmt.Sprint(m),
					"-cuda.batches", commas(batches), "-cuda.storages", storages,
					"-cuda.until", (v.current.limit * 4 / 5).String())
				return append(command, s.benchFlags...)
			},
		})
	}
	for _, n := range s.n {
		size(n, s.m, s.batches, "memory,generated")
	}
	for _, n := range s.generated {
		size(n, s.m, s.batches, "generated")
	}
	for _, n := range s.long {
		size(n, s.longM, []int{1}, "memory")
	}
	for _, o := range s.others {
		list = append(list, step{
			name: "bench-" + o.ensemble, group: "bench", limit: o.ours, in: "gpu", show: benchLines,
			judge: judgeBenchmarks, clocks: true,
			argv: func(v *visit) []string {
				command := gotest("gpu.test", "-test.run", "^$",
					"-test.bench", "^BenchmarkCUDA$", "-test.benchtime", "1x")(v)
				command = append(command, "-cuda.ensemble", o.ensemble,
					"-cuda.sizes", strings.Join(slices.Concat(o.sizes, o.more), ","),
					"-cuda.batches", commas(o.batches),
					"-cuda.until", (v.current.limit * 4 / 5).String())
				return append(command, s.benchFlags...)
			},
		})
	}
	return list
}

// torchSteps time PyTorch on the problems of the benchmarks. Each ensemble has a separate process.
func torchSteps(s sizes) []step {
	var rows []string
	for _, n := range slices.Concat(s.n, s.generated) {
		rows = append(rows, fmt.Sprintf("%d:%d:%d", n, s.m, n))
	}
	var list []step
	torch := func(name, ensemble string, limit time.Duration, sizes []string, batches []int) {
		list = append(list, step{
			name: name, group: "torch", limit: limit, show: torchLines, judge: judgeTorch, clocks: true,
			argv: func(v *visit) []string {
				command := []string{v.python, v.program("torch_step.py"), "--ensemble", ensemble,
					"--repetitions", "20", "--seconds", fmt.Sprint(int(v.current.limit.Seconds() * 3 / 4))}
				if v.tiny {
					command = append(command, "--device", "cpu")
				}
				for _, size := range sizes {
					command = append(command, "--size", size)
				}
				for _, batch := range batches {
					command = append(command, "--batch", fmt.Sprint(batch))
				}
				return command
			},
			lacks: func(v *visit) string {
				if _, err := exec.LookPath(v.python); err != nil {
					return v.python + " is not installed"
				}
				return ""
			},
		})
	}
	torch("torch", "rows", 120*time.Second, rows, s.batches)
	for _, o := range s.others {
		if o.torch > 0 {
			torch("torch-"+o.ensemble, o.ensemble, o.torch, o.sizes, o.batches)
		}
	}
	return list
}

func commas(numbers []int) string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(numbers), " ", ","), "[]")
}

// findSanitizer looks for compute-sanitizer in its usual folders.
func findSanitizer() string {
	const name = "compute-sanitizer"
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	for _, pattern := range []string{
		filepath.Join(os.Getenv("CUDA_HOME"), "bin"), "/usr/local/cuda/bin", "/usr/local/cuda*/bin",
		"/opt/cuda/bin",
	} {
		found, _ := filepath.Glob(filepath.Join(pattern, name))
		for _, path := range found {
			if filepath.IsAbs(path) {
				return path
			}
		}
	}
	return ""
}
