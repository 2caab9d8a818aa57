package gpu

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// Backend opens engines on one device.
type Backend struct {
	// Label is the backend's name in flags and files: cuda, emulator.
	Label string
	// Info describes the device, as its driver found it.
	Info driver.Info
	// Connect opens the device. Each engine opens it for itself, and closes it.
	Connect func() (driver.Device, error)
	// Others are more devices, for measurements that are rows: all of them share the rows, and everything
	// else is done on the first. There are 2, 3, 4 or 8 devices in all ([Sharing]). Any number gives the same
	// bits. Backend opens and closes them with the first.
	Others []Card
	// Storage says where measurements are kept; empty means [solver.Memory]. User data lie in memory in any
	// case.
	Storage solver.Storage
	// Precision is the arithmetic, [solver.F64], [solver.Mixed] or [solver.F32]; empty means F64.
	Precision solver.Precision
	// Notice receives texts about how the device does its work that a user should know; nil for none.
	Notice func(text string)

	tileRows int  // rows of a tile, in tests; 0 means the cheapest number
	slots    int  // blocks of the device from which slabs follow, in tests; 0 means referenceBlocks
	noGraphs bool // replay nothing, in tests
}

// Card is a device that holds some of the rows.
type Card struct {
	Info    driver.Info                   // as its driver found it
	Connect func() (driver.Device, error) // opens the device
}

var _ solver.Backend = Backend{}

// Name implements [solver.Backend].
func (b Backend) Name() string { return b.Label }

// Device implements [solver.Backend].
func (b Backend) Device() string {
	if len(b.Others) == 0 {
		return b.Info.Name
	}
	return fmt.Sprintf("%d × %s", 1+len(b.Others), b.Info.Name)
}

// DeviceMemory returns the bytes of the device's memory, whoever uses it.
func (b Backend) DeviceMemory() float64 { return float64(b.Info.Memory) }

// Offers implements [solver.Backend].
func (Backend) Offers() solver.Needs {
	return solver.Needs{
		Gradient: true, Draws: true, Values: true, Random: true, Products: true, Inverses: true,
		Entrywise: true, AnyLoss: true,
	}
}

// Memory implements [solver.Backend]: it counts bytes on the device. Of several devices it counts those on
// the device that needs most.
func (b Backend) Memory(p *sensing.Problem, batch solver.Batch) (float64, error) {
	each, err := b.MemoryOfEach(p, batch)
	if err != nil {
		return 0, err
	}
	return slices.Max(each), nil
}

// MemoryOfEach is what Memory counts on each device, the first one's first.
func (b Backend) MemoryOfEach(p *sensing.Problem, batch solver.Batch) ([]float64, error) {
	e, err := newEngine(b, p.Ensemble, batch)
	if err != nil {
		return nil, err
	}
	each := []float64{e.total()}
	if s := e.cards(); s != nil {
		for card := range s.others {
			each = append(each, s.bytes(card))
		}
	}
	return each, nil
}

// Open implements [solver.Backend].
func (b Backend) Open(
	ctx context.Context, p *sensing.Problem, batch solver.Batch,
) (_ solver.Engine, err error) {
	e, err := newEngine(b, p.Ensemble, batch)
	if err != nil {
		return nil, err
	}
	opened, err := b.Connect()
	if err != nil {
		return nil, fmt.Errorf("gpu: open %s: %w", b.Info.Name, err)
	}
	e.device = &device{Device: opened, notice: b.Notice, interrupted: ctx.Err}
	if !b.noGraphs {
		e.device.replay()
	}
	defer func() {
		if err != nil {
			// A lost device only says that it is lost.
			if closing := e.Close(); !errors.Is(err, driver.ErrLost) {
				err = errors.Join(err, closing)
			}
		}
	}()
	if s := e.cards(); s != nil {
		if err := s.connect(e.device); err != nil {
			return e, err
		}
	}
	if err := e.open(ctx, p); err != nil {
		return e, err
	}
	for _, d := range append(e.device.others, e.device) {
		d.interrupted = batch.Interrupted
	}
	return e, nil
}
