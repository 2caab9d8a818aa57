package emulator

import (
	"errors"
	"fmt"
	"slices"

	"github.com/matsense/matsense/gpu/driver"
)

const (
	sharedBase   = 1024     // the address at which a block's shared memory starts, as on sm_90
	staticShared = 48 << 10 // most bytes of shared memory that variables with a size may take
	localBase    = 1024     // the address at which a thread's local memory starts
	mostLocal    = 512 << 10
	mostThreads  = 1024 // most threads of a block
)

// kernel is a loaded entry.
type kernel struct {
	device  *Device
	program *program
}

// Load implements driver.Device. It reads the whole text, with all its entries.
func (d *Device) Load(name, ptx string) (driver.Kernel, error) {
	if err := d.usable(); err != nil {
		return nil, err
	}
	k, err := d.load(name, ptx)
	var fault *Fault
	if errors.As(err, &fault) {
		fault.Kernel = name
	}
	if err != nil {
		return nil, fmt.Errorf("emulator: load %s: %w", name, err)
	}
	return k, nil
}

func (d *Device) load(name, ptx string) (*kernel, error) {
	if known, ok := recall(text{name, ptx}); ok {
		return &kernel{d, &known.program}, d.reaches(known.target)
	}
	m, fault := parse(ptx)
	if fault != nil {
		return nil, fault
	}
	if err := d.reaches(m.target); err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(m.entries, func(e *entry) bool { return e.name == name }) {
		return nil, &Fault{Kind: Syntax, Line: 1, Text: "no entry of that name"}
	}
	first := len(d.heap.allocations)
	k, err := d.make(m, name)
	for err != nil && len(d.heap.allocations) > first {
		d.heap.remove(first)
	}
	if err == nil {
		keep(text{name, ptx}, m, k.program)
	}
	return k, err
}

// reaches returns an error if the device lacks the capability that a module needs.
func (d *Device) reaches(target int) error {
	capability := 10*d.config.Capability[0] + d.config.Capability[1]
	if target > capability {
		return fmt.Errorf("target sm_%d, but the device is sm_%d", target, capability)
	}
	return nil
}

// make gives the variables of a module their memory and assembles its entries; it returns the entry called
// name.
func (d *Device) make(m *module, name string) (*kernel, error) {
	if err := d.place(m); err != nil {
		return nil, err
	}
	var found *kernel
	for _, e := range m.entries {
		static, local := place(m, e), placeLocal(e)
		if static > staticShared || local > mostLocal {
			return nil, &Fault{Kind: Unknown, Line: e.line, Text: fmt.Sprintf(
				"%d bytes of static shared memory (at most %d) and %d of local memory (at most %d)",
				static, staticShared, local, mostLocal)}
		}
		p, fault := assemble(m, e)
		if fault != nil {
			return nil, fault
		}
		p.static, p.local, p.shared = static, local, sharedOf(m, e)
		if e.name == name {
			found = &kernel{d, p}
		}
	}
	return found, nil
}

// place gives memory to the variables of a module outside shared memory.
func (d *Device) place(m *module) error {
	for _, v := range m.variables {
		s := spaces[v.space]
		if s == sharedSpace {
			continue
		}
		if int64(v.size) > d.free() {
			return &Fault{Kind: Memory, Line: v.line,
				Text: fmt.Sprintf("variable %s of %d bytes, but %d are free", v.name, v.size, d.free())}
		}
		a := d.heap.take(s, v.size, v.align, true)
		copy(a.data, v.initial)
		a.define(0, v.size, true)
		v.address = a.base
	}
	return nil
}

// place gives addresses to the shared variables of a module and an entry. Variables with a size lie one after
// another; all variables without a size start behind them, at the same address. It returns how many bytes
// those with a size take.
func place(m *module, e *entry) int {
	variables := sharedOf(m, e)
	end := uint64(sharedBase)
	for _, v := range variables {
		if !v.unsized {
			v.address = (end + uint64(v.align-1)) &^ uint64(v.align-1)
			end = v.address + uint64(v.size)
		}
	}
	dynamic := uint64(0)
	for _, v := range variables {
		if v.unsized {
			align := max(16, uint64(v.align))
			dynamic = max(dynamic, (end+align-1)&^(align-1))
		}
	}
	for _, v := range variables {
		if v.unsized {
			v.address, end = dynamic, dynamic
		}
	}
	return int(end - sharedBase)
}

// placeLocal gives the local variables of an entry their addresses, and returns how many bytes they take.
func placeLocal(e *entry) int {
	end := uint64(localBase)
	for _, v := range e.variables {
		if v.space == "local" {
			v.address = (end + uint64(v.align-1)) &^ uint64(v.align-1)
			end = v.address + uint64(v.size)
		}
	}
	return int(end - localBase)
}

// sharedOf returns the shared variables of a module and of an entry.
func sharedOf(m *module, e *entry) []*variable {
	var out []*variable
	for _, v := range slices.Concat(m.variables, e.variables) {
		if v.space == "shared" {
			out = append(out, v)
		}
	}
	return out
}

