package experiment

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/gpu"
	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/gpu/emulator"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// silent is a Progress that does nothing.
type silent struct{}

func (silent) Notice(string)          {}
func (silent) Begin(string, int, int) {}
func (silent) Sample(solver.Sample)   {}

// listening is a Progress that remembers notices and samples.
type listening struct {
	silent
	notices []string
}

func (l *listening) Notice(text string) { l.notices = append(l.notices, text) }

// TestOtherModel: a run that is resumed on another GPU model gives the bits of an uninterrupted run, without
// a warning that bits may differ. 200 measurements are 25 chunks of rows, which the smaller device's blocks
// share.
func TestOtherModel(t *testing.T) {
	run := func(dir string, multiprocessors, iterations int, resume bool) (notices []string) {
		t.Helper()
		config := emulator.Config{Multiprocessors: multiprocessors}
		host := Host{
			Backend: func(p Place) (solver.Backend, error) {
				info, err := emulator.New(config).Info()
				info.Name = fmt.Sprintf("GPU of %d multiprocessors", multiprocessors)
				connect := func() (driver.Device, error) { return emulator.New(config), nil }
				return gpu.Backend{Label: "emulator", Info: info, Connect: connect,
					Storage: solver.Storage(p.Storage), Notice: p.Notice}, err
			},
			Memory: func(solver.Backend) (float64, error) { return 1e9, nil },
		}
		settings := strings.Fields(fmt.Sprint("n=6 rank=1 measurements=200 alpha=1e-3 device=emulator "+
			"iterations=", iterations))
		plan, err := NewPlan(configOf(t, settings...), host)
		if err != nil {
			t.Fatal(err)
		}
		progress := &listening{}
		if _, err := plan.Run(context.Background(), Options{Dir: dir, Resume: resume}, progress); err != nil {
			t.Fatal(err)
		}
		return progress.notices
	}
	whole, parts := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "parts")
	run(whole, 132, 20, false)
	run(parts, 4, 11, false)
	if notices := run(parts, 132, 20, true); len(notices) > 0 {
		t.Errorf("the notices are %q", notices)
	}
	if !bytes.Equal(readFile(t, filepath.Join(whole, factorFile)), readFile(t, filepath.Join(parts,
		factorFile))) {
		t.Error("the factors differ")
	}
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// TestLostDevice: if the device is lost in the middle of a run, the run ends with an error that says so, and
// the last checkpoint is intact. Resumed on a device that works, the run gives the bits of an uninterrupted
// run.
func TestLostDevice(t *testing.T) {
	run := func(dir string, failAfter int, resume bool) error {
		t.Helper()
		c := config.Default()
		for key, text := range map[string]string{
			"n": "6", "rank": "1", "measurements": "50", "iterations": "30", "alpha": "1e-3",
			"device": "emulator", "checkpoint-every": "1e-9",
		} {
			f, _ := c.Field(key)
			if err := f.Set(text, key); err != nil {
				t.Fatal(err)
			}
		}
		host := Host{
			Backend: func(p Place) (solver.Backend, error) {
				d := emulator.New(emulator.Config{})
				info, err := d.Info()
				if failAfter > 0 {
					d.Fail(failAfter, driver.ErrLost)
				}
				connect := func() (driver.Device, error) { return d, nil }
				return gpu.Backend{Label: "emulator", Info: info, Connect: connect,
					Storage: solver.Storage(p.Storage)}, err
			},
			Memory: func(solver.Backend) (float64, error) { return 1e9, nil },
		}
		plan, err := NewPlan(c, host)
		if err != nil {
			t.Fatal(err)
		}
		_, err = plan.Run(context.Background(), Options{Dir: dir, Resume: resume}, silent{})
		return err
	}
	whole, broken := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "broken")
	if err := run(whole, 0, false); err != nil {
		t.Fatal(err)
	}
	err := run(broken, 300, false)
	if !errors.Is(err, driver.ErrLost) || !strings.Contains(err.Error(), "is intact: go on with --resume") {
		t.Fatalf("the error is %v", err)
	}
	names, err := listCheckpoints(filepath.Join(broken, checkpointDir))
	if err != nil || len(names) == 0 {
		t.Fatalf("there is no checkpoint: %v", err)
	}
	if err := run(broken, 0, true); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(readFile(t, filepath.Join(whole, factorFile)), readFile(t, filepath.Join(broken,
		factorFile))) {
		t.Error("the factor of the run that went on differs from that of the one that was never interrupted")
	}
}

