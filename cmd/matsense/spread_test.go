package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/matsense/matsense/gpu/driver"
)

// TestSeveralDevices: a run on two, three and four emulated devices leaves the factor and the trajectory of a
// run on one, to the bit. Five are refused in one sentence.
func TestSeveralDevices(t *testing.T) {
	dir := t.TempDir()
	read := func(device, file string) []byte {
		data, err := os.ReadFile(filepath.Join(dir, device, file))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	for _, device := range []string{"emulator", "emulator:2", "emulator:3", "emulator:4"} {
		r := on(t, noGPU, "run", "--n", "6", "--rank", "1", "--measurements", "80", "--iterations", "4",
			"--measure-every", "2", "--device", device, "--out", filepath.Join(dir, device))
		if r.code != exitDone {
			t.Fatalf("%s: exit code %d, %q", device, r.code, r.err)
		}
		for _, file := range []string{"factor.npy", "trajectory.csv"} {
			if !bytes.Equal(read(device, file), read("emulator", file)) {
				t.Errorf("%s: %s differs from that on one device", device, file)
			}
		}
	}
	r := on(t, noGPU, "run", "--n", "6", "--rank", "1", "--ensemble", "completion", "--measurements", "20",
		"--device", "emulator:2", "--out", filepath.Join(dir, "none"))
	if want := "matsense: --device: several devices share rows, and completion measurements have none: " +
		"name one device\n"; r.code != exitUsage || r.err != want {
		t.Errorf("completion on two devices: exit code %d, %q, want %q", r.code, r.err, want)
	}
	r = on(t, noGPU, "run", "--n", "6", "--rank", "1", "--measurements", "80", "--device", "emulator:5",
		"--out", filepath.Join(dir, "none"))
	if want := "matsense: --device: 5 devices share the rows no faster than 4, because each has whole " +
		"eighths of the rows: name 4 devices\n"; r.code != exitUsage || r.err != want {
		t.Errorf("five devices: exit code %d, %q, want %q", r.code, r.err, want)
	}
}

// TestDevicesOfARun: cuda:all takes as many GPUs as share the rows faster than fewer, those with the most
// free memory, and one sentence says so. A list of more is refused. In a sweep each GPU has runs of its own,
// however many there are.
func TestDevicesOfARun(t *testing.T) {
	of := func(count int) func() ([]driver.Info, error) {
		return func() (all []driver.Info, err error) {
			for i := range count {
				all = append(all, driver.Info{Name: "GPU", Index: i, Capability: [2]int{9, 0},
					Driver: "CUDA 12.4", Memory: 80e9, Free: int64(60+i) * 1e9, Multiprocessors: 132,
					L2: 50 << 20, BlockShared: 232448})
			}
			return all, nil
		}
	}
	problem := strings.Fields("--n 60 --rank 2 --measurements 3000 --dry-run")
	for count, want := range map[int]string{
		3: "",
		4: "",
		6: "cuda:all takes cuda:5, cuda:4, cuda:3, cuda:2, which have the most free memory: 6 devices " +
			"share the rows no faster than 4, because each has whole eighths of the rows",
		10: "cuda:all takes cuda:9, cuda:8, cuda:7, cuda:6, cuda:5, cuda:4, cuda:3, cuda:2, which have the " +
			"most free memory: 10 devices share the rows no faster than 8, because each has whole eighths " +
			"of the rows",
	} {
		r := on(t, of(count), slices.Concat([]string{"run", "--device", "cuda:all"}, problem)...)
		if said := strings.Contains(r.err, "cuda:all takes"); r.code != exitDone || said != (want != "") ||
			!strings.Contains(r.err, want) {
			t.Errorf("%d GPUs: exit code %d, %q\n%s", count, r.code, r.err, r.out)
		}
	}
	r := on(t, of(5), slices.Concat([]string{"run", "--device", "cuda:0,1,2,3,4"}, problem)...)
	if r.code != exitUsage || !strings.Contains(r.err, "--device: 5 devices share the rows no faster than ") {
		t.Errorf("five GPUs by number: exit code %d, %q", r.code, r.err)
	}
	file := write(t, filepath.Join(t.TempDir(), "s.yaml"),
		[]byte("base: {n: 60, rank: 2, measurements: 3000}\nseeds: 9\n"))
	for _, device := range []string{"cuda:all", "cuda:4,3,2,1,0"} {
		r := on(t, of(5), "sweep", file, "--device", device, "--dry-run")
		const want = "each device takes runs of its own: cuda:4, cuda:3, cuda:2, cuda:1, cuda:0"
		if r.code != exitDone || !strings.Contains(r.out+r.err, want) {
			t.Errorf("a sweep on %s: exit code %d, %q\n%s", device, r.code, r.err, r.out)
		}
	}
	if r := on(t, of(5), "devices"); !strings.Contains(r.out, "cuda:all  cuda:4, cuda:3, cuda:2, cuda:1 "+
		"share the rows of a run: 61 GB available on each\n          a sweep has runs for all 5 GPUs: ") {
		t.Errorf("devices prints\n%s", r.out)
	}
}

// TestResumesOnOtherDevices: a run that two devices began goes on on four, on three, then on one, and leaves
// the factor and the trajectory of a run that one device did alone. Another kind of device is refused.
func TestResumesOnOtherDevices(t *testing.T) {
	problem := strings.Fields("--n 6 --rank 1 --measurements 80 --alpha 1e-3 --measure-every 5")
	whole, parts := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "parts")
	must(t, exitDone, slices.Concat([]string{"run", "--out", whole, "--iterations", "20", "--device",
		"emulator"}, problem)...)
	must(t, exitDone, slices.Concat([]string{"run", "--out", parts, "--iterations", "5", "--device",
		"emulator:2"}, problem)...)
	must(t, exitDone, "run", "--resume", "--out", parts, "--iterations", "10", "--device", "emulator:4")
	must(t, exitDone, "run", "--resume", "--out", parts, "--iterations", "15", "--device", "emulator:3")
	r := must(t, exitUsage, "run", "--resume", "--out", parts, "--iterations", "20", "--device", "cpu")
	if want := "resume it with device emulator"; !strings.Contains(r.err, want) {
		t.Errorf("%q does not say %q", r.err, want)
	}
	must(t, exitDone, "run", "--resume", "--out", parts, "--iterations", "20", "--device", "emulator")
	for _, file := range []string{"factor.npy", "trajectory.csv"} {
		if !bytes.Equal(read(t, whole, file), read(t, parts, file)) {
			t.Errorf("%s differs from that of a run on one device", file)
		}
	}
	if config := read(t, parts, "config.yaml"); !bytes.Contains(config, []byte("device: emulator\n")) {
		t.Errorf("config.yaml does not name the last device:\n%s", config)
	}
}

