// Package driver is what package gpu asks of a device: memory, modules of PTX, launches and marks in time. Package
// cuda does it on an NVIDIA GPU, package emulator on an interpreter of PTX in pure Go.
//
// A device has one queue. Copies, fills and launches are done in the order in which they were asked for; Launch, Fill,
// Copy and Upload may return before they are done, and an error of theirs may come to light at any later call that waits:
// Download, Wait, Elapsed, Close. A device is used from one goroutine at a time.
package driver

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// What callers branch on. Errors of a driver wrap them.
var (
	// ErrNoDevice: there is no device, or no driver for one.
	ErrNoDevice = errors.New("no device")
	// ErrMemory: the device has too little free memory.
	ErrMemory = errors.New("out of device memory")
	// ErrLost: the device has failed, and nothing that it holds can be read any more.
	ErrLost = errors.New("the device is lost")
	// ErrBusy: the device cannot be had now, since another process holds it.
	ErrBusy = errors.New("the device is busy")
	// ErrCooperative: the device does not put all blocks of a cooperative launch on its multiprocessors at one time. It
	// works on.
	ErrCooperative = errors.New("cooperative launch refused")
)

// Info describes a device.
type Info struct {
	// Name is the device's own, "NVIDIA H200".
	Name string
	// Index is its number among the driver's devices, from 0.
	Index int
	// Capability is the compute capability, major and minor: {9, 0}.
	Capability [2]int
	// Driver is the driver's version in words, "CUDA 12.4".
	Driver string
	// Memory is the device's memory, Free what of it could be taken now, both in bytes. Free is −1 where only opening the
	// device would tell.
	Memory, Free int64
	// Multiprocessors is how many blocks can run at once where one fills a multiprocessor.
	Multiprocessors int
	// L2 is the size in bytes of the cache that all multiprocessors share.
	L2 int
	// BlockShared is the most shared memory that one block may ask for, in bytes; a multiprocessor has at least as much.
	BlockShared int
	// Cooperative says that the device has cooperative launches.
	Cooperative bool
	// Watchdog says that the device stops launches that take some seconds, since it drives a display.
	Watchdog bool
}

// Device is an open device.
type Device interface {
	// Info describes the device; Free is as of now.
	Info() (Info, error)
	// Alloc takes size bytes, aligned to at least 256, with undefined contents. A size of 0 is a pointer that must not
	// be read. The error wraps ErrMemory where there are too few.
	Alloc(size int64) (Pointer, error)
	// Free gives back what Alloc took. It waits for what was asked before.
	Free(p Pointer) error
	// Live returns how many bytes are taken and not given back.
	Live() int64
	// Upload copies src to the device. src may be changed as soon as it returns.
	Upload(dst Pointer, src []byte) error
	// Download waits for all that was asked before, and copies len(dst) bytes from the device.
	Download(dst []byte, src Pointer) error
	// Fill sets size bytes to value.
	Fill(dst Pointer, value byte, size int64) error
	// Copy copies size bytes from one place on the device to another; the two must not overlap.
	Copy(dst, src Pointer, size int64) error
	// Load makes a kernel of PTX text: the one .entry of that name in it. The text must be ASCII, comments included:
	// drivers of CUDA 12.8 to 13.3 refuse other characters. name also appears in errors; the error of text that cannot be made
	// a kernel has the compiler's log.
	Load(name, ptx string) (Kernel, error)
	// Launch runs a kernel. Its errors name kernel, grid, block and the driver's words.
	Launch(l Launch) error
	// Wait returns when everything that was asked for is done.
	Wait() error
	// Mark notes the moment at which everything asked for so far is done.
	Mark() (Mark, error)
	// Elapsed waits for both marks and returns the device's time from one to the other, and forgets them.
	Elapsed(from, to Mark) (time.Duration, error)
	// Close gives the device back, with all that was taken of it. It may be called twice.
	Close() error
}

// Pointer is an address in a device's memory. Addresses inside an allocation are made by adding bytes.
type Pointer uint64

// Mark is a moment in a device's queue.
type Mark any

// Kernel is a loaded entry.
type Kernel interface {
	// Name is the entry's.
	Name() string
	// Resources says what one thread and one block of it take.
	Resources() Resources
	// Resident returns how many blocks of so many threads with so many bytes of dynamic shared memory can be on the
	// device at one time: a cooperative launch can have no more.
	Resident(threads, shared int) (int, error)
}

// Resources is what a kernel takes, as its compiler found. An emulator knows no registers: there they are 0.
type Resources struct {
	Registers   int // of 32 bits, of one thread
	Shared      int // bytes of static shared memory of one block
	Local       int // bytes of local memory of one thread: stack and spilled registers
	MostThreads int // that a block of it can have
}

// Dim is the size of a grid in blocks or of a block in threads: x, y, z, each at least 1.
type Dim [3]int

// Count returns how many blocks or threads there are.
func (d Dim) Count() int { return d[0] * d[1] * d[2] }

// String implements fmt.Stringer.
func (d Dim) String() string { return fmt.Sprintf("%d×%d×%d", d[0], d[1], d[2]) }

// Launch is one run of a kernel.
type Launch struct {
	Kernel      Kernel
	Grid, Block Dim
	// Shared is the dynamic shared memory of a block, in bytes.
	Shared int
	// Cooperative demands that all blocks of the grid run at the same time, so that they may wait for each other. A
	// grid larger than Kernel.Resident is an error, which wraps ErrCooperative.
	Cooperative bool
	// Args are the entry's parameters, in order.
	Args []Arg
}

// String names kernel, grid and block, as errors do.
func (l Launch) String() string {
	text := fmt.Sprintf("launch %s grid=%v block=%v", l.Kernel.Name(), l.Grid, l.Block)
	if l.Shared > 0 {
		text += fmt.Sprintf(" shared=%d", l.Shared)
	}
	return text
}

// Arg is an argument of a kernel: the bits of a value of at most 8 bytes, the lowest first. The parameter's declared
// type says how many of them count.
type Arg uint64

// U32 is an argument for a .u32 parameter.
func U32(v int) Arg { return Arg(uint32(v)) }

// U64 is an argument for a .u64 parameter.
func U64(v uint64) Arg { return Arg(v) }

// Ptr is an argument for a .u64 parameter that holds an address.
func Ptr(p Pointer) Arg { return Arg(p) }

// F64 is an argument for a .f64 parameter.
func F64(v float64) Arg { return Arg(math.Float64bits(v)) }

// F32 is an argument for a .f32 parameter.
func F32(v float32) Arg { return Arg(math.Float32bits(v)) }
