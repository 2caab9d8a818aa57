package gpu

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/kernels"
	"github.com/matsense/matsense/sensing"
)

// open makes a planned engine ready on its device.
func (e *engine) open(ctx context.Context, p *sensing.Problem) error {
	if err := e.allocate(); err != nil {
		return err
	}
	if err := e.load(); err != nil {
		return err
	}
	if err := e.device.pass(func() error { return e.operator.fill(ctx, e.device) }); err != nil {
		return err
	}
	if err := e.observe(p); err != nil {
		return err
	}
	return e.anchorAtTruth(p.Truth)
}

// allocate takes all the memory that the engine and its operator will use.
func (e *engine) allocate() error {
	e.device.lists = &e.lists
	free, err := e.room()
	if err != nil {
		return err
	}
	for _, b := range e.buffers() {
		p, err := e.device.Alloc(b.bytes)
		if errors.Is(err, driver.ErrMemory) {
			return fmt.Errorf(
				"gpu: there was no room for the %d bytes of %s, though %.3g GB were free before: %w; %s",
				b.bytes, b.name, free/1e9, err, e.whatFits())
		}
		if err != nil {
			return fmt.Errorf("gpu: allocate %s: %w", b.name, err)
		}
		*b.at = p
		e.taken = append(e.taken, p)
	}
	for i := range e.members {
		if err := e.clear(i); err != nil {
			return err
		}
	}
	return nil
}

// room compares the memory that is needed with the free memory, before anything is allocated, and returns the
// free memory.
func (e *engine) room() (free float64, err error) {
	info, err := e.device.Info()
	if err != nil {
		return 0, err
	}
	need, free := e.total(), float64(info.Free)
	if need > free {
		return free, fmt.Errorf("gpu: %.3g GB are needed and %.3g GB are free on %s; %s: %w",
			need/1e9, free/1e9, info.Name, e.fitting(free), driver.ErrMemory)
	}
	return free, nil
}

// whatFits says what would fit in the memory that is free now, including what this engine has allocated.
func (e *engine) whatFits() string {
	taken := float64(e.device.Live())
	info, err := e.device.Info()
	if err != nil {
		return err.Error()
	}
	free := float64(info.Free) + taken
	return fmt.Sprintf("%.3g GB can be had now, and %.3g GB are needed; %s",
		free/1e9, e.total()/1e9, e.fitting(free))
}

// load loads every kernel that the engine and its operator launch.
func (e *engine) load() error {
	e.device.kernels = map[string]driver.Kernel{}
	_, names := e.optional()
	names = slices.Concat(names, []string{"combine", "dot"}, algebraKernels, e.ends.names(),
		e.operator.kernels())
	for _, name := range names {
		if e.device.kernels[name] != nil {
			continue
		}
		k, err := e.device.Load(name, kernels.Get(name).Text)
		if err != nil {
			return fmt.Errorf("gpu: load %s: %w", name, err)
		}
		e.device.kernels[name] = k
	}
	return nil
}

// observe makes the observations of a problem that has none, and keeps them on host and device.
func (e *engine) observe(p *sensing.Problem) error {
	e.hostY = p.Observations
	if e.hostY == nil {
		e.hostY = make([]float64, e.m)
		if err := e.Apply(e.hostY, p.Truth.X(), p.Truth.Right()); err != nil {
			return err
		}
		p.AddNoise(e.hostY)
		if err := sensing.CheckObservations(e.hostY); err != nil {
			return err
		}
	}
	return e.device.Upload(e.y, bytesOfNumbers(e.hostY))
}
