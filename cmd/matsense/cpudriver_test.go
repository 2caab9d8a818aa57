//go:build cuda

package main

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/matsense/matsense/gpu/cpudriver"
	"github.com/matsense/matsense/gpu/cuda"
)

// These tests run the program on a CUDA driver that runs PTX on the CPU, which answers what they ask it to:
//
//	eval "$(scripts/cuda-headers)" && eval "$(scripts/cpu-driver)"
//	go test -tags cuda -run CPUDriver ./cmd/matsense

// onCPUDriver skips a test where the driver is another.
func onCPUDriver(t *testing.T) {
	t.Helper()
	if gpus, err := cuda.Devices(); err != nil || gpus[0].Name != cpudriver.DeviceName {
		t.Skip("needs the driver of scripts/cpu-driver")
	}
}

// tinyOn runs a tiny problem and returns what the program says, and the matrices of the factor.
func tinyOn(t *testing.T, device string, flags ...string) (result, []byte) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "run")
	args := strings.Fields("run --n 13 --rank 2 --measurements 151 --iterations 20 --alpha 1e-3 --out " +
		dir + " --device " + device)
	r := alone(t, append(args, flags...)...)
	files, _ := filepath.Glob(filepath.Join(dir, "factor*.npy"))
	var factor []byte
	for _, file := range files {
		factor = append(factor, read(t, dir, filepath.Base(file))...)
	}
	return r, factor
}

// TestCPUDriver: through gorgonia.org/cu, the driver's functions and a second implementation of PTX a run has
// the bits that it has in the emulator, and the trajectory of the CPU to ten digits.
func TestCPUDriver(t *testing.T) {
	onCPUDriver(t)
	for _, flags := range []string{"--entries f32", "--entries f64 --method momentum",
		"--entries q8 --storage generated",
		"--ensemble rademacher --parametrization uv --n2 7", "--entries bf16 --method scaled-gd-lambda",
		"--parametrization indefinite --method scaled-gd-lambda", "--parametrization sparse --rank 1",
		"--parametrization deep --n2 7 --depth 4 --alpha 0.5"} {
		t.Run(flags, func(t *testing.T) {
			problem := strings.Fields("--n 13 --rank 2 --measurements 151 --iterations 40 " +
				"--alpha 1e-3 " + flags)
			dirs := map[string]string{}
			for _, device := range []string{"cuda", "emulator", "cpu"} {
				dirs[device] = filepath.Join(t.TempDir(), "run")
				args := slices.Concat([]string{"run", "--device", device, "--out", dirs[device]}, problem)
				if r := alone(t, args...); r.code != exitDone {
					t.Fatalf("%s: exit code %d\n%s", device, r.code, r.err)
				}
			}
			sameBits(t, dirs["cuda"], dirs["emulator"])
			got, want := samples(t, dirs["cuda"]), samples(t, dirs["cpu"])
			for i, w := range want {
				g := got[i]
				for _, pair := range [][2]float64{{g.TrainLoss, w.TrainLoss}, {g.TestError, w.TestError},
					{g.Signal, w.Signal}} {
					if diff := math.Abs(pair[0] - pair[1]); !(diff <= 1e-10*pair[1]) {
						t.Errorf("iteration %d: %v, want %v", w.Iteration, pair[0], pair[1])
					}
				}
			}
		})
	}
}

