package experiment

import (
	"context"
	"errors"

	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// Host is the machine as a run sees it.
type Host struct {
	// Auto lists the devices that the setting auto may pick, those for large problems first. why says why a
	// better device is missing; it is "" if none is.
	Auto func() (devices []string, why string)
	// Backend returns the backend for a place.
	Backend func(Place) (solver.Backend, error)
	// Memory returns the bytes that are available to a backend, on its device. The error wraps
	// [ErrUnavailable] if the device cannot be had now.
	Memory func(solver.Backend) (float64, error)
	// Cards lists the devices of a backend that has several with memory of their own, in its order, with the
	// bytes available on each; none of any other backend. It may be nil. Its errors are those of Memory.
	Cards func(solver.Backend) ([]Card, error)
	// Apart lists the devices, one by one, that a device's name stands for if it names several; none of any
	// other name. It may be nil.
	Apart func(device string) ([]string, error)
	// Left says in one sentence which of the devices that a name stands for a run leaves unused, and why; ""
	// if it uses all of them. It may be nil.
	Left func(device string) string
	// Limit says what bounds the host's memory if that is less than the machine has, such as "ulimit -v
	// allows 2 GB", and is "" otherwise. It may be nil.
	Limit func() string
	// Version is the program's version.
	Version string

	choice choice // of Settle
	// faster says of sizes, in powers of two, whether generated rows make steps faster. The copies that
	// Settle returns share it, so that the groups of a sweep need not measure again.
	faster map[string]bool
}

// ErrUnavailable is a [Host]'s error for a device that another process holds now. With auto the next device
// is taken. A run that asked for this device fails, but may succeed later.
var ErrUnavailable = errors.New("the device is not available")

// Place says where and how a run computes.
type Place struct {
	Device    string // cpu, cuda, cuda:1, emulator
	Storage   string // memory or generated
	Precision string // f64, mixed or f32
	Workers   int
	SIMD      string // auto, avx512, avx2, neon or off
	// Notice receives what a user should know about how the device computes.
	Notice func(text string)
}

// Card is one of several devices that a run uses.
type Card struct {
	Device string // as in cuda:1
	// Bytes is the memory that the run needs on the device, and Available the memory that there is.
	Bytes, Available float64
}

// several is a backend on several devices.
type several interface {
	// MemoryOfEach is [solver.Backend.Memory] for each device, in their order.
	MemoryOfEach(p *sensing.Problem, batch solver.Batch) ([]float64, error)
}

// shared is a backend on a device with memory of its own, which other processes may use too.
type shared interface{ DeviceMemory() float64 }

// mixing is a backend that has mixed precision.
type mixing interface {
	// MixedIsFaster says whether steps over the rows of an ensemble take less time in mixed precision.
	MixedIsFaster(e sensing.Ensemble) bool
}

// timed is a backend that can find out in a moment how fast it is.
type timed interface {
	// GeneratedIsFaster says whether a step takes less time if the rows are generated when needed.
	GeneratedIsFaster(e sensing.Ensemble) bool
	// Estimate returns the seconds to make all rows, and the seconds of one step of a batch with so many
	// members; both are 0 if the backend cannot tell, or if ctx is done before.
	Estimate(ctx context.Context, e sensing.Ensemble, members int) (making, step float64)
}
