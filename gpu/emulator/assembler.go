package emulator

import (
	"fmt"
	"slices"
)

// program is an entry that is ready to run.
type program struct {
	entry     *entry
	code      []instruction
	registers int       // registers of each thread, special ones included
	names     []string  // names of the registers
	uniforms  []uint64  // constants, the same in all threads
	specials  []fixture // special registers that keep their value while a block runs
	static    int       // bytes of static shared memory
	local     int       // bytes of local memory per thread
	shared    []*variable
	async     bool     // the entry has a cp.async
	spare     []*block // blocks of the last launch, whose memory the next launch may reuse
}

// fixture is a special register that is set when a block starts.
type fixture struct {
	register int32
	value    func(w *warp, lane int) uint64
}

// operation does an instruction for the lanes of a mask; the mask has at least one lane.
type operation func(w *warp, mask uint32)

// instruction is one decoded instruction.
type instruction struct {
	run operation
	// ready, if not nil, reports whether all lanes that the instruction needs are at it; otherwise it has
	// parked the lanes that are.
	ready         func(w *warp, mask uint32) bool
	reads, writes []int32 // registers
	guard         int32   // a predicate, or −1
	invert        uint32  // all ones if the guard has !
	size          int     // bytes that each lane loads or stores
	line          int
}

// assembler turns the statements of an entry into instructions. Its methods panic with a *Fault.
type assembler struct {
	module    *module
	program   *program
	constants map[uint64]int32
	special   map[string]int32

	s  *statement // the current statement
	in *instruction
	at int // how many of its modifiers have been read
}

// assemble makes an entry ready to run. All variables have their addresses.
func assemble(m *module, e *entry) (p *program, fault *Fault) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case *Fault:
			p, fault = nil, r
		default:
			panic(r)
		}
	}()
	a := &assembler{
		module:    m,
		program:   &program{entry: e},
		constants: map[uint64]int32{},
		special:   map[string]int32{},
	}
	a.program.code = make([]instruction, 0, len(e.body)+1)
	for _, s := range e.body {
		a.statement(s)
	}
	// Threads that come to the end of the text leave.
	a.statement(&statement{line: e.end, opcode: "ret"})
	return a.program, nil
}

// statement appends the instruction of one statement.
func (a *assembler) statement(s *statement) {
	a.s, a.at = s, 0
	a.in = &instruction{guard: -1, line: s.line}
	if s.guard != nil {
		a.in.guard = a.index(s.guard.register)
		if s.guard.negated {
			a.in.invert = allLanes
		}
	}
	decode, ok := opcodes[s.opcode]
	if !ok {
		a.fail("unknown instruction")
	}
	a.in.run = decode(a)
	a.program.code = append(a.program.code, *a.in)
}

// fail stops the assembler: this device cannot run the statement.
func (a *assembler) fail(format string, args ...any) {
	panic(&Fault{Kind: Unknown, Line: a.s.line, Text: a.s.String() + ": " + fmt.Sprintf(format, args...)})
}

// maybe takes the next modifier if it is one of options, and returns it; otherwise it returns "".
func (a *assembler) maybe(options ...string) string {
	if a.at < len(a.s.mods) && slices.Contains(options, a.s.mods[a.at]) {
		a.at++
		return a.s.mods[a.at-1]
	}
	return ""
}

// must takes the next modifier, which must be one of options.
func (a *assembler) must(options ...string) string {
	m := a.maybe(options...)
	if m == "" {
		if a.at < len(a.s.mods) {
			a.fail("unknown modifier .%s", a.s.mods[a.at])
		}
		a.fail("a modifier is missing: one of %v", options)
	}
	return m
}

// kind takes the next modifier, which must be one of these types.
func (a *assembler) kind(names ...string) kind { return kinds[a.must(names...)] }

// takes checks that all modifiers have been read, and that the number of operands is one of counts.
func (a *assembler) takes(counts ...int) {
	if a.at < len(a.s.mods) {
		a.fail("unknown modifier .%s", a.s.mods[a.at])
	}
	if !slices.Contains(counts, len(a.s.operands)) {
		a.fail("%d operands, not %v", len(a.s.operands), counts)
	}
}

// needs checks that the module's version and target have the instruction.
func (a *assembler) needs(version, target int) {
	if a.module.version < version {
		a.fail("needs .version %d.%d", version/10, version%10)
	}
	if a.module.target < target {
		a.fail("needs .target sm_%d", target)
	}
}

// index returns a register's number.
func (a *assembler) index(r *register) int32 {
	if r.index < 0 {
		r.index = a.register(r.name)
	}
	return int32(r.index)
}

// register adds a register.
func (a *assembler) register(name string) int {
	a.program.names = append(a.program.names, name)
	a.program.registers++
	return a.program.registers - 1
}