// TestCPUDriverRefusesCooperation: whatever way a driver refuses cooperative launches, the run goes on in
// three steps, says so, and comes to the same bits.
func TestCPUDriverRefusesCooperation(t *testing.T) {
	onCPUDriver(t)
	r, want := tinyOn(t, "cuda")
	if r.code != exitDone || strings.Contains(r.err, "three steps") {
		t.Fatalf("exit code %d\n%s", r.code, r.err)
	}
	for setting, notice := range map[string]string{
		"CPUDRIVER_COOPERATIVE=720":             "CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE (720)",
		"CPUDRIVER_COOPERATIVE=801":             "CUDA_ERROR_NOT_SUPPORTED (801)",
		"CPUDRIVER_COOPERATIVE_ATTRIBUTE=0":     "it has no cooperative launches",
		"CPUDRIVER_CAPABILITY=7.5":              "",
		"CPUDRIVER_MULTIPROCESSORS=1":           "",
		"CPUDRIVER_WATCHDOG=1":                  "",
		"CPUDRIVER_COPIES=early":                "",
		"CPUDRIVER_COPIES=random":               "",
		"CPUDRIVER_SEED=7":                      "",
		"CPUDRIVER_NVML=0":                      "",
		"CPUDRIVER_WATCHDOG_WORK=1000000000000": "",
	} {
		t.Run(setting, func(t *testing.T) {
			key, value, _ := strings.Cut(setting, "=")
			t.Setenv(key, value)
			r, got := tinyOn(t, "cuda")
			if r.code != exitDone {
				t.Fatalf("exit code %d\n%s", r.code, r.err)
			}
			if notice != "" && (!strings.Contains(r.err, "note: contract is done in three steps") ||
				!strings.Contains(r.err, notice)) {
				t.Errorf("no notice of %q:\n%s", notice, r.err)
			}
			if !bytes.Equal(got, want) {
				t.Error("the factor differs")
			}
		})
	}
}

// TestCPUDriverTaken: a GPU that another process holds.
func TestCPUDriverTaken(t *testing.T) {
	onCPUDriver(t)
	const words = "cuda: open GPU 0, PTX on the CPU: CUDA_ERROR_DEVICE_UNAVAILABLE (46): CUDA-capable " +
		"device(s) is/are busy or unavailable"
	t.Setenv("CPUDRIVER_RETAIN", "0:46")
	r, _ := tinyOn(t, "cuda")
	if r.code != exitFailed || !strings.Contains(r.err, words) || strings.Count(r.err, "\n") != 1 {
		t.Errorf("cuda: exit code %d\n%s", r.code, r.err)
	}
	r, _ = tinyOn(t, "auto")
	if r.code != exitDone || !strings.Contains(r.err, "note: cpu is used: ") ||
		!strings.Contains(r.err, words) {
		t.Errorf("auto: exit code %d\n%s", r.code, r.err)
	}
	r = alone(t, "devices")
	if r.code != exitDone || !strings.Contains(r.out, "in use by another process: "+words) ||
		!strings.Contains(r.out, "auto      cpu: no GPU can be had now") {
		t.Errorf("devices: exit code %d\n%s", r.code, r.out)
	}
	t.Setenv("CPUDRIVER_DEVICES", "3")
	log := filepath.Join(t.TempDir(), "log")
	t.Setenv("CPUDRIVER_LOG", log)
	r, _ = tinyOn(t, "auto")
	if r.code != exitDone || !strings.Contains(r.err, "note: cuda:1 is used: ") {
		t.Errorf("auto of three: exit code %d\n%s", r.code, r.err)
	}
	content, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	if retained := regexp.MustCompile(`(?m)^retain \d+`).FindAllString(string(content),
		-1); !slices.Contains(retained, "retain 1") || slices.Contains(retained, "retain 2") {
		t.Errorf("the contexts are %q: a GPU that is not used needs none", retained)
	}
	r = alone(t, "devices")
	if !strings.Contains(r.out, "auto      cuda:1: of 3 GPUs the one with the most free memory") {
		t.Errorf("devices of three:\n%s", r.out)
	}
}

// TestCPUDriverOpens: whatever keeps the driver from making a context is told in its words, with exit code 1;
// auto takes the CPU.
func TestCPUDriverOpens(t *testing.T) {
	onCPUDriver(t)
	for status, devices := range map[string]string{
		"2":   "in use by another process: cuda: open GPU 0, PTX on the CPU: CUDA_ERROR_OUT_OF_MEMORY (2)",
		"214": "cannot be used: cuda: open GPU 0, PTX on the CPU: CUDA_ERROR_ECC_UNCORRECTABLE (214)",
		"802": "cannot be used: cuda: open GPU 0, PTX on the CPU: error 802",
		"999": "cannot be used: cuda: open GPU 0, PTX on the CPU: CUDA_ERROR_UNKNOWN (999)",
	} {
		t.Setenv("CPUDRIVER_RETAIN", "0:"+status)
		_, words, _ := strings.Cut(devices, ": ")
		r, _ := tinyOn(t, "cuda")
		if r.code != exitFailed || !strings.Contains(r.err, words) || strings.Count(r.err, "\n") != 1 {
			t.Errorf("%s: exit code %d\n%s", status, r.code, r.err)
		}
		if r, _ := tinyOn(t, "auto"); r.code != exitDone || !strings.Contains(r.err, words) {
			t.Errorf("%s: auto: exit code %d\n%s", status, r.code, r.err)
		}
		if r := alone(t, "devices"); r.code != exitDone || !strings.Contains(r.out, devices) {
			t.Errorf("%s: devices: exit code %d\n%s", status, r.code, r.out)
		}
	}
}

