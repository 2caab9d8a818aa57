package emulator

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/matsense/matsense/gpu/driver"
)

var _ driver.GraphDevice = (*Device)(nil)

// graph is a sequence of calls that Record has checked.
type graph struct {
	device *Device // nil once the graph is forgotten
	calls  []driver.Call
}

// Record implements driver.GraphDevice. It refuses what the calls themselves would refuse.
func (d *Device) Record(calls []driver.Call) (driver.Graph, error) {
	if err := d.operation(); err != nil {
		return nil, err
	}
	if d.config.NoGraphs {
		return nil, fmt.Errorf("emulator: record %d calls: %w", len(calls), driver.ErrGraph)
	}
	if len(calls) == 0 {
		return nil, errors.New("emulator: record no calls")
	}
	g := &graph{device: d, calls: slices.Clone(calls)}
	for i, c := range calls {
		if err := d.recordable(c); err != nil {
			return nil, fmt.Errorf("emulator: record call %d of %d: %w: %w",
				i+1, len(calls), driver.ErrGraph, err)
		}
		g.calls[i].Args = slices.Clone(c.Args)
	}
	return g, nil
}

// recordable returns an error if a call is not possible now.
func (d *Device) recordable(c driver.Call) error {
	if c.Kernel == nil {
		if c.Size < 0 || c.Size > math.MaxInt/2 {
			return fmt.Errorf("fill of %d bytes", c.Size)
		}
		_, _, err := d.span("fill", c.Dst, int(c.Size))
		return err
	}
	k, ok := c.Kernel.(*kernel)
	if !ok || k.device != d {
		return fmt.Errorf("%v: the kernel is not this device's", c.Launch)
	}
	if err := k.check(c.Launch); err != nil {
		return fmt.Errorf("%v: %w", c.Launch, err)
	}
	return nil
}

// Replay implements driver.GraphDevice. It counts as one operation, and finds faults as the calls do. A graph
// with a cooperative launch that the device has no room for is refused as a whole.
func (d *Device) Replay(recorded driver.Graph) error {
	if err := d.operation(); err != nil {
		return err
	}
	g, err := d.graph(recorded)
	if err != nil {
		return err
	}
	for i, c := range g.calls {
		if !c.Cooperative {
			continue
		}
		if err := c.Kernel.(*kernel).check(c.Launch); errors.Is(err, driver.ErrCooperative) {
			return fmt.Errorf("emulator: replay call %d of %d: %w: %v: %w",
				i+1, len(g.calls), driver.ErrGraph, c.Launch, err)
		}
	}
	for i, c := range g.calls {
		if c.Kernel == nil {
			err = d.fill(c.Dst, c.Value, c.Size)
		} else if err = d.launch(c.Launch); err != nil {
			err = fmt.Errorf("emulator: %v: %w", c.Launch, err)
		}
		if err != nil {
			return fmt.Errorf("%w (call %d of %d of a graph)", err, i+1, len(g.calls))
		}
	}
	return nil
}

// Forget implements driver.GraphDevice.
func (d *Device) Forget(recorded driver.Graph) error {
	g, err := d.graph(recorded)
	if err == nil {
		g.device = nil
	}
	return err
}

// graph returns a graph of this device that is not forgotten.
func (d *Device) graph(recorded driver.Graph) (*graph, error) {
	if g, ok := recorded.(*graph); ok && g.device == d {
		return g, nil
	}
	return nil, errors.New("emulator: the graph is not this device's, or forgotten")
}
