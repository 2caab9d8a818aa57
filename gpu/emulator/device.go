package emulator

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/matsense/matsense/gpu/driver"
)

// Config describes the device to imitate; the zero value is a small sm_90 device.
type Config struct {
	Capability      [2]int // 0 means {9, 0}
	Multiprocessors int    // 0 means 4
	Memory          int64  // in bytes; 0 means 1 GiB. Only allocated memory takes host memory.
	// BlockShared is the most shared bytes of a block, static and dynamic; 0 means the limit of the
	// capability.
	BlockShared int
	L2          int // in bytes; 0 means 1 MiB
	// SingleToDouble is what Info says of the rates of single and double precision; 0 means 2.
	SingleToDouble int
	// Steps is the most warp instructions of one launch; a launch that needs more is Endless. 0 means 1<<36.
	Steps          int64
	NotCooperative bool // the device has no cooperative launches
	// MostCooperative bounds the blocks of a cooperative launch: more are refused even if they are Resident.
	// 0 means no bound.
	MostCooperative int
	Watchdog        bool // Info says that the device stops long launches
	NoGraphs        bool // Record refuses all calls
	NoPeers         bool // CopyFrom refuses all copies
	// Distinct says that Traffic counts DistinctLoaded and DistinctStored, which takes time.
	Distinct bool
}

// filled returns c with its zeros replaced.
func (c Config) filled() Config {
	if c.Capability == [2]int{} {
		c.Capability = [2]int{9, 0}
	}
	if c.Multiprocessors == 0 {
		c.Multiprocessors = 4
	}
	if c.Memory == 0 {
		c.Memory = 1 << 30
	}
	if c.BlockShared == 0 {
		switch version := 10*c.Capability[0] + c.Capability[1]; {
		case version >= 90:
			c.BlockShared = 227 << 10
		case version == 86 || version == 89:
			c.BlockShared = 99 << 10
		case version >= 80:
			c.BlockShared = 163 << 10
		case version == 75:
			c.BlockShared = 64 << 10
		case version >= 70:
			c.BlockShared = 96 << 10
		default:
			c.BlockShared = 48 << 10
		}
	}
	if c.L2 == 0 {
		c.L2 = 1 << 20
	}
	if c.SingleToDouble == 0 {
		c.SingleToDouble = 2
	}
	if c.Steps == 0 {
		c.Steps = 1 << 36
	}
	return c
}

// Device is an emulated device. Each call finishes its work before it returns.
type Device struct {
	config  Config
	heap    heap
	traffic map[string]*Traffic
	now     uint64 // counts the moments at which threads synchronize, over all launches
	closed  bool

	failure error // the error that Fail was given
	after   int   // operations left before it
}

var _ driver.Device = (*Device)(nil)

// New returns a device. It panics if c has a negative number.
func New(c Config) *Device {
	if c.Multiprocessors < 0 || c.Memory < 0 || c.BlockShared < 0 || c.L2 < 0 || c.Steps < 0 {
		panic(fmt.Sprintf("emulator: a negative number in %+v", c))
	}
	return &Device{config: c.filled(), traffic: map[string]*Traffic{}, now: 1}
}

// Fail makes the device fail with err, as a lost device does, at the after-th operation from now, counting
// from 1, and at all later ones. Operations are Alloc, Upload, Download, Fill, Copy, CopyFrom (of both
// devices), Launch, Record, Replay, Wait and Mark. A nil error repairs the device.
func (d *Device) Fail(after int, err error) { d.after, d.failure = after, err }

// Crowd sets MostCooperative, as another process does that has its share of the multiprocessors from now on.
func (d *Device) Crowd(mostCooperative int) { d.config.MostCooperative = mostCooperative }

var errClosed = errors.New("the device is closed")

// usable returns an error if the device cannot be used.
func (d *Device) usable() error {
	switch {
	case d.closed:
		return fmt.Errorf("emulator: %w", errClosed)
	case d.failure != nil && d.after <= 0:
		return fmt.Errorf("emulator: %w", d.failure)
	}
	return nil
}

// operation counts an operation and returns an error if it cannot be done.
func (d *Device) operation() error {
	if d.after > 0 {
		d.after--
	}
	return d.usable()
}

// tick starts a new moment.
func (d *Device) tick() uint64 {
	d.now++
	return d.now
}

// Info implements driver.Device.
func (d *Device) Info() (driver.Info, error) {
	if err := d.usable(); err != nil {
		return driver.Info{}, err
	}
	return driver.Info{
		Name:            "PTX emulator",
		Capability:      d.config.Capability,
		Driver:          "emulator",
		Memory:          d.config.Memory,
		Free:            d.free(),
		Multiprocessors: d.config.Multiprocessors,
		SingleToDouble:  d.config.SingleToDouble,
		L2:              d.config.L2,
		BlockShared:     d.config.BlockShared,
		Cooperative:     !d.config.NotCooperative,
		Watchdog:        d.config.Watchdog,
	}, nil
}

