//go:build cuda && linux && cgo && (amd64 || arm64)

package cuda

import (
	"errors"
	"fmt"
	"runtime"
	"time"
	"unsafe"

	"gorgonia.org/cu"

	"github.com/matsense/matsense/gpu/driver"
)

// device is a GPU. Each method wraps the function of cu that bears its name.
type device struct {
	info    driver.Info
	gpu     cu.Device
	context cu.CUContext
	stream  cu.Stream

	allocations map[driver.Pointer]int64 // their sizes
	live        int64
	modules     []cu.Module
	marks       map[*mark]bool
	event       cu.Event // by which other devices wait for this one; made when the first one does
	links       *links
	graphs      map[*graph]bool

	launched  int           // launches since the device was last known to work
	last      driver.Launch // the last of these launches
	queued    int           // calls put into the stream since the last wait for all of them
	recording bool          // the stream records a graph
	lost      error         // the failure after which nothing works
	stuck     bool          // the stream waits for another device that is lost
	closed    bool
}

// mark is an event that was recorded in the stream.
type mark struct{ event cu.Event }

// Open opens the GPU with that index. The error wraps driver.ErrNoDevice if there is none.
func Open(index int) (driver.Device, error) {
	count, err := ready()
	if err != nil {
		return nil, err
	}
	if index < 0 || index >= count {
		return nil, fmt.Errorf("cuda: %w: GPU %d was asked for, and the driver shows %d, numbered from 0%s",
			driver.ErrNoDevice, index, count, visible())
	}
	d := &device{allocations: map[driver.Pointer]int64{}, marks: map[*mark]bool{},
		graphs: map[*graph]bool{}}
	d.links = &links{open: []*device{d}}
	if d.gpu, err = cu.GetDevice(index); err == nil {
		d.info, err = describe(index, d.gpu)
	}
	if err != nil {
		return nil, d.fail(fmt.Sprintf("open GPU %d", index), code(err))
	}
	if err := isAbandoned(index); err != nil {
		return nil, err
	}
	doing := "open " + d.String()
	if d.context, err = d.gpu.RetainPrimaryCtx(); err != nil {
		return nil, d.fail(doing, code(err))
	}
	err = within(d.context, func() (err error) {
		d.stream, err = cu.MakeStream(cu.NonBlocking)
		return err
	})
	if err != nil {
		_ = d.gpu.ReleasePrimaryCtx() // the first error says more
		return nil, d.fail(doing, code(err))
	}
	return d, nil
}

// String names the GPU in errors.
func (d *device) String() string { return fmt.Sprintf("GPU %d, %s", d.info.Index, d.info.Name) }

// usable returns an error if the device can no longer be used.
func (d *device) usable() error {
	if d.closed {
		return fmt.Errorf("cuda: %v, is closed", d)
	}
	if d.lost != nil {
		return d.lost
	}
	return isAbandoned(d.info.Index)
}

// do calls f in the device's context. The error contains doing and, unless it is noSize, size in bytes.
func (d *device) do(doing string, size int64, f func() error) error {
	if err := d.usable(); err != nil {
		return err
	}
	err := within(d.context, f)
	switch {
	case err == nil:
		return nil
	case d.lost != nil: // with another device
		return d.lost
	}
	if size >= 0 {
		doing = fmt.Sprintf("%s of %d bytes", doing, size)
	}
	return d.fail(doing, code(err))
}

const noSize = -1

// Info implements driver.Device.
func (d *device) Info() (driver.Info, error) {
	info := d.info
	err := d.do("ask for free memory", noSize, func() (err error) {
		info.Free, _, err = cu.MemInfo()
		return err
	})
	return info, err
}

// Alloc implements driver.Device.
func (d *device) Alloc(size int64) (driver.Pointer, error) {
	if size < 0 {
		return 0, fmt.Errorf("cuda: alloc of %d bytes", size)
	}
	if size == 0 { // the driver refuses a size of 0
		return 0, d.usable()
	}
	var p cu.DevicePtr
	err := d.do("alloc", size, func() (err error) {
		p, err = cu.MemAlloc(size)
		return err
	})
	if err != nil {
		if f := (*failure)(nil); errors.As(err, &f) && f.status == outOfMemory {
			if info, err := d.Info(); err == nil {
				f.more = fmt.Sprintf(" (%d of %d bytes of %v, are free)", info.Free, info.Memory, d)
			}
		}
		return 0, err
	}
	d.allocations[driver.Pointer(p)] = size
	d.live += size
	return driver.Pointer(p), nil
}

// Free implements driver.Device.
func (d *device) Free(p driver.Pointer) error {
	if p == 0 {
		return d.usable()
	}
	if err := d.Wait(); err != nil {
		return err
	}
	size, known := d.allocations[p]
	if !known {
		return fmt.Errorf("cuda: free of %#x, which Alloc did not return or which is free already", uint64(p))
	}
	err := d.do("free", size, func() error { return cu.MemFree(cu.DevicePtr(p)) })
	if err != nil {
		return err
	}
	delete(d.allocations, p)
	d.live -= size
	return nil
}

// Live implements driver.Device.
func (d *device) Live() int64 { return d.live }