// TestCPUDriverEstimates: with the clocks and the bus of an H100 the driver's device would be slower than the
// CPU for a tiny problem, so auto takes the CPU without opening the device. Without clocks nothing is
// compared.
func TestCPUDriverEstimates(t *testing.T) {
	onCPUDriver(t)
	if r, _ := tinyOn(t, "auto"); r.code != exitDone || !strings.Contains(r.err, "on cuda (") {
		t.Errorf("without clocks: exit code %d\n%s", r.code, r.err)
	}
	log := filepath.Join(t.TempDir(), "log")
	for key, value := range map[string]string{
		"CPUDRIVER_CLOCK": "1980000", "CPUDRIVER_MEMORY_CLOCK": "2619000", "CPUDRIVER_BUS_WIDTH": "5120",
		"CPUDRIVER_LOG": log,
	} {
		t.Setenv(key, value)
	}
	r, _ := tinyOn(t, "auto")
	if r.code != exitDone || !strings.Contains(r.err, "note: cpu is used: by estimate") ||
		!strings.Contains(r.err, "on cpu (") {
		t.Errorf("with clocks: exit code %d\n%s", r.code, r.err)
	}
	if content, err := os.ReadFile(log); err == nil && strings.Contains(string(content), "retain") {
		t.Errorf("the device was opened:\n%s", content)
	}
}

// TestCPUDriverFails: what goes wrong on a device ends the run with kernel, grid and the driver's words, and
// exit code 1.
func TestCPUDriverFails(t *testing.T) {
	onCPUDriver(t)
	for _, c := range []struct {
		setting string
		want    []string
	}{
		{"CPUDRIVER_KERNEL=700", []string{"CUDA_ERROR_ILLEGAL_ADDRESS (700)", "in ", "launch "}},
		{"CPUDRIVER_LAUNCH=701",
			[]string{"cuda: launch ", " grid=", " block=", "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES (701)"}},
		{"CPUDRIVER_WATCHDOG_WORK=1000", []string{"CUDA_ERROR_LAUNCH_TIMEOUT (702)", "launch "}},
		{"CPUDRIVER_ALLOCATIONS=5",
			[]string{"there was no room for the ", "CUDA_ERROR_OUT_OF_MEMORY (2)", "can be had now"}},
		{"CPUDRIVER_INIT=803", []string{"CUDA_ERROR_SYSTEM_DRIVER_MISMATCH (803)"}},
		{"CPUDRIVER_INIT=100", []string{"no GPU is visible"}},
		{"CPUDRIVER_VERSION=10020", []string{"CUDA 10.2"}},
		{"CPUDRIVER_CAPABILITY=6.1", []string{"compute capability 6.1, and the kernels need 7.0"}},
	} {
		t.Run(c.setting, func(t *testing.T) {
			key, value, _ := strings.Cut(c.setting, "=")
			t.Setenv(key, value)
			r, _ := tinyOn(t, "cuda")
			if r.code != exitFailed {
				t.Errorf("exit code %d\n%s", r.code, r.err)
			}
			for _, want := range c.want {
				if !strings.Contains(r.err, want) {
					t.Errorf("no %q in %q", want, r.err)
				}
			}
		})
	}
	t.Setenv("CPUDRIVER_MEMORY", fmt.Sprint(1<<19))
	r, _ := tinyOn(t, "cuda")
	if r.code != exitUsage || !strings.Contains(r.err, "of memory and ") {
		t.Errorf("little memory: exit code %d\n%s", r.code, r.err)
	}
}

