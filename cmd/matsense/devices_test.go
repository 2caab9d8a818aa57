package main

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/matsense/matsense/cpu"
	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/solver"
)

// noGPU is what a machine without a GPU says.
func noGPU() ([]driver.Info, error) {
	return nil, fmt.Errorf("cuda: %w: the machine of this test has none", driver.ErrNoDevice)
}

// gpus are two that could be in a machine.
func gpus() ([]driver.Info, error) {
	return []driver.Info{
		{Name: "Busy GPU", Index: 0, Capability: [2]int{8, 0}, Driver: "CUDA 12.4", Memory: 80e9, Free: 1e9,
			Multiprocessors: 108, L2: 40 << 20, BlockShared: 166912},
		{Name: "Idle GPU", Index: 1, Capability: [2]int{9, 0}, Driver: "CUDA 12.4", Memory: 141e9,
			Free: 140e9, Multiprocessors: 132, L2: 50 << 20, BlockShared: 232448},
	}, nil
}

// on runs a command line on a machine with some GPUs.
func on(t *testing.T, gpus func() ([]driver.Info, error), args ...string) result {
	t.Helper()
	free := func(index int) (int64, error) {
		all, err := gpus()
		return all[index].Free, err
	}
	return onHeld(t, gpus, free, args...)
}

// onHeld runs a command line on a machine where free answers what opening a GPU does.
func onHeld(t *testing.T, gpus func() ([]driver.Info, error), free func(index int) (int64, error),
	args ...string) result {
	t.Helper()
	var out, err bytes.Buffer
	env := environment{out: &out, err: &err, memory: func() (float64, error) { return plenty, nil },
		gpus: gpus, free: free, cuda: true}
	return result{runRecovering(t, context.Background(), env, args), out.String(), err.String()}
}

// TestGPUTaken: a GPU that another process holds is the driver's to tell, in its words, and no fault of the
// configuration: the exit code is 1, so that a scheduler tries again. auto takes what else there is, and says
// why.
func TestGPUTaken(t *testing.T) {
	const words = "cuda: open GPU 0, Busy GPU: CUDA_ERROR_DEVICE_UNAVAILABLE (46): CUDA-capable device(s) " +
		"is/are busy or unavailable"
	taken := func(held ...int) func(index int) (int64, error) {
		return func(index int) (int64, error) {
			if slices.Contains(held, index) {
				return 0, fmt.Errorf("%s: %w", words, driver.ErrBusy)
			}
			return 140e9, nil
		}
	}
	unknown := func() ([]driver.Info, error) { // without NVIDIA's management library
		all, err := gpus()
		for i := range all {
			all[i].Free = -1
		}
		return all, err
	}
	dir := filepath.Join(t.TempDir(), "run")
	r := onHeld(t, unknown, taken(0),
		slices.Concat([]string{"run", "--out", dir, "--device", "cuda:0"}, small)...)
	if r.code != exitFailed || !strings.Contains(r.err, words) || strings.Contains(r.err, "lower n") ||
		strings.Count(r.err, "\n") != 1 {
		t.Errorf("cuda:0: exit code %d, %q", r.code, r.err)
	}
	r = onHeld(t, unknown, taken(0, 1), slices.Concat([]string{"run", "--out", dir}, small)...)
	if r.code != exitDone || !strings.Contains(r.err, "note: cuda:0 is used: ") ||
		!strings.Contains(r.err, "note: cpu is used: ") || !strings.Contains(r.err, words) {
		t.Errorf("auto: exit code %d, %q", r.code, r.err)
	}
	for _, c := range []struct {
		gpus func() ([]driver.Info, error)
		held []int
		want []string
	}{
		{unknown, []int{0}, []string{
			"cuda:0    Busy GPU, compute capability 8.0, 108 multiprocessors, 80 GB of memory, CUDA 12.4\n" +
				"          in use by another process: " + words,
			"141 GB of memory, 140 GB available, CUDA 12.4\n",
			"auto      cuda:1: the first of 2 GPUs that can be had\n"}},
		{unknown, []int{0, 1}, []string{"auto      cpu: no GPU can be had now\n"}},
		{gpus, []int{1}, []string{"auto      cuda:0: of 2 GPUs the one with the most free memory"}},
	} {
		r := onHeld(t, c.gpus, taken(c.held...), "devices")
		for _, want := range c.want {
			if !strings.Contains(r.out, want) {
				t.Errorf("%v held: devices does not say %q:\n%s", c.held, want, r.out)
			}
		}
	}
	lines := jsonLines(t, onHeld(t, unknown, taken(0), "devices", "--json").out)
	if !strings.HasPrefix(lines[1]["unusable"].(string), "in use by another process: "+words) ||
		lines[2]["unusable"] != "" {
		t.Errorf("devices --json prints %v", lines)
	}
}

