package emulator

import "fmt"

// module is PTX text after parsing: its names are resolved, its opcodes are still words.
type module struct {
	version   int // 10 × major + minor
	target    int // 90 for sm_90
	variables []*variable
	entries   []*entry
}

// entry is one kernel of a module.
type entry struct {
	name        string
	line        int
	params      []*variable
	variables   []*variable // the .shared and .local variables of its body
	body        []*statement
	mostThreads int // from .maxntid or .reqntid; 0 without them
	required    [3]int
	end         int // the line of its closing brace
}

// variable has an address: a parameter, or memory of the module, the block or the device.
type variable struct {
	name        string
	space       string // param, global, const, shared, local
	kind        kind
	align, size int // in bytes
	unsized     bool
	initial     []byte // nil means zeros
	line        int
	address     uint64 // for a param, its number
}

// register is a register of each thread.
type register struct {
	name  string
	kind  kind
	index int // among the entry's registers; −1 until an instruction names it
}

// label is a place in the code.
type label struct {
	name string
	line int
	pc   int
}

// statement is one instruction as written.
type statement struct {
	line     int
	guard    *operand
	opcode   string
	mods     []string // without their dots
	operands []operand
}

// String returns opcode and modifiers.
func (s *statement) String() string {
	text := s.opcode
	for _, m := range s.mods {
		text += "." + m
	}
	return text
}

type operandKind byte

const (
	registerOperand operandKind = iota
	integerOperand              // bits
	floatOperand                // bits of a float64, or of a float32 where single
	specialOperand              // name
	variableOperand             // variable + bits
	addressOperand              // [register or variable or neither + bits]
	vectorOperand               // {parts}
	pairOperand                 // parts[0] | parts[1]
	sinkOperand                 // _
	labelOperand                // label
)

// operand is one operand as written.
type operand struct {
	kind     operandKind
	register *register
	variable *variable
	label    *label
	name     string
	bits     uint64
	single   bool
	negated  bool // a predicate with ! before it
	parts    []operand
}

// kind is the type of a register, a variable or an instruction: a class and a size.
type kind struct {
	class byte // 'b', 'u', 's', 'f', or 'p' of a predicate
	size  int  // in bytes, 0 of a predicate
}

func (k kind) bits() int { return 8 * k.size }

// String returns the type as PTX writes it.
func (k kind) String() string {
	if k.class == 'p' {
		return ".pred"
	}
	return fmt.Sprintf(".%c%d", k.class, k.bits())
}

// kinds are the types by their names, without the dot.
var kinds = map[string]kind{
	"pred": {'p', 0},
	"b8":   {'b', 1}, "b16": {'b', 2}, "b32": {'b', 4}, "b64": {'b', 8},
	"u8": {'u', 1}, "u16": {'u', 2}, "u32": {'u', 4}, "u64": {'u', 8},
	"s8": {'s', 1}, "s16": {'s', 2}, "s32": {'s', 4}, "s64": {'s', 8},
	"f32": {'f', 4}, "f64": {'f', 8},
}

var pred = kind{'p', 0}

func quoted(text string) string { return fmt.Sprintf("%q", text) }
