//go:build cuda && linux && cgo && (amd64 || arm64)

package cuda

import (
	"errors"
	"fmt"
	"unsafe"

	"github.com/matsense/matsense/gpu/cuda/internal/libcuda"
	"github.com/matsense/matsense/gpu/driver"
)

var _ driver.GraphDevice = (*device)(nil)

// graph is an executable graph of the driver.
type graph struct {
	handle unsafe.Pointer
	size   int           // calls in it
	calls  int           // launches in it
	last   driver.Launch // the last of them
}

// Record implements driver.GraphDevice: the stream captures the calls. Drivers before CUDA 11.4 cannot.
func (d *device) Record(calls []driver.Call) (driver.Graph, error) {
	if err := d.usable(); err != nil {
		return nil, err
	}
	if len(calls) == 0 {
		return nil, errors.New("cuda: record no calls")
	}
	for _, c := range calls {
		if c.Kernel == nil {
			continue
		}
		if err := d.prepare(c.Launch); err != nil { // asks for shared memory, which no graph can
			return nil, err
		}
	}
	doing := fmt.Sprintf("record %d calls", len(calls))
	context, stream := handle(d.context), handle(d.stream)
	if status := libcuda.BeginGraph(context, stream); status != 0 {
		return nil, d.ungraphed(d.fail(doing, status))
	}
	d.recording = true
	g := &graph{size: len(calls)}
	var err error
	launched, last := d.launched, d.last
	for i, c := range calls {
		if err = c.On(d); err != nil {
			err = fmt.Errorf("cuda: %s: call %d: %w", doing, i+1, err)
			break
		}
		if c.Kernel != nil {
			g.calls, g.last = g.calls+1, d.last
		}
	}
	d.launched, d.last = launched, last // nothing was launched
	d.recording = false
	// The stream records until it is told to end, whatever failed.
	made, status := libcuda.EndGraph(context, stream, err == nil)
	switch {
	case err != nil:
		return nil, d.ungraphed(err)
	case status != 0:
		return nil, d.ungraphed(d.fail(doing, status))
	}
	g.handle = made
	d.graphs[g] = true
	return g, nil
}

// ungraphed makes an error wrap driver.ErrGraph, if the device still works.
func (d *device) ungraphed(err error) error {
	if d.lost != nil {
		return d.lost
	}
	return fmt.Errorf("%w: %w", driver.ErrGraph, err)
}

// Replay implements driver.GraphDevice.
func (d *device) Replay(recorded driver.Graph) error {
	if err := d.usable(); err != nil {
		return err
	}
	g, _ := recorded.(*graph)
	if !d.graphs[g] {
		return errors.New("cuda: replay of a graph that this device did not record, or that is forgotten")
	}
	if err := d.queue(g.size); err != nil {
		return err
	}
	status := libcuda.Replay(handle(d.context), g.handle, handle(d.stream))
	if status != 0 {
		err := d.fail(fmt.Sprintf("replay %d launches", g.calls), status)
		if f := (*failure)(nil); status == cooperativeTooLarge && errors.As(err, &f) {
			f.kind = driver.ErrCooperative
		}
		return d.ungraphed(err)
	}
	d.launched += g.calls
	if g.calls > 0 {
		d.last = g.last
	}
	return nil
}

// Forget implements driver.GraphDevice.
func (d *device) Forget(recorded driver.Graph) error {
	g, _ := recorded.(*graph)
	if !d.graphs[g] {
		return errors.New("cuda: forget a graph that this device did not record, or that is forgotten")
	}
	if err := d.Wait(); err != nil {
		return err
	}
	if status := libcuda.Forget(handle(d.context), g.handle); status != 0 {
		return d.fail("forget a graph", status)
	}
	delete(d.graphs, g)
	return nil
}

// destroy frees a graph when the device is closed, within its context.
func (d *device) destroy(g *graph) error {
	delete(d.graphs, g)
	if status := libcuda.Forget(handle(d.context), g.handle); status != 0 {
		return d.fail("forget a graph", status)
	}
	return nil
}
