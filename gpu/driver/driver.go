// Package driver is the interface that package gpu needs of a device: memory, modules of PTX, launches and
// marks in time. Package cuda implements it on an NVIDIA GPU, package emulator with an interpreter of PTX in
// pure Go.
//
// A device has one queue. Copies, fills and launches are done in the order of the calls. Launch, Fill, Copy
// and Upload may return before they are done; any later call that waits (Download, Wait, Elapsed, Close) may
// return their errors. A device is used from one goroutine at a time.
package driver

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// Errors that callers distinguish. Errors of a driver wrap them.
var (
	// ErrNoDevice: there is no device, or no driver for one.
	ErrNoDevice = errors.New("no device")
	// ErrMemory: the device has too little free memory.
	ErrMemory = errors.New("out of device memory")
	// ErrLost: the device has failed, and its contents can no longer be read.
	ErrLost = errors.New("the device is lost")
	// ErrBusy: the device is not available now, because another process holds it.
	ErrBusy = errors.New("the device is busy")
	// ErrCooperative: the device cannot run all blocks of a cooperative launch at the same time. The device
	// still works.
	ErrCooperative = errors.New("cooperative launch refused")
)

// Info describes a device.
type Info struct {
	// Name is the device's name, "NVIDIA H200".
	Name string
	// Index is the device's number among the driver's devices, from 0.
	Index int
	// Capability is the compute capability, major and minor: {9, 0}.
	Capability [2]int
	// Driver is the driver's version in words, "CUDA 12.4".
	Driver string
	// Memory is the device's memory and Free the part of it that can be allocated now, both in bytes. Free is
	// −1 if only opening the device would tell.
	Memory, Free int64
	// Multiprocessors is how many blocks can run at once if each fills a multiprocessor.
	Multiprocessors int
	// Clock is the peak clock of the multiprocessors in cycles a second, and Bandwidth the peak rate of the
	// memory in bytes a second. Each is 0 if the driver does not report it. An emulator has neither.
	Clock, Bandwidth float64
	// SingleToDouble is how many times as many operations the device does in single precision as in double in
	// the same time; 0 if the driver does not report it.
	SingleToDouble int
	// L2 is the size in bytes of the cache that all multiprocessors share.
	L2 int
	// BlockShared is the most shared memory that one block may ask for, in bytes; a multiprocessor has at
	// least as much.
	BlockShared int
	// Cooperative says that the device has cooperative launches.
	Cooperative bool
	// Watchdog says that the device stops launches that take some seconds, because it drives a display.
	Watchdog bool
}

// Device is an open device.
type Device interface {
	// Info describes the device; Free is the current value.
	Info() (Info, error)
	// Alloc allocates size bytes, aligned to at least 256, with undefined contents. A size of 0 gives a
	// pointer that must not be read. The error wraps ErrMemory if too little memory is free.
	Alloc(size int64) (Pointer, error)
	// Free frees memory that Alloc returned. It waits for all earlier work.
	Free(p Pointer) error
	// Live returns how many bytes are allocated and not freed.
	Live() int64
	// Upload copies src to the device. src may be changed as soon as Upload returns.
	Upload(dst Pointer, src []byte) error
	// Download waits for all earlier work, and copies len(dst) bytes from the device.
	Download(dst []byte, src Pointer) error
	// Fill sets size bytes to value.
	Fill(dst Pointer, value byte, size int64) error
	// Copy copies size bytes within the device's memory; source and destination must not overlap.
	Copy(dst, src Pointer, size int64) error
	// Load makes a kernel from PTX text: the text's .entry called name. The text must be ASCII, comments
	// included: drivers of CUDA 12.8 to 13.3 refuse other characters. Errors contain name; if the text cannot
	// be compiled, the error contains the compiler's log.
	Load(name, ptx string) (Kernel, error)
	// Launch runs a kernel. Its errors contain the kernel, grid, block and the driver's message.
	Launch(l Launch) error
	// Wait returns when all earlier work is done.
	Wait() error
	// Mark marks the moment at which all earlier work is done.
	Mark() (Mark, error)
	// Elapsed waits for both marks, returns the device's time from one to the other, and frees the marks.
	Elapsed(from, to Mark) (time.Duration, error)
	// Close closes the device and frees all its memory. It may be called twice.
	Close() error
}

// Pointer is an address in a device's memory. Adding bytes to it gives addresses inside the allocation.
type Pointer uint64

// Mark is a moment in a device's queue.
type Mark any

// Kernel is a loaded entry.
type Kernel interface {
	// Name is the entry's name.
	Name() string
	// Resources returns what one thread and one block take.
	Resources() Resources
	// Resident returns how many blocks of so many threads, with so many bytes of dynamic shared memory, the
	// device can run at the same time. A cooperative launch can have no more.
	Resident(threads, shared int) (int, error)
}

// Resources are the resources that a kernel takes, as its compiler reports them. An emulator has no registers
// and reports 0.
type Resources struct {
	Registers   int // 32-bit registers of one thread
	Shared      int // bytes of static shared memory of one block
	Local       int // bytes of local memory of one thread: stack and spilled registers
	MostThreads int // most threads of a block
}

// Dim is the size of a grid in blocks or of a block in threads: x, y, z, each at least 1.
type Dim [3]int

// Count returns the number of blocks or threads.
func (d Dim) Count() int { return d[0] * d[1] * d[2] }

// String implements fmt.Stringer.
func (d Dim) String() string { return fmt.Sprintf("%d×%d×%d", d[0], d[1], d[2]) }

// Launch is one run of a kernel.
type Launch struct {
	Kernel      Kernel
	Grid, Block Dim
	// Shared is the dynamic shared memory of a block, in bytes.
	Shared int
	// Cooperative demands that all blocks of the grid run at the same time, so that they may wait for each
	// other. A grid larger than Kernel.Resident gives an error that wraps ErrCooperative.
	Cooperative bool
	// Args are the entry's parameters, in order.
	Args []Arg
	// Interrupted may end the launch early: a device that runs kernels on the host asks it now and then, and
	// returns its error. What the kernel was to write is then undefined. Nil, or a GPU, runs to the end.
	Interrupted func() error
}

// String names kernel, grid and block, as errors do.
func (l Launch) String() string {
	text := fmt.Sprintf("launch %s grid=%v block=%v", l.Kernel.Name(), l.Grid, l.Block)
	if l.Shared > 0 {
		text += fmt.Sprintf(" shared=%d", l.Shared)
	}
	return text
}

// Arg is an argument of a kernel: the bits of a value of at most 8 bytes, the lowest first. The declared type
// of the parameter says how many of them count.
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
