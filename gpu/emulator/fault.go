package emulator

import (
	"fmt"

	"github.com/matsense/matsense/gpu/driver"
)

// Fault is the error that stopped a kernel. errors.As finds it in the error of the call that the kernel
// stopped: Load for Syntax, Unknown and Memory, Launch for all others, because this device finishes its work
// before Launch returns. After a fault in a launch, the device can still be used.
type Fault struct {
	Kind   Kind
	Kernel string // its file is Kernel + ".ptx"
	Line   int
	// Block and Thread are %ctaid and %tid of the thread that faulted; both are zero in a fault from Load.
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

// Kind is the kind of a Fault.
type Kind int

const (
	// Syntax is text that is not PTX, or uses a name that is not declared.
	Syntax Kind = iota
	// Unknown is an instruction, a modifier or a directive that this device does not know, or operands that
	// do not fit their instruction's type.
	Unknown
	// Bounds is an access outside every live allocation, outside the block's shared memory, or outside a
	// variable's state space.
	Bounds
	// Misaligned is an access at an address that is not a multiple of its size.
	Misaligned
	// Uninitialized is a read of a register, or of bytes of memory, that nothing has written.
	Uninitialized
	// Race is a pair of accesses to one byte by two threads, at least one of them a write, that nothing
	// orders.
	Race
	// Divergence is a barrier, shuffle or vote that other threads execute than those that it names or needs.
	Divergence
	// Deadlock is a barrier at which some threads wait and that others will never reach.
	Deadlock
	// Endless is a launch that takes more instructions than Config.Steps.
	Endless
	// Trap is the instruction trap.
	Trap
	// Memory is a variable of a module for which the device has too little memory; the fault wraps
	// driver.ErrMemory. Like Syntax and Unknown, it comes from Load.
	Memory
)

var kindNames = [...]string{
	"syntax", "unknown", "bounds", "misaligned", "uninitialized", "race", "divergence", "deadlock",
	"endless", "trap",
	"memory",
}

// String implements fmt.Stringer.
func (k Kind) String() string {
	if k < 0 || int(k) >= len(kindNames) {
		return fmt.Sprintf("Kind(%d)", int(k))
	}
	return kindNames[k]
}