func TestDevicesListsGPUs(t *testing.T) {
	r := on(t, gpus, "devices")
	for _, want := range []string{
		"cuda:0    Busy GPU, compute capability 8.0, 108 multiprocessors, 80 GB of memory, " +
			"1 GB available, CUDA 12.4",
		"cuda:1    Idle GPU, compute capability 9.0, 132 multiprocessors, 141 GB of memory, " +
			"140 GB available, CUDA 12.4",
		"cuda:all  cuda:1, cuda:0 share the rows of a run: 1 GB available on each",
		"auto      cuda:1: of 2 GPUs the one with the most free memory",
		"          the choice is made for each problem: auto takes the cpu if, by estimate, all steps take " +
			"less time there",
	} {
		if !strings.Contains(r.out, want+"\n") {
			t.Errorf("devices does not say %q:\n%s", want, r.out)
		}
	}
	lines := jsonLines(t, on(t, gpus, "devices", "--json").out)
	if len(lines) != 6 || lines[2]["device"] != "cuda:1" || lines[2]["name"] != "Idle GPU" ||
		lines[2]["capability"] != "9.0" ||
		lines[3]["device"] != "cuda:all" || fmt.Sprint(lines[3]["gpus"]) != "[cuda:1 cuda:0]" ||
		lines[3]["memory_available_bytes_each"] != 1e9 ||
		lines[4]["device"] != "emulator" || lines[5]["event"] != "auto" || lines[5]["device"] != "cuda:1" ||
		!strings.HasPrefix(lines[5]["unless"].(string), "the choice is made for each problem") {
		t.Errorf("devices --json prints %v", lines)
	}
}

// TestAutoEstimates: a small problem stays on the CPU beside a large GPU, and the note has both estimates. A
// large problem takes the GPU: here its memory is too small, and the note of the CPU says so.
func TestAutoEstimates(t *testing.T) {
	fast := func() ([]driver.Info, error) {
		all, err := gpus()
		for i := range all {
			all[i].Clock, all[i].Bandwidth, all[i].Free = 1.98e9, 3.35e12, 1e6
		}
		return all, err
	}
	dir := filepath.Join(t.TempDir(), "run")
	r := on(t, fast, slices.Concat([]string{"run", "--out", dir}, small)...)
	if r.code != exitDone || !strings.Contains(r.err, "note: cpu is used: by estimate all steps take 0.0") ||
		!strings.Contains(r.err, "s there, and 1 s on cuda:0, of which it takes 1 s to open it; "+
			"--device cuda takes the GPU\n") {
		t.Errorf("exit code %d, %q", r.code, r.err)
	}
	large := strings.Fields("--n 200 --rank 1 --measurements 600 --factor-rank 1 --entries f64 " +
		"--storage memory --iterations 1000000 --target-loss 10")
	r = on(t, fast, slices.Concat([]string{"run", "--out", dir + "-2"}, large)...)
	if r.code != exitDone || !strings.Contains(r.err, "note: cpu is used: this run needs ") ||
		strings.Contains(r.err, "estimate") {
		t.Errorf("exit code %d, %q", r.code, r.err)
	}
}

func TestDevicesSaysWhyThereIsNoGPU(t *testing.T) {
	r := on(t, noGPU, "devices")
	for _, want := range []string{"cuda      none: cuda: no device: the machine of this test has none",
		"auto      cpu: cuda: no device"} {
		if !strings.Contains(r.out, want) {
			t.Errorf("devices does not say %q:\n%s", want, r.out)
		}
	}
}

// TestOldGPU: a GPU that the kernels do not run on is listed with the reason, and auto does not take it.
func TestOldGPU(t *testing.T) {
	old := func() ([]driver.Info, error) {
		return []driver.Info{{Name: "Old GPU", Capability: [2]int{6, 1}, Driver: "CUDA 12.4", Memory: 8e9,
			Free: 8e9, Multiprocessors: 20}}, nil
	}
	const why = "Old GPU has compute capability 6.1, and the kernels need 7.0"
	r := on(t, old, "devices")
	if !strings.Contains(r.out, "cannot be used: "+why) ||
		!strings.Contains(r.out, "auto      cpu: no GPU that the kernels run on") {
		t.Errorf("devices prints\n%s", r.out)
	}
	dir := filepath.Join(t.TempDir(), "run")
	r = on(t, old, slices.Concat([]string{"run", "--out", dir}, small)...)
	if r.code != exitDone || !strings.Contains(r.err, "note: cpu is used: "+why) {
		t.Errorf("auto: exit code %d, %q", r.code, r.err)
	}
	r = on(t, old, slices.Concat([]string{"run", "--out", dir + "-2", "--device", "cuda"}, small)...)
	if r.code != exitFailed || !strings.Contains(r.err, why) {
		t.Errorf("cuda: exit code %d, %q", r.code, r.err)
	}
}