// variableAt names the sized shared variable that contains an address: " (tile+12)".
func (p *program) variableAt(address uint64) string {
	for _, v := range p.shared {
		if address-v.address < uint64(v.size) {
			return fmt.Sprintf(" (%s+%d)", v.name, address-v.address)
		}
	}
	return ""
}

// Name implements driver.Kernel.
func (k *kernel) Name() string { return k.program.entry.name }

// Resources implements driver.Kernel.
func (k *kernel) Resources() driver.Resources {
	most := k.program.entry.mostThreads
	if most == 0 {
		most = mostThreads
	}
	return driver.Resources{
		Shared: k.program.static, Local: k.program.local, MostThreads: min(most, mostThreads),
	}
}

// Resident implements driver.Kernel. A multiprocessor has 64 warps, 32 blocks and enough shared memory for
// one of the largest blocks; each block takes 1 KiB more than it asks for.
func (k *kernel) Resident(threads, shared int) (int, error) {
	if err := k.fits(threads, shared); err != nil {
		return 0, fmt.Errorf("emulator: resident blocks of %s: %w", k.Name(), err)
	}
	c := k.device.config
	each := min(64/((threads+31)/32), 32, (c.BlockShared+1024)/(k.program.static+shared+1024))
	return c.Multiprocessors * each, nil
}

// fits returns an error if no block can have so many threads and bytes of dynamic shared memory.
func (k *kernel) fits(threads, shared int) error {
	if most := k.Resources().MostThreads; threads < 1 || threads > most {
		return fmt.Errorf("a block of %d threads, but at most %d are allowed", threads, most)
	}
	if most := k.device.config.BlockShared; shared < 0 || k.program.static+shared > most {
		return fmt.Errorf("%d+%d bytes of shared memory in a block, but at most %d are allowed",
			k.program.static, shared, most)
	}
	return nil
}

// Launch implements driver.Device.
func (d *Device) Launch(l driver.Launch) error {
	if l.Kernel == nil {
		return errors.New("emulator: launch of no kernel")
	}
	if err := d.operation(); err != nil {
		return err
	}
	if err := d.launch(l); err != nil {
		return fmt.Errorf("emulator: %v: %w", l, err)
	}
	return nil
}

func (d *Device) launch(l driver.Launch) (err error) {
	k, ok := l.Kernel.(*kernel)
	if !ok || k.device != d {
		return errors.New("the kernel is not this device's")
	}
	if err := k.check(l); err != nil {
		return err
	}
	name := k.Name()
	if d.traffic[name] == nil {
		d.traffic[name] = &Traffic{}
	}
	threads := l.Block.Count()
	run := &launch{
		device: d, program: k.program,
		grid: l.Grid, size: l.Block,
		threads: threads, warps: uint32(threads+31) / 32,
		dynamic: l.Shared, args: l.Args,
		uniforms: make([]lanes, len(k.program.uniforms)),
		began:    d.tick(),
		told:     map[uint64]clock{},
		traffic:  d.traffic[name],

		interrupted: l.Interrupted,
	}
	if d.config.Distinct {
		run.loaded, run.stored = sectorSet{}, sectorSet{}
	}
	for i, bits := range k.program.uniforms {
		for lane := range run.uniforms[i] {
			run.uniforms[i][lane] = bits
		}
	}
	run.traffic.Launches++
	defer func() {
		run.traffic.Instructions += run.steps
		switch r := recover().(type) {
		case nil:
		case *Fault:
			err = r
		case interruption:
			err = r.error
		default:
			panic(r)
		}
	}()
	run.run(l.Cooperative)
	return nil
}

// check returns an error if a launch is not possible.
func (k *kernel) check(l driver.Launch) error {
	for i, most := range [...]int{1<<31 - 1, 65535, 65535} {
		if l.Grid[i] < 1 || l.Grid[i] > most {
			return fmt.Errorf("grid[%d] is %d, not from 1 to %d", i, l.Grid[i], most)
		}
	}
	for i, most := range [...]int{1024, 1024, 64} {
		if l.Block[i] < 1 || l.Block[i] > most {
			return fmt.Errorf("block[%d] is %d, not from 1 to %d", i, l.Block[i], most)
		}
	}
	if err := k.fits(l.Block.Count(), l.Shared); err != nil {
		return err
	}
	if r := k.program.entry.required; r != [3]int{} && driver.Dim(r) != l.Block {
		return fmt.Errorf("the kernel requires blocks of %v", driver.Dim(r))
	}
	if got, want := len(l.Args), len(k.program.entry.params); got != want {
		return fmt.Errorf("%d arguments for %d parameters", got, want)
	}
	if float64(l.Grid[0])*float64(l.Grid[1])*float64(l.Grid[2]) > 1<<27 {
		return errors.New("more blocks than the emulator can run")
	}
	if l.Cooperative {
		most, err := k.Resident(l.Block.Count(), l.Shared)
		if err != nil {
			return err
		}
		if limit := k.device.config.MostCooperative; limit > 0 {
			most = min(most, limit)
		}
		if k.device.config.NotCooperative {
			most = 0
		}
		if l.Grid.Count() > most {
			return fmt.Errorf("%d blocks must run at once, but at most %d can: %w",
				l.Grid.Count(), most, driver.ErrCooperative)
		}
	}
	return nil
}
