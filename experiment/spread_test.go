package experiment

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/gpu"
	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/gpu/emulator"
	"github.com/matsense/matsense/solver"
)

// TestLostCard: if one of several devices is lost in the middle of a run, the first or another, the run ends
// with an error that says so, and the last checkpoint is intact. Resumed on two devices that work, the run
// gives the bits of an uninterrupted run on one.
func TestLostCard(t *testing.T) {
	// lost is the number of the device that fails after so many operations, if failAfter is not 0.
	run := func(dir string, devices, lost, failAfter int, resume bool) error {
		t.Helper()
		host := Host{
			Backend: func(p Place) (solver.Backend, error) {
				var cards []gpu.Card
				for i := range devices {
					d := emulator.New(emulator.Config{})
					info, err := d.Info()
					if err != nil {
						return nil, err
					}
					if failAfter > 0 && i == lost {
						d.Fail(failAfter, driver.ErrLost)
					}
					cards = append(cards, gpu.Card{Info: info,
						Connect: func() (driver.Device, error) { return d, nil }})
				}
				return gpu.Backend{Label: "emulator", Info: cards[0].Info, Connect: cards[0].Connect,
					Others: cards[1:], Storage: solver.Storage(p.Storage)}, nil
			},
			Memory: func(solver.Backend) (float64, error) { return 1e9, nil },
		}
		device := "emulator"
		if devices > 1 {
			device = fmt.Sprint("emulator:", devices)
		}
		plan, err := NewPlan(configOf(t, "n=6", "rank=1", "measurements=80", "iterations=12", "alpha=1e-3",
			"checkpoint-every=1e-9", "device="+device), host)
		if err != nil {
			t.Fatal(err)
		}
		_, err = plan.Run(context.Background(), Options{Dir: dir, Resume: resume}, silent{})
		return err
	}
	whole := filepath.Join(t.TempDir(), "whole")
	if err := run(whole, 1, 0, 0, false); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ lost, failAfter int }{{1, 60}, {0, 500}} {
		broken := filepath.Join(t.TempDir(), "broken")
		err := run(broken, 2, c.lost, c.failAfter, false)
		var usage *config.UsageError
		if !errors.Is(err, driver.ErrLost) || errors.As(err, &usage) ||
			!strings.Contains(err.Error(), "is intact: go on with --resume") {
			t.Errorf("%+v: the error is %v", c, err)
			continue
		}
		names, err := listCheckpoints(filepath.Join(broken, checkpointDir))
		if err != nil || len(names) == 0 {
			t.Errorf("%+v: there is no checkpoint: %v", c, err)
			continue
		}
		if err := run(broken, 2, 0, 0, true); err != nil {
			t.Errorf("%+v: %v", c, err)
			continue
		}
		if !bytes.Equal(readFile(t, filepath.Join(whole, factorFile)), readFile(t, filepath.Join(broken,
			factorFile))) {
			t.Errorf("%+v: the factor differs from that of an uninterrupted run on one device", c)
		}
	}
}

// TestOlderFingerprint: a run resumes from a checkpoint of an earlier version, whose fingerprint had the
// whole name of the device.
//
// Symptom: a run that emulator:2 had begun resumed only there.
func TestOlderFingerprint(t *testing.T) {
	c := configOf(t, "n=6", "rank=1", "measurements=80", "alpha=0.001", "device=emulator:2")
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	decisive := sha256.New()
	for line := range strings.Lines(string(c.YAML())) {
		switch key, _, _ := strings.Cut(line, ":"); key {
		case "iterations", "storage", "workers", "simd", "checkpoint-every":
		default:
			decisive.Write([]byte(line))
		}
	}
	older := identity{hex.EncodeToString(decisive.Sum(nil)), build() + " emulator", nil}
	dir := t.TempDir()
	if err := writeCheckpoint(dir, older, stateAt(7, 1, 2), nil); err != nil {
		t.Fatal(err)
	}
	for device, want := range map[string]bool{"emulator:2": true, "emulator:4": true, "emulator": true,
		"cpu": false, "cuda:2": false} {
		c.Device = device
		p := Plan{Config: c, Backend: gpu.Backend{Label: config.DeviceKind(device)}}
		state, _, _, err := readCheckpoint(dir, p.identity(&config.Data{}))
		if got := err == nil && state.Iteration == 7; got != want {
			t.Errorf("%s resumes: %v, %v", device, got, err)
		}
	}
}
