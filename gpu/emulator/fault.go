package emulator

import (
	"fmt"

	"github.com/matsense/matsense/gpu/driver"
)

// Fault is what stopped a kernel. errors.As finds it in the error of the call that the kernel stopped: Load for Syntax,
// Unknown and Memory, Launch for all others, as this device does its work before Launch returns. A fault in a launch
// does not lose the device.
type Fault struct {
	Kind   Kind
	Kernel string // its file is Kernel + ".ptx"
	Line   int
	// Block and Thread are %ctaid and %tid of the thread that faulted; both are zero where it comes from Load.
	Block, Thread [3]int
	Text          string
}

// Error implements error: "gather.ptx:17: block (1,0,0) thread (33,0,0): load of 4 bytes at 0x…".
func (f *Fault) Error() string {
	at := fmt.Sprintf("%s.ptx:%d: ", f.Kernel, f.Line)
	if f.Kind == Syntax || f.Kind == Unknown || f.Kind == Memory {
		return at + f.Text
	}
	return at + fmt.Sprintf("block %s thread %s: ", coordinates(f.Block), coordinates(f.Thread)) + f.Text
}

// Unwrap returns driver.ErrMemory for a fault of kind Memory.
func (f *Fault) Unwrap() error {
	if f.Kind == Memory {
		return driver.ErrMemory
	}
	return nil
}

// coordinates prints a position in a grid or a block as (x,y,z).
func coordinates(p [3]int) string { return fmt.Sprintf("(%d,%d,%d)", p[0], p[1], p[2]) }

// Kind says what sort of mistake a Fault is.
type Kind int

const (
	// Syntax is text that is no PTX, or names something that is not declared.
	Syntax Kind = iota
	// Unknown is an instruction, a modifier or a directive that this device does not know, or operands that do not fit
	// their instruction's type.
	Unknown
	// Bounds is an access outside every live allocation, outside the block's shared memory, or outside a variable's
	// state space.
	Bounds
	// Misaligned is an access at an address that is no multiple of its size.
	Misaligned
	// Uninitialized is a read of a register, or of bytes of memory, that nothing has written.
	Uninitialized
	// Race is a pair of accesses to one byte by two threads, one of them a write, which nothing orders.
	Race
	// Divergence is a barrier, shuffle or vote executed by other threads than it names or needs.
	Divergence
	// Deadlock is a barrier that some thread waits at and others will never reach.
	Deadlock
	// Endless is a launch that takes more instructions than Config.Steps.
	Endless
	// Trap is the instruction of that name.
	Trap
	// Memory is a variable of a module for which the device has too little memory; it wraps driver.ErrMemory. Like
	// Syntax and Unknown it comes from Load.
	Memory
)

var kindNames = [...]string{
	"syntax", "unknown", "bounds", "misaligned", "uninitialized", "race", "divergence", "deadlock", "endless", "trap",
	"memory",
}

// String implements fmt.Stringer.
func (k Kind) String() string {
	if k < 0 || int(k) >= len(kindNames) {
		return fmt.Sprintf("Kind(%d)", int(k))
	}
	return kindNames[k]
}