// TestMemoryOfEachGPU: a dry run says how much memory a run takes on each of several GPUs and how much is
// there. The first holds everything but the other's rows. A run is refused if one of the GPUs has too little,
// and the message names it.
func TestMemoryOfEachGPU(t *testing.T) {
	problem := strings.Fields("run --dry-run --n 200 --rank 5 --entries f32 --storage memory --device " +
		"cuda:1,0")
	r := on(t, gpus, problem...)
	if r.code != exitDone || !strings.Contains(r.out, "(2 × Idle GPU)") ||
		!strings.Contains(r.out, "\ncuda:1: ") ||
		!strings.Contains(r.out, ", of 140 GB that are available\ncuda:0: ") ||
		!strings.Contains(r.out, ", of 1 GB that are available\n") {
		t.Fatalf("exit code %d, %q\n%s", r.code, r.err, r.out)
	}
	plan := events(jsonLines(t, on(t, gpus, append(problem, "--json")...).out), "plan")[0]
	cards := plan["cards"].([]any)
	first, second := cards[0].(map[string]any), cards[1].(map[string]any)
	// 10,000 rows of 20,100 numbers in f32 are 804 MB, of which each GPU has half.
	const half = 10_000 * 20_100 * 4 / 2
	need := func(card map[string]any) float64 { return card["memory_planned_bytes"].(float64) }
	if len(cards) != 2 || first["device"] != "cuda:1" || second["device"] != "cuda:0" ||
		need(second) < half || need(first) <= need(second) || need(first) > 1.5*half ||
		plan["memory_planned_bytes"] != need(second) || plan["memory_available_bytes"] != 1e9 {
		t.Errorf("the plan is %v", plan)
	}
	poor := func() ([]driver.Info, error) {
		all, err := gpus()
		all[0].Free = half
		return all, err
	}
	r = on(t, poor, problem...)
	if want := "available on cuda:0, one of 2 devices"; r.code != exitFailed ||
		!strings.Contains(r.err, want) {
		t.Errorf("exit code %d, %q", r.code, r.err)
	}
}

// TestSweepOnSeveralDevices: two emulated devices have runs of their own, and the tables are those of one
// device, to the byte. The device of the flag takes the place of that in the file, also when the sweep goes
// on.
func TestSweepOnSeveralDevices(t *testing.T) {
	dir := t.TempDir()
	file := write(t, filepath.Join(dir, "s.yaml"), []byte(`base:
  {n: 6, rank: 1, measurements: 20, iterations: 6}
axes:
  - ensemble: [gaussian, completion]
seeds: 2
`))
	one, two := filepath.Join(dir, "one"), filepath.Join(dir, "two")
	must(t, exitDone, "sweep", file, "--device", "emulator", "--out", one)
	r := must(t, exitDone, "sweep", file, "--device", "emulator:2", "--out", two)
	if !strings.Contains(r.err, "each device takes runs of its own: emulator, emulator") {
		t.Errorf("it says %q", r.err)
	}
	for _, name := range []string{"runs.csv", "runs.parquet", "trajectories.parquet"} {
		if !bytes.Equal(read(t, one, name), read(t, two, name)) {
			t.Errorf("%s differs from that of one device", name)
		}
	}
	plan := events(jsonLines(t, must(t, exitDone, "sweep", file, "--device", "emulator:2", "--out", two,
		"--resume", "--json").out), "plan")[0]
	if devices := plan["devices_apart"].([]any); len(devices) != 2 {
		t.Errorf("the plan is %v", plan)
	}
	three := filepath.Join(dir, "three")
	must(t, exitDone, "sweep", file, "--device", "emulator:3", "--out", three)
	if !bytes.Equal(read(t, one, "runs.csv"), read(t, three, "runs.csv")) {
		t.Error("runs.csv of three devices differs from that of one device")
	}
	r = must(t, exitUsage, "sweep", file, "--out", two, "--resume")
	if want := "holds this sweep on device emulator, and device auto adds in another order: resume it with " +
		"--device emulator"; !strings.Contains(r.err, want) {
		t.Errorf("on auto it says %q", r.err)
	}
}