// Upload implements driver.Device. It waits for the copy, and so for all earlier work. For an asynchronous
// copy from memory that is not page-locked, CUDA says only that the driver "may" have staged it when the call
// returns ("API synchronization behavior"). That is no promise that src may change, and C may not keep Go's
// memory after a call.
func (d *device) Upload(dst driver.Pointer, src []byte) error {
	if len(src) == 0 {
		return d.usable()
	}
	var pinner runtime.Pinner // because the copy goes on between the two calls
	pinner.Pin(&src[0])
	defer pinner.Unpin()
	return d.settled(d.do("upload", int64(len(src)), func() error {
		if err := d.beforeCopy(); err != nil {
			return err
		}
		from := unsafe.Pointer(&src[0])
		if err := cu.MemcpyHtoDAsync(cu.DevicePtr(dst), from, int64(len(src)), d.stream); err != nil {
			return err
		}
		return d.await()
	}))
}

// Download implements driver.Device.
func (d *device) Download(dst []byte, src driver.Pointer) error {
	if len(dst) == 0 {
		return d.Wait()
	}
	var pinner runtime.Pinner
	pinner.Pin(&dst[0])
	defer pinner.Unpin()
	return d.settled(d.do("download", int64(len(dst)), func() error {
		if err := d.beforeCopy(); err != nil {
			return err
		}
		to := unsafe.Pointer(&dst[0])
		if err := cu.MemcpyDtoHAsync(to, cu.DevicePtr(src), int64(len(dst)), d.stream); err != nil {
			return err
		}
		return d.await()
	}))
}

// Fill implements driver.Device.
func (d *device) Fill(dst driver.Pointer, value byte, size int64) error {
	if size < 0 {
		return fmt.Errorf("cuda: fill of %d bytes", size)
	}
	if size == 0 {
		return d.usable()
	}
	if err := d.queue(1); err != nil {
		return err
	}
	return d.do("fill", size, func() error {
		return cu.MemsetD8Async(cu.DevicePtr(dst), value, size, d.stream)
	})
}

// Copy implements driver.Device.
func (d *device) Copy(dst, src driver.Pointer, size int64) error {
	if size < 0 {
		return fmt.Errorf("cuda: copy of %d bytes", size)
	}
	if size == 0 {
		return d.usable()
	}
	if err := d.queue(1); err != nil {
		return err
	}
	return d.do("copy", size, func() error {
		return cu.MemcpyDtoDAsync(cu.DevicePtr(dst), cu.DevicePtr(src), size, d.stream)
	})
}

// Wait implements driver.Device.
func (d *device) Wait() error {
	return d.settled(d.do("wait", noSize, func() error { return d.await() }))
}

// settled records, if there was no error, that all launches so far succeeded.
func (d *device) settled(err error) error {
	if err == nil {
		d.launched, d.last, d.queued = 0, driver.Launch{}, 0
	}
	return err
}

// Mark implements driver.Device.
func (d *device) Mark() (driver.Mark, error) {
	if err := d.queue(1); err != nil {
		return nil, err
	}
	m := new(mark)
	err := d.do("mark", noSize, func() (err error) {
		if m.event, err = cu.MakeEvent(cu.DefaultEvent); err != nil {
			return err
		}
		if err = m.event.Record(d.stream); err != nil {
			_ = cu.DestroyEvent(&m.event) // the first error says more
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	d.marks[m] = true
	return m, nil
}

// Elapsed implements driver.Device. The GPU's clock resolves about half a microsecond.
func (d *device) Elapsed(from, to driver.Mark) (time.Duration, error) {
	first, _ := from.(*mark)
	second, _ := to.(*mark)
	if !d.marks[first] || !d.marks[second] {
		return 0, errors.New("cuda: elapsed between marks, one of another device or used before")
	}
	var milliseconds float64
	err := d.do("elapsed", noSize, func() (err error) {
		if err = d.await(); err != nil {
			return err
		}
		milliseconds, err = first.event.Elapsed(second.event)
		return err
	})
	if err != nil {
		return 0, err
	}
	err = d.do("forget marks", noSize, func() error { return errors.Join(d.forget(first), d.forget(second)) })
	return time.Duration(milliseconds * float64(time.Millisecond)), err
}

// forget destroys a mark's event, at most once.
func (d *device) forget(m *mark) error {
	if !d.marks[m] {
		return nil
	}
	delete(d.marks, m)
	return cu.DestroyEvent(&m.event)
}

// Close implements driver.Device.
func (d *device) Close() error {
	if d.closed {
		return nil
	}
	result := d.Wait()
	d.unlink()
	if d.stuck {
		d.abandon()
	}
	if isAbandoned(d.info.Index) != nil { // the driver would wait before it frees anything
		d.closed = true
		return result
	}
	// On a lost device these calls fail for the reason that result already has.
	note := func(err error) {
		if err != nil && result == nil {
			result = d.fail("close "+d.String(), code(err))
		}
	}
	note(within(d.context, func() error {
		for m := range d.marks {
			note(d.forget(m))
		}
		if d.event != (cu.Event{}) {
			note(cu.DestroyEvent(&d.event))
		}
		for g := range d.graphs {
			if err := d.destroy(g); err != nil && result == nil {
				result = err
			}
		}
		for p := range d.allocations {
			note(cu.MemFree(cu.DevicePtr(p)))
		}
		for _, module := range d.modules {
			note(module.Unload())
		}
		return d.stream.Destroy()
	}))
	note(d.gpu.ReleasePrimaryCtx())
	d.allocations, d.live, d.modules, d.closed = nil, 0, nil, true
	return result
}