// TestCPUDriverSeveral: two, three and four GPUs of the driver share the rows, and leave the factor of one.
// Of five, cuda:all takes four.
func TestCPUDriverSeveral(t *testing.T) {
	onCPUDriver(t)
	t.Setenv("CPUDRIVER_DEVICES", "5")
	one, want := tinyOn(t, "cuda:0")
	if one.code != exitDone {
		t.Fatalf("exit code %d\n%s", one.code, one.err)
	}
	for _, device := range []string{"cuda:0,1", "cuda:2,0,4", "cuda:3,0,2,1", "cuda:all"} {
		if r, got := tinyOn(t, device); r.code != exitDone || !bytes.Equal(got, want) {
			t.Errorf("%s: exit code %d, the factor is the same: %v\n%s", device, r.code,
				bytes.Equal(got, want), r.err)
		}
	}
	for _, flags := range []string{"--precision mixed --entries q8", "--method sgd --batch-size 20",
		"--parametrization deep --n2 11 --depth 3"} {
		_, want := tinyOn(t, "cuda:0", strings.Fields(flags)...)
		for _, device := range []string{"cuda:0,1", "cuda:1,3,0"} {
			r, got := tinyOn(t, device, strings.Fields(flags)...)
			if r.code != exitDone || len(want) == 0 || !bytes.Equal(got, want) {
				t.Errorf("%s on %s: exit code %d, the factor is the same: %v\n%s", flags, device, r.code,
					bytes.Equal(got, want), r.err)
			}
		}
	}
	dir := filepath.Join(t.TempDir(), "run")
	_, want = tinyOn(t, "cuda:0", "--precision", "mixed", "--entries", "q8")
	tinyOn(t, "cuda:0,1,2", "--precision", "mixed", "--entries", "q8", "--iterations", "9", "--out", dir)
	r := alone(t, "run", "--resume", "--out", dir, "--iterations", "20", "--device", "cuda:4,1")
	if got := read(t, dir, "factor.npy"); r.code != exitDone || !bytes.Equal(got, want) {
		t.Errorf("three GPUs, resumed on two: exit code %d, the factor is the same: %v\n%s", r.code,
			bytes.Equal(got, want), r.err)
	}
	if r, _ := tinyOn(t, "cuda:0,1,2,3,4"); r.code != exitUsage ||
		!strings.Contains(r.err, "5 devices share the rows no faster than 4") {
		t.Errorf("five GPUs: exit code %d\n%s", r.code, r.err)
	}
	if r, _ := tinyOn(t, "cuda:0,9"); r.code != exitUsage ||
		!strings.Contains(r.err, "there is no cuda:9: the GPUs are cuda:0 to cuda:4") {
		t.Errorf("cuda:0,9: exit code %d\n%s", r.code, r.err)
	}
}