// free returns how many bytes are left to allocate.
func (d *Device) free() int64 { return d.config.Memory - d.heap.live - d.heap.module }

// Alloc implements driver.Device.
func (d *Device) Alloc(size int64) (driver.Pointer, error) {
	if err := d.operation(); err != nil {
		return 0, err
	}
	if size < 0 {
		return 0, fmt.Errorf("emulator: alloc of %d bytes", size)
	}
	if size > d.free() {
		return 0, fmt.Errorf("emulator: alloc of %d bytes, but %d are free: %w",
			size, d.free(), driver.ErrMemory)
	}
	return driver.Pointer(d.heap.take(globalSpace, int(size), alignment, false).base), nil
}

// Free implements driver.Device. A device that has failed still gives the memory back.
func (d *Device) Free(p driver.Pointer) error {
	err := d.usable()
	if d.closed {
		return err
	}
	if !d.heap.free(uint64(p)) {
		return fmt.Errorf("emulator: free of 0x%x, where no allocation starts", uint64(p))
	}
	return err
}

// Live implements driver.Device.
func (d *Device) Live() int64 { return d.heap.live }

// span finds the allocation that an operation of the caller names.
func (d *Device) span(what string, p driver.Pointer, size int) (r *region, at int, err error) {
	a := d.heap.find(uint64(p), size)
	if a == nil && size == 0 {
		return &region{}, 0, nil
	}
	if a == nil || a.variable {
		return nil, 0, fmt.Errorf("emulator: %s of %d bytes at 0x%x, %s",
			what, size, uint64(p), d.heap.describe(uint64(p)))
	}
	return &a.region, int(uint64(p) - a.base), nil
}

// Upload implements driver.Device.
func (d *Device) Upload(dst driver.Pointer, src []byte) error {
	if err := d.operation(); err != nil {
		return err
	}
	r, at, err := d.span("upload", dst, len(src))
	if err != nil {
		return err
	}
	copy(r.data[at:], src)
	r.define(at, at+len(src), true)
	return nil
}

// Download implements driver.Device. Bytes that nothing has written are undefined.
func (d *Device) Download(dst []byte, src driver.Pointer) error {
	if err := d.operation(); err != nil {
		return err
	}
	r, at, err := d.span("download", src, len(dst))
	if err != nil {
		return err
	}
	copy(dst, r.data[at:])
	for i := range dst {
		if !r.written(at + i) {
			dst[i] = 0xa5 // an arbitrary value: a zero would hide the mistake
		}
	}
	return nil
}

// Fill implements driver.Device.
func (d *Device) Fill(dst driver.Pointer, value byte, size int64) error {
	if err := d.operation(); err != nil {
		return err
	}
	return d.fill(dst, value, size)
}

func (d *Device) fill(dst driver.Pointer, value byte, size int64) error {
	if size < 0 || size > math.MaxInt/2 {
		return fmt.Errorf("emulator: fill of %d bytes", size)
	}
	r, at, err := d.span("fill", dst, int(size))
	if err != nil {
		return err
	}
	for i := range r.data[at : at+int(size)] {
		r.data[at+i] = value
	}
	r.define(at, at+int(size), true)
	return nil
}

// Copy implements driver.Device. Copies of undefined bytes are undefined too.
func (d *Device) Copy(dst, src driver.Pointer, size int64) error {
	if err := d.operation(); err != nil {
		return err
	}
	if size < 0 || size > math.MaxInt/2 {
		return fmt.Errorf("emulator: copy of %d bytes", size)
	}
	n := int(size)
	to, at, err := d.span("copy", dst, n)
	if err != nil {
		return err
	}
	from, start, err := d.span("copy", src, n)
	if err != nil {
		return err
	}
	if to == from && at < start+n && start < at+n {
		return fmt.Errorf("emulator: copy of %d bytes from 0x%x to 0x%x, which overlap",
			size, uint64(src), uint64(dst))
	}
	copy(to.data[at:at+n], from.data[start:start+n])
	for i := range n {
		to.define(at+i, at+i+1, from.written(start+i))
	}
	return nil
}

// Wait implements driver.Device.
func (d *Device) Wait() error { return d.operation() }

// Mark implements driver.Device.
func (d *Device) Mark() (driver.Mark, error) {
	if err := d.operation(); err != nil {
		return nil, err
	}
	return time.Now(), nil
}

// Elapsed implements driver.Device, by the host's clock.
func (d *Device) Elapsed(from, to driver.Mark) (time.Duration, error) {
	if err := d.usable(); err != nil {
		return 0, err
	}
	a, okA := from.(time.Time)
	b, okB := to.(time.Time)
	if !okA || !okB {
		return 0, errors.New("emulator: elapsed between marks that are not this device's")
	}
	return b.Sub(a), nil
}

// Close implements driver.Device.
func (d *Device) Close() error {
	d.closed = true
	d.heap = heap{}
	return nil
}
