//go:build cuda && linux && cgo && (amd64 || arm64)

package cuda

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strings"
	"unsafe"

	"gorgonia.org/cu"

	"github.com/matsense/matsense/gpu/cuda/internal/libcuda"
	"github.com/matsense/matsense/gpu/driver"
)

const (
	// A function attribute for which cu has no name: CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES.
	dynamicShared cu.FunctionAttribute = 8

	logBytes = 16 << 10 // most bytes of the compiler's log

	mostArgs = 4096 // more than a kernel's parameters can have
)

type kernel struct {
	device    *device
	name      string
	function  cu.Function
	resources driver.Resources
	// dynamic is how many bytes of dynamic shared memory a block may have: 48 KiB less the static ones, until
	// a launch asks for more.
	dynamic int
}

// Load implements driver.Device.
func (d *device) Load(name, ptx string) (driver.Kernel, error) {
	if err := d.usable(); err != nil {
		return nil, err
	}
	k := &kernel{device: d, name: name}
	var module cu.Module
	log := &cu.JITErrorLogBuffer{Buffer: make([]byte, logBytes)}
	loaded := false
	err := within(d.context, func() (err error) {
		if module, err = cu.LoadDataEx(ptx, log); err != nil {
			return err
		}
		loaded = true
		if k.function, err = module.Function(name); err == nil {
			err = k.measure()
		}
		if err != nil {
			_ = module.Unload() // the first error says more
		}
		return err
	})
	if err != nil {
		failed := d.fail("load "+name, code(err))
		if f := (*failure)(nil); errors.As(failed, &f) {
			switch text, _, _ := bytes.Cut(log.Buffer, []byte{0}); {
			case loaded && f.status == notFound:
				f.more += fmt.Sprintf(" (the text has no .entry %s)", name)
			case f.status == unsupportedPTXVersion:
				f.more += fmt.Sprintf(" (its .version is newer than this driver, which is for %s)",
					d.info.Driver)
			case len(text) > 0:
				f.more += "\n" + strings.TrimRight(string(text), "\n ")
			}
		}
		return nil, failed
	}
	d.modules = append(d.modules, module)
	return k, nil
}

// measure asks the driver for the kernel's resources.
func (k *kernel) measure() (err error) {
	for attribute, into := range map[cu.FunctionAttribute]*int{
		cu.NumRegs:              &k.resources.Registers,
		cu.SharedSizeBytes:      &k.resources.Shared,
		cu.LocalSizeBytes:       &k.resources.Local,
		cu.FnMaxThreadsPerBlock: &k.resources.MostThreads,
		dynamicShared:           &k.dynamic,
	} {
		if *into, err = k.function.Attribute(attribute); err != nil {
			return err
		}
	}
	return nil
}

// Name implements driver.Kernel.
func (k *kernel) Name() string { return k.name }

// Resources implements driver.Kernel.
func (k *kernel) Resources() driver.Resources { return k.resources }

// Resident implements driver.Kernel. It is 0 if not even one block fits.
func (k *kernel) Resident(threads, shared int) (int, error) {
	d := k.device
	doing := fmt.Sprintf("resident blocks of %s with %d threads, %d bytes shared", k.name, threads, shared)
	if threads < 1 || shared < 0 {
		return 0, fmt.Errorf("cuda: %s", doing)
	}
	if err := d.usable(); err != nil {
		return 0, err
	}
	if threads > k.resources.MostThreads || k.resources.Shared+shared > d.info.BlockShared {
		return 0, nil
	}
	if err := k.allow(shared); err != nil {
		return 0, err
	}
	blocks := 0
	err := d.do(doing, noSize, func() (err error) {
		blocks, err = k.function.MaxActiveBlocksPerMultiProcessor(threads, int64(shared))
		return err
	})
	return blocks * d.info.Multiprocessors, err
}

// allow permits the kernel's blocks to use so much dynamic shared memory.
func (k *kernel) allow(shared int) error {
	if shared <= k.dynamic {
		return nil
	}
	if status := libcuda.AllowShared(handle(k.device.context), handle(k.function), shared); status != 0 {
		doing := fmt.Sprintf("allow %s %d bytes of dynamic shared memory, of %d that a block can have",
			k.name, shared, k.device.info.BlockShared)
		return k.device.fail(doing, status)
	}
	k.dynamic = shared
	return nil
}

// prepare checks a launch, and asks for the shared memory that it needs.
func (d *device) prepare(l driver.Launch) error {
	if err := d.usable(); err != nil {
		return err
	}
	k, ok := l.Kernel.(*kernel)
	if !ok || k.device != d {
		return errors.New("cuda: launch of a kernel that this device did not load")
	}
	for i := range l.Grid {
		if l.Grid[i] < 1 || l.Block[i] < 1 || l.Grid[i] > math.MaxInt32 || l.Block[i] > math.MaxInt32 {
			return fmt.Errorf("cuda: %v: grid and block must be positive", l)
		}
	}
	if l.Shared < 0 || l.Shared > math.MaxInt32 || len(l.Args) > mostArgs {
		return fmt.Errorf("cuda: %v: %d bytes of shared memory, %d arguments", l, l.Shared, len(l.Args))
	}
	return k.allow(l.Shared)
}

// Launch implements driver.Device.
func (d *device) Launch(l driver.Launch) error {
	if err := d.prepare(l); err != nil {
		return err
	}
	if err := d.queue(1); err != nil {
		return err
	}
	k := l.Kernel.(*kernel)
	status := libcuda.Launch(handle(d.context), handle(k.function), handle(d.stream), l)
	if status != 0 {
		err := d.fail(l.String(), status)
		if f := (*failure)(nil); l.Cooperative && (status == cooperativeTooLarge || status == notSupported) &&
			errors.As(err, &f) {
			f.kind = driver.ErrCooperative
		}
		return err
	}
	l.Args = nil
	d.launched, d.last = d.launched+1, l
	return nil
}

// handle returns the driver's pointer in a struct of cu, which contains only this pointer and does not export
// it.
func handle[T cu.CUContext | cu.Event | cu.Function | cu.Stream](of T) unsafe.Pointer {
	return *(*unsafe.Pointer)(unsafe.Pointer(&of))
}

// These lines compile only if the structs contain nothing else.
var (
	_ [unsafe.Sizeof(uintptr(0))]byte = [unsafe.Sizeof(cu.CUContext{})]byte{}
	_ [unsafe.Sizeof(uintptr(0))]byte = [unsafe.Sizeof(cu.Event{})]byte{}
	_ [unsafe.Sizeof(uintptr(0))]byte = [unsafe.Sizeof(cu.Function{})]byte{}
	_ [unsafe.Sizeof(uintptr(0))]byte = [unsafe.Sizeof(cu.Stream{})]byte{}
)