// TestCPUDriverLosesACard: if one of two or three GPUs is lost in the middle of a run, whichever it is, the
// run ends with exit code 1, names the GPU and its error, and its last checkpoint is intact: on the GPUs that
// are left it goes on to the factor and the trajectory of an uninterrupted run on one GPU.
func TestCPUDriverLosesACard(t *testing.T) {
	onCPUDriver(t)
	t.Setenv("CPUDRIVER_DEVICES", "3")
	problem := strings.Fields("--n 13 --rank 2 --measurements 151 --iterations 40 --alpha 1e-3 " +
		"--checkpoint-every 1e-9")
	whole := filepath.Join(t.TempDir(), "whole")
	r := alone(t, slices.Concat([]string{"run", "--out", whole, "--device", "cuda:0"}, problem)...)
	if r.code != exitDone {
		t.Fatalf("exit code %d\n%s", r.code, r.err)
	}
	for _, lost := range []struct {
		devices       string
		kernel, after string
		left          string // the GPUs that are left
	}{
		{"cuda:0,1", "1:719", "1:30", "cuda:0"}, {"cuda:0,1", "0:719", "0:250", "cuda:1"},
		// The second of three waits for the first, and the first for the one that is lost.
		{"cuda:0,1,2", "2:719", "2:30", "cuda:0,1"}, {"cuda:0,1,2", "2:719", "2:67", "cuda:1"},
		{"cuda:0,1,2", "1:719", "1:44", "cuda:0,2"}, {"cuda:0,1,2", "0:719", "0:250", "cuda:1,2"},
	} {
		dir := filepath.Join(t.TempDir(), "run")
		t.Setenv("CPUDRIVER_KERNEL", lost.kernel)
		t.Setenv("CPUDRIVER_KERNEL_AFTER", lost.after)
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute) // it takes seconds
		r := aloneUntil(t, ctx, slices.Concat([]string{"run", "--out", dir, "--device", lost.devices},
			problem)...)
		cancel()
		gpu, _, _ := strings.Cut(lost.kernel, ":")
		if r.code != exitFailed || !strings.Contains(r.err, "CUDA_ERROR_LAUNCH_FAILED (719)") ||
			!strings.Contains(r.err, "matsense: GPU "+gpu+", PTX on the CPU, is lost: ") ||
			!strings.Contains(r.err, "is intact: go on with --resume") {
			t.Errorf("%s, GPU %s is lost: exit code %d\n%s", lost.devices, lost.kernel, r.code, r.err)
			continue
		}
		r = alone(t, "run", "--resume", "--out", dir, "--device", lost.left)
		if r.code != exitDone || !bytes.Equal(read(t, dir, "factor.npy"), read(t, whole, "factor.npy")) ||
			!bytes.Equal(read(t, dir, "trajectory.csv"), read(t, whole, "trajectory.csv")) {
			t.Errorf("GPU %s is lost, resumed on %s: exit code %d, or other bits than those of one GPU\n%s",
				lost.kernel, lost.left, r.code, r.err)
		}
	}
}

// TestCPUDriverSweepApart: each of two GPUs takes runs of its own, at the same time, and the tables are those
// of one GPU. If one of them is lost, the sweep ends with its name and exit code 1, and goes on with the
// other one.
func TestCPUDriverSweepApart(t *testing.T) {
	onCPUDriver(t)
	t.Setenv("CPUDRIVER_DEVICES", "2")
	dir := t.TempDir()
	file := write(t, filepath.Join(dir, "s.yaml"), []byte(`base:
  {n: 9, rank: 1, measurements: 40, iterations: 12, alpha: 1e-3, checkpoint-every: 1e-9}
axes:
  - ensemble: [gaussian, completion]
seeds: 2
`))
	swept := func(name, device string, flags ...string) (string, result) {
		out := filepath.Join(dir, name)
		return out, alone(t, append([]string{"sweep", file, "--device", device, "--out", out}, flags...)...)
	}
	one, r := swept("one", "cuda:0")
	if r.code != exitDone {
		t.Fatalf("exit code %d\n%s", r.code, r.err)
	}
	same := func(out string, r result) {
		t.Helper()
		if r.code != exitDone {
			t.Fatalf("exit code %d\n%s", r.code, r.err)
		}
		for _, name := range []string{"runs.csv", "runs.parquet", "trajectories.parquet"} {
			if !bytes.Equal(read(t, one, name), read(t, out, name)) {
				t.Errorf("%s differs from that of one GPU", name)
			}
		}
	}
	two, r := swept("two", "cuda:all")
	same(two, r)
	if !strings.Contains(r.err, "each device takes runs of its own: cuda:0, cuda:1") {
		t.Errorf("it says %q", r.err)
	}
	t.Setenv("CPUDRIVER_KERNEL", "1:719")
	t.Setenv("CPUDRIVER_KERNEL_AFTER", "1:60")
	_, r = swept("lost", "cuda:0,1")
	if r.code != exitFailed || !strings.Contains(r.err, "matsense: cuda:1: ") ||
		!strings.Contains(r.err, "CUDA_ERROR_LAUNCH_FAILED (719)") {
		t.Errorf("exit code %d\n%s", r.code, r.err)
	}
	same(swept("lost", "cuda:0", "--resume"))
}