// TestNoGPU: asked for a GPU where there is none, a run fails in one sentence, before any work.
func TestNoGPU(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	r := on(t, noGPU, slices.Concat([]string{"run", "--out", dir, "--device", "cuda"}, small)...)
	if r.code != exitFailed ||
		r.err != "matsense: device cuda: cuda: no device: the machine of this test has none\n" {
		t.Errorf("exit code %d, %q", r.code, r.err)
	}
	r = on(t, gpus, slices.Concat([]string{"run", "--out", dir, "--device", "cuda:2"}, small)...)
	if r.code != exitUsage || !strings.Contains(r.err, "there is no cuda:2: the GPUs are cuda:0 to cuda:1") {
		t.Errorf("exit code %d, %q", r.code, r.err)
	}
}

// TestTooLargeForTheGPU: what does not fit is refused by the GPU's own free memory, with what would fit. If
// it would fit into the GPU without the other processes there, trying again may do, and the exit code is 1.
// auto takes the CPU then, and says why.
func TestTooLargeForTheGPU(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	problem := []string{"run", "--out", dir, "--n", "200", "--rank", "5", "--iterations", "0", "--entries",
		"f64", "--storage", "memory"}
	r := on(t, gpus, append(problem, "--device", "cuda:0")...)
	if r.code != exitFailed || !strings.Contains(r.err, "1 GB are available on cuda:0, of 80 GB: other "+
		"processes hold the rest; try again later, or: --storage generated needs") ||
		!strings.Contains(r.err, "--entries q8 needs") {
		t.Errorf("exit code %d, %q", r.code, r.err)
	}
	busy := func() ([]driver.Info, error) {
		all, err := gpus()
		return all[:1], err
	}
	old := func() ([]driver.Info, error) {
		all, err := busy()
		all[0].Memory = 11e8
		return all, err
	}
	r = on(t, old, append(problem, "--device", "cuda:0")...)
	if r.code != exitUsage ||
		!strings.Contains(r.err, "1 GB are available on cuda:0: --storage generated needs") {
		t.Errorf("exit code %d, %q", r.code, r.err)
	}
	tiny := func() ([]driver.Info, error) {
		all, err := busy()
		all[0].Free = 1e5
		return all, err
	}
	r = on(t, tiny, slices.Concat([]string{"run", "--out", dir}, small)...)
	if r.code != exitDone || !strings.Contains(r.err, "note: cpu is used: this run needs ") ||
		!strings.Contains(r.err, "on cpu (") {
		t.Errorf("exit code %d, %q", r.code, r.err)
	}
}

// TestEmulator: the GPU's kernels, interpreted, go the same way as the CPU to ten digits, in every format,
// and the run directory says where it ran.
func TestEmulator(t *testing.T) {
	for _, flags := range []string{"--entries f32", "--entries q8 --storage generated",
		"--ensemble rademacher"} {
		t.Run(flags, func(t *testing.T) {
			t.Parallel()
			tiny := strings.Fields("--n 6 --rank 1 --measurements 60 --iterations 40 --alpha 1e-3 " + flags)
			want := samples(t, runTiny(t, tiny, "--device", "cpu"))
			dir := runTiny(t, tiny, "--device", "emulator")
			got := samples(t, dir)
			if len(got) != len(want) {
				t.Fatalf("%d and %d samples", len(got), len(want))
			}
			for i, w := range want {
				g := got[i]
				for _, pair := range [][2]float64{{g.TrainLoss, w.TrainLoss}, {g.TestError, w.TestError},
					{g.Signal, w.Signal}} {
					if diff := math.Abs(pair[0] - pair[1]); !(diff <= 1e-10*pair[1]) {
						t.Errorf("iteration %d: %v, want %v", w.Iteration, pair[0], pair[1])
					}
				}
			}
			if !strings.Contains(string(read(t, dir, "config.yaml")), "device: emulator\n") {
				t.Error("config.yaml does not say that the run was emulated")
			}
		})
	}
}

// samples reads a run's trajectory.
func samples(t *testing.T, dir string) solver.Trajectory {
	t.Helper()
	all, err := experiment.ReadTrajectory(bytes.NewReader(read(t, dir, "trajectory.csv")))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func runTiny(t *testing.T, problem []string, flags ...string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), flags[1])
	must(t, exitDone, slices.Concat([]string{"run", "--out", dir}, problem, flags)...)
	return dir
}