// constant returns the source operand of a number.
func (a *assembler) constant(bits uint64) int32 {
	at, ok := a.constants[bits]
	if !ok {
		at = ^int32(len(a.program.uniforms))
		a.program.uniforms = append(a.program.uniforms, bits)
		a.constants[bits] = at
	}
	return at
}

// exact reports whether an operand of one type fits an instruction of another type, which must have the same
// size.
func exact(operand, instruction kind) bool {
	return operand.size == instruction.size && operand != pred &&
		(operand.class == 'b' || instruction.class == 'b' ||
			(operand.class == 'f') == (instruction.class == 'f'))
}

// relaxed does the same for ld, st and cvt, whose registers may be wider than the instruction's type.
func relaxed(operand, instruction kind) bool {
	if operand.size <= instruction.size {
		return exact(operand, instruction)
	}
	return operand.class == 'b' || operand.class == 'f' && instruction.class == 'b' ||
		operand.class != 'f' && instruction.class != 'f'
}

// source returns the source of an operand of a type: a register, or the complement of a uniform's number.
func (a *assembler) source(o *operand, k kind) int32 { return a.read(o, k, exact) }

// read is source with a given rule for the register's type.
func (a *assembler) read(o *operand, k kind, fits func(operand, instruction kind) bool) int32 {
	switch o.kind {
	case registerOperand:
		if o.bits != 0 {
			a.fail("%s+%d is no operand outside of an address", o.register.name, int64(o.bits))
		}
		if o.negated {
			a.fail("!%s", o.register.name)
		}
		if !fits(o.register.kind, k) {
			a.fail("%s is %v, not %v", o.register.name, o.register.kind, k)
		}
		at := a.index(o.register)
		a.reads(at)
		return at
	case integerOperand, floatOperand:
		bits, wrong := constantBits(*o, k)
		if wrong != "" {
			a.fail("%s", wrong)
		}
		return a.constant(bits)
	case specialOperand:
		a.fail("%s is read by mov alone", o.name)
	}
	a.fail("an operand of a kind that the instruction does not take")
	return 0
}

// fixed returns the register that holds a special register.
func (a *assembler) fixed(name string, s special) int32 {
	at, ok := a.special[name]
	if !ok {
		at = int32(a.register(name))
		a.special[name] = at
		a.program.specials = append(a.program.specials, fixture{at, s.value})
	}
	return at
}

// reads records that the instruction reads a register.
func (a *assembler) reads(at int32) {
	if !slices.Contains(a.in.reads, at) {
		a.in.reads = append(a.in.reads, at)
	}
}

// writes records that the instruction writes a register.
func (a *assembler) writes(at int32) {
	if slices.Contains(a.in.writes, at) {
		a.fail("%s is written twice", a.program.names[at])
	}
	a.in.writes = append(a.in.writes, at)
}

// destination returns the register to write for an operand of a type.
func (a *assembler) destination(o *operand, k kind) int32 { return a.write(o, k, exact) }

// write is destination with a given rule for the register's type.
func (a *assembler) write(o *operand, k kind, fits func(operand, instruction kind) bool) int32 {
	if o.kind != registerOperand || o.bits != 0 || o.negated {
		a.fail("the destination is no register")
	}
	if !fits(o.register.kind, k) {
		a.fail("%s is %v, not %v", o.register.name, o.register.kind, k)
	}
	at := a.index(o.register)
	a.writes(at)
	return at
}

// condition returns the predicate of a source operand, and a mask that inverts it. A constant is true unless
// it is 0.
func (a *assembler) condition(o *operand) (at int32, invert uint32) {
	if o.kind == integerOperand {
		truth := uint64(0)
		if o.bits != 0 {
			truth = 1
		}
		s := special{pred, false, func(*warp, int) uint64 { return truth }}
		return a.fixed([]string{"false", "true"}[truth], s), 0
	}
	if o.kind != registerOperand || o.register.kind != pred || o.bits != 0 {
		a.fail("an operand is no predicate")
	}
	at = a.index(o.register)
	a.reads(at)
	if o.negated {
		invert = allLanes
	}
	return at, invert
}

// predicate returns the predicate to write for an operand; −1 for _.
func (a *assembler) predicate(o *operand) int32 {
	if o.kind == sinkOperand {
		return -1
	}
	if o.kind != registerOperand || o.register.kind != pred || o.negated || o.bits != 0 {
		a.fail("the destination is no predicate")
	}
	at := a.index(o.register)
	a.writes(at)
	return at
}

// integer returns the value of an operand that must be a constant from 0 to most.
func (a *assembler) integer(o *operand, most int64) int {
	if o.kind != integerOperand || int64(o.bits) < 0 || int64(o.bits) > most {
		a.fail("expected a constant from 0 to %d", most)
	}
	return int(o.bits)
}

// operand returns the i-th operand.
func (a *assembler) operand(i int) *operand { return &a.s.operands[i] }
