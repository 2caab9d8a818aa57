package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestSeveralDevices: a run on two and on four emulated devices leaves the factor and the trajectory of a run
// on one, to the bit.
func TestSeveralDevices(t *testing.T) {
	dir := t.TempDir()
	read := func(device, file string) []byte {
		data, err := os.ReadFile(filepath.Join(dir, device, file))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	for _, device := range []string{"emulator", "emulator:2", "emulator:4"} {
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
	if r.code != exitUsage {
		t.Errorf("completion on two devices: exit code %d, %q", r.code, r.err)
	}
}

// TestResumesOnOtherDevices: a run that two devices began goes on on four, then on one, and leaves the factor
// and the trajectory of a run that one device did alone. Another kind of device is refused.
func TestResumesOnOtherDevices(t *testing.T) {
	problem := strings.Fields("--n 6 --rank 1 --measurements 80 --alpha 1e-3 --measure-every 5")
	whole, parts := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "parts")
	must(t, exitDone, slices.Concat([]string{"run", "--out", whole, "--iterations", "20", "--device",
		"emulator"}, problem)...)
	must(t, exitDone, slices.Concat([]string{"run", "--out", parts, "--iterations", "5", "--device",
		"emulator:2"}, problem)...)
	must(t, exitDone, "run", "--resume", "--out", parts, "--iterations", "10", "--device", "emulator:4")
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