// TestEstimateOnHost: the spectral estimate is made in the host's memory. Its bytes do not count as a GPU's:
// a completion problem that fits was refused.
func TestEstimateOnHost(t *testing.T) {
	settings := strings.Fields("ensemble=completion n=100000 rank=2 factor-rank=2 measurements=1000000")
	plan := func(device, host float64) (*Plan, error) {
		h := cpuHost(host)
		onCPU := h.Backend
		h.Backend = func(p Place) (solver.Backend, error) {
			if p.Device == "cpu" {
				return onCPU(p)
			}
			info, err := emulator.New(emulator.Config{}).Info()
			info.Memory = int64(device) // no other process holds any of it
			return gpu.Backend{Label: p.Device, Info: info}, err
		}
		h.Memory = func(b solver.Backend) (float64, error) {
			if b.Name() == "cuda" {
				return device, nil
			}
			return host, nil
		}
		return NewPlan(configOf(t, append(settings, "device=cuda")...), h)
	}
	p, err := plan(1e12, 1e12)
	if err != nil {
		t.Fatal(err)
	}
	e, err := p.Config.StandIn()
	if err != nil {
		t.Fatal(err)
	}
	estimate := solver.SpectralBytes(e, p.Config.SpectralPairs())
	if estimate < p.Bytes {
		t.Fatalf("the estimate takes %s, less than the run's %s", Bytes(estimate), Bytes(p.Bytes))
	}
	if _, err = plan(1.2*p.Bytes, 1.2*estimate); err != nil {
		t.Errorf("a device with room for %s: %v", Bytes(p.Bytes), err)
	}
	var usage *config.UsageError
	if _, err = plan(1.2*p.Bytes, estimate); !errors.As(err, &usage) ||
		!strings.Contains(err.Error(), "of the host's memory") {
		t.Errorf("a host with too little memory: %v", err)
	}
	if _, err = plan(p.Bytes, 1e12); !errors.As(err, &usage) {
		t.Errorf("a device with too little memory: %v", err)
	}
}

// rowsOnly is a backend that runs no ensemble without rows.
type rowsOnly struct{ solver.Backend }

func (b rowsOnly) Memory(p *sensing.Problem, batch solver.Batch) (float64, error) {
	if _, rows := p.Ensemble.(sensing.Rows); !rows {
		return 0, solver.Unsupportedf("test has no kernels for the ensemble %s", p.Ensemble.Name())
	}
	return b.Backend.Memory(p, batch)
}

// If a GPU has no kernels for a problem, auto takes the next device and says why. A GPU that the user asked
// for by name is an error.
func TestUnsupported(t *testing.T) {
	refusing := func(device string) Host {
		h := cpuHost(1e9)
		h.Auto = func() ([]string, string) { return []string{device, "cpu"}, "" }
		onCPU := h.Backend
		h.Backend = func(p Place) (solver.Backend, error) {
			if p.Device == "cpu" {
				return onCPU(p)
			}
			d := emulator.New(emulator.Config{})
			info, err := d.Info()
			return rowsOnly{gpu.Backend{Label: p.Device, Info: info, Connect: func() (driver.Device, error) {
				return d, nil
			}}}, err
		}
		return h
	}
	for _, settings := range []string{"ensemble=completion", "ensemble=pauli n=8"} {
		asked := append(strings.Fields("n=6 rank=1 measurements=20 iterations=3"),
			strings.Fields(settings)...)
		p, err := NewPlan(configOf(t, asked...), refusing("cuda"))
		if err != nil {
			t.Fatal(err)
		}
		if p.Config.Device != "cpu" || len(p.Notes) != 1 ||
			!strings.HasPrefix(p.Notes[0], "cpu is used: test has no kernels for the ensemble ") {
			t.Errorf("%s runs on %s: %q", settings, p.Config.Device, p.Notes)
		}
		var usage *config.UsageError
		if _, err := NewPlan(configOf(t, append(asked, "device=cuda")...), refusing("cuda")); !errors.As(err,
			&usage) || !strings.HasPrefix(err.Error(), "--device: test has no kernels for the ensemble ") ||
			!strings.HasSuffix(err.Error(), ": take --device cpu") {
			t.Errorf("%s on cuda: %v", settings, err)
		}
	}
	if p, err := NewPlan(configOf(t, strings.Fields("n=6 rank=1 measurements=20 iterations=3")...),
		refusing("cuda")); err != nil || p.Config.Device != "cuda" {
		t.Errorf("what has kernels does not run on cuda: %v", err)
	}
}