// TestEmulatorResumes: a resumed run on a device is the uninterrupted one, bit for bit.
func TestEmulatorResumes(t *testing.T) {
	problem := strings.Fields("--n 6 --rank 1 --measurements 60 --alpha 1e-3 --device emulator --out")
	whole, parts := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "parts")
	must(t, exitDone, slices.Concat([]string{"run", "--iterations", "30"}, problem, []string{whole})...)
	must(t, exitDone, slices.Concat([]string{"run", "--iterations", "12"}, problem, []string{parts})...)
	must(t, exitDone, "run", "--resume", "--out", parts, "--iterations", "30")
	if !bytes.Equal(read(t, whole, "factor.npy"), read(t, parts, "factor.npy")) {
		t.Error("the factors differ")
	}
}

func TestPrecision(t *testing.T) {
	refused(t, slices.Concat([]string{"run", "--precision", "f16"}, small), "must be f64, mixed, f32 or auto")
	refused(t, slices.Concat([]string{"run", "--device", "gpu"}, small),
		`must be auto, cpu, cuda, cuda:0, cuda:1, …, cuda:0,1, cuda:all, emulator or emulator:2, got "gpu"`)
	refused(t, slices.Concat([]string{"run", "--device", "cuda:01"}, small), "cuda:01")
	for _, device := range []string{"cpu", "emulator"} {
		for _, precision := range []string{"mixed", "f32"} {
			dir := runTiny(t, strings.Fields("--n 6 --rank 1 --measurements 60 --iterations 20"), "--device",
				device, "--precision", precision)
			for file, line := range map[string]string{
				"config.yaml":  "precision: " + precision + "\n",
				"summary.json": `"precision": "` + precision + `"`,
			} {
				if !strings.Contains(string(read(t, dir, file)), line) {
					t.Errorf("%s: %s does not say %s", device, file, precision)
				}
			}
		}
	}
	refused(t, slices.Concat(strings.Fields("run --precision mixed --device emulator --method sgd"), small),
		"method sgd takes its steps in f64")
	few := "mixed" // for entries of few bits
	if strings.HasSuffix(cpu.Backend{}.Device(), "simd off") {
		few = "f64"
	}
	for flags, want := range map[string]string{
		"--entries f32": "f64", "--entries f64": "f64", "--entries bf16": few, "--entries q8": few,
		"--ensemble rademacher": few, "--entries q8 --simd off": "f64",
		"--entries q8 --device emulator": "f64",
	} {
		problem := strings.Fields("--n 6 --rank 1 --measurements 60 --iterations 2 --device cpu " + flags)
		dir := runTiny(t, problem, "--precision", "auto")
		if !strings.Contains(string(read(t, dir, "config.yaml")), "precision: "+want+"\n") {
			t.Errorf("with %s auto does not pick %s", flags, want)
		}
		if flags != "--entries q8" {
			continue
		}
		// What was picked holds, even if this machine would pick otherwise now.
		must(t, exitDone, "run", "--resume", "--out", dir, "--iterations", "3", "--simd", "off")
		if !strings.Contains(string(read(t, dir, "config.yaml")), "precision: "+want+"\n") {
			t.Errorf("the resumed run is not in %s", want)
		}
	}
}

// TestMixedResumes: wherever a run in mixed precision is cut, the resumed run is the uninterrupted one, bit
// for bit: the anchor is in the checkpoint.
func TestMixedResumes(t *testing.T) {
	for device, c := range map[string]struct {
		problem, iterations string
		cuts                []string
	}{
		"cpu": {"--n 10 --rank 2 --measurements 300 --alpha 1e-6 --measure-every 10", "300",
			[]string{"7", "60", "101", "233"}},
		"emulator": {"--n 4 --rank 1 --factor-rank 1 --measurements 40 --noise 0.3 --alpha 0.3 " +
			"--measure-every 20", "50", []string{"3", "41"}},
	} {
		t.Run(device, func(t *testing.T) {
			run := func(out, iterations string) {
				must(t, exitDone, strings.Fields("run --entries q8 --precision mixed --device "+device+" "+
					c.problem+" --iterations "+iterations+" --out "+out)...)
			}
			whole := filepath.Join(t.TempDir(), "whole")
			run(whole, c.iterations)
			anchors := 0
			for _, cut := range c.cuts {
				parts := filepath.Join(t.TempDir(), "parts")
				run(parts, cut)
				files, err := filepath.Glob(filepath.Join(parts, "checkpoint", "*", "anchor-0.npy"))
				if err != nil {
					t.Fatal(err)
				}
				anchors += len(files)
				must(t, exitDone, "run", "--resume", "--out", parts, "--iterations", c.iterations)
				if !bytes.Equal(read(t, whole, "factor.npy"), read(t, parts, "factor.npy")) {
					t.Errorf("cut at %s, the factors differ", cut)
				}
			}
			if anchors == 0 {
				t.Error("no checkpoint has an anchor: this test shows nothing")
			}
		})
	}
}
