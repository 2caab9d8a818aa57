package emulator

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// parser reads one module. Its methods panic with a *Fault, which parse catches.
type parser struct {
	tokens []token
	at     int
	module *module
	entry  *entry
	scope  *scope
	jumps  []jump
	depth  int
}

const (
	mostRegisters = 1 << 16 // of one .reg name<n>
	mostNested    = 1000    // levels of braces, brackets and signs
)

// nest goes one level deeper (1) or back (−1).
func (p *parser) nest(by int) {
	if p.depth += by; p.depth > mostNested {
		p.fail(Syntax, p.peek().line, "nested too deeply")
	}
}

// scope holds the names declared between two braces; the outermost is the module's.
type scope struct {
	outer *scope
	names map[string]any // *register, *variable or *label
}

// jump is an operand that names a label; the label may come later in the text.
type jump struct {
	operand *operand
	scope   *scope
	line    int
}

// parse reads PTX text.
func parse(text string) (m *module, fault *Fault) {
	tokens, fault := lex(text)
	if fault != nil {
		return nil, fault
	}
	defer func() {
		switch r := recover().(type) {
		case nil:
		case *Fault:
			m, fault = nil, r
		default:
			panic(r)
		}
	}()
	p := &parser{tokens: tokens, module: &module{}, scope: &scope{names: map[string]any{}}}
	p.header()
	for p.peek().kind != endToken {
		p.declaration()
	}
	return p.module, nil
}

// fail stops the parser with a fault at a line.
func (p *parser) fail(k Kind, line int, format string, args ...any) {
	panic(&Fault{Kind: k, Line: line, Text: fmt.Sprintf(format, args...)})
}

func (p *parser) peek() token { return p.tokens[p.at] }

func (p *parser) next() token {
	t := p.tokens[p.at]
	if t.kind != endToken {
		p.at++
	}
	return t
}

// is reports whether the next token is this sign, word or directive, and takes it if so.
func (p *parser) is(text string) bool {
	if t := p.peek(); t.text != text || t.kind == stringToken || t.kind == endToken {
		return false
	}
	p.at++
	return true
}

// expect takes the next token, which must be text.
func (p *parser) expect(text string) {
	if t := p.peek(); !p.is(text) {
		p.fail(Syntax, t.line, "expected %q, found %s", text, t)
	}
}

// String prints a token in an error.
func (t token) String() string {
	if t.kind == endToken {
		return "the end of the text"
	}
	return quoted(t.text)
}

func (p *parser) word() token {
	t := p.next()
	if t.kind != wordToken {
		p.fail(Syntax, t.line, "expected a name, found %s", t)
	}
	return t
}

// targets are the possible targets of a module, each with the first .version that has it.
var targets = map[string]int{
	"sm_50": 40, "sm_52": 41, "sm_53": 42,
	"sm_60": 50, "sm_61": 50, "sm_62": 50,
	"sm_70": 60, "sm_72": 61, "sm_75": 63,
	"sm_80": 70, "sm_86": 71, "sm_87": 74, "sm_89": 78, "sm_90": 78, "sm_90a": 80,
	"sm_100": 86, "sm_101": 86, "sm_120": 87,
}

// header reads .version, .target and .address_size.
func (p *parser) header() {
	p.expect(".version")
	t := p.next()
	major, minor, ok := strings.Cut(t.text, ".")
	a, errA := strconv.Atoi(major)
	b, errB := strconv.Atoi(minor)
	if t.kind != numberToken || !ok || errA != nil || errB != nil {
		p.fail(Syntax, t.line, "expected a version like 7.0, found %s", t)
	}
	if a < 6 || a > 8 || b > 9 {
		p.fail(Unknown, t.line, "version %s: this device knows 6.0 to 8.9", t.text)
	}
	p.module.version = 10*a + b
	p.expect(".target")
	t = p.word()
	since, ok := targets[t.text]
	if !ok {
		p.fail(Unknown, t.line, "target %s", t)
	}
	if p.module.version < since {
		p.fail(Unknown, t.line, "target %s needs .version %d.%d", t.text, since/10, since%10)
	}
	p.module.target, _ = strconv.Atoi(strings.Trim(t.text, "sm_a"))
	for p.is(",") {
		if t = p.word(); t.text != "debug" {
			p.fail(Unknown, t.line, "target option %s", t)
		}
	}
	p.expect(".address_size")
	if t = p.next(); t.text != "64" {
		p.fail(Unknown, t.line, "address size %s: this device has 64", t)
	}
}

// declaration reads one declaration at the module's level.
func (p *parser) declaration() {
	external := false
	for {
		t := p.next()
		switch t.text {
		case ".visible", ".weak":
		case ".extern":
			external = true
		case ".entry":
			p.readEntry()
			return
		case ".global", ".const", ".shared":
			p.variables(t.text[1:], external)
			return
		case ".file", ".pragma":
			p.skipLine(t.line)
			return
		default:
			if t.kind == dotToken {
				p.fail(Unknown, t.line, "directive %s outside of an entry", t.text)
			}
			p.fail(Syntax, t.line, "expected a directive, found %s", t)
		}
	}
}

// skipLine skips the rest of a line.
func (p *parser) skipLine(line int) {
	for p.peek().kind != endToken && p.peek().line == line {
		p.at++
	}
}

// declare adds a name to the scope.
func (p *parser) declare(t token, what any) {
	if _, twice := p.scope.names[t.text]; twice {
		p.fail(Syntax, t.line, "%s is declared twice", t.text)
	}
	p.scope.names[t.text] = what
}

// lookup finds a name in a scope or in the scopes around it.
func (s *scope) lookup(name string) any {
	for ; s != nil; s = s.outer {
		if what, ok := s.names[name]; ok {
			return what
		}
	}
	return nil
}

// readEntry reads the rest of an .entry.
func (p *parser) readEntry() {
	name := p.word()
	e := &entry{name: name.text, line: name.line}
	p.declare(name, e)
	p.entry = e
	p.scope = &scope{outer: p.scope, names: map[string]any{}}
	if p.is("(") && !p.is(")") {
		for {
			p.param()
			if p.is(")") {
				break
			}
			p.expect(",")
		}
	}
	p.limits()
	p.jumps = nil
	p.block()
	for _, j := range p.jumps {
		target, ok := j.scope.lookup(j.operand.name).(*label)
		if !ok {
			p.fail(Syntax, j.line, "%s is not declared", j.operand.name)
		}
		j.operand.label = target
	}
	p.scope = p.scope.outer
	p.module.entries = append(p.module.entries, e)
	p.entry = nil
}

// param reads one parameter.
func (p *parser) param() {
	p.expect(".param")
	v := &variable{space: "param"}
	v.kind = p.kind()
	v.size = v.kind.size
	v.align = v.size
	for p.peek().kind == dotToken {
		switch t := p.next(); t.text {
		case ".ptr", ".global", ".shared", ".const", ".local":
		case ".align":
			p.align()
		default:
			p.fail(Unknown, t.line, "%s of a parameter", t.text)
		}
	}
	t := p.word()
	v.name, v.line = t.text, t.line
	if p.peek().text == "[" {
		p.fail(Unknown, t.line, "parameter %s is an array: this device has parameters of at most 8 bytes",
			t.text)
	}
	v.address = uint64(len(p.entry.params))
	p.entry.params = append(p.entry.params, v)
	p.declare(t, v)
}

// kind reads the name of a type that has a size.
func (p *parser) kind() kind {
	t := p.next()
	k, ok := kinds[strings.TrimPrefix(t.text, ".")]
	if t.kind != dotToken || !ok || k == pred {
		p.fail(Unknown, t.line, "type %s", t)
	}
	return k
}

// align reads the number after .align.
func (p *parser) align() int {
	line := p.peek().line
	n := p.count()
	if n&(n-1) != 0 {
		p.fail(Syntax, line, "an alignment of %d is no power of two", n)
	}
	return n
}

// count reads a positive number.
func (p *parser) count() int {
	line := p.peek().line
	n := int64(p.expression())
	if n <= 0 || n > math.MaxInt32 {
		p.fail(Syntax, line, "expected a positive number, found %d", n)
	}
	return int(n)
}

// limits reads the directives between an entry's parameters and its body.
func (p *parser) limits() {
	for p.peek().kind == dotToken {
		switch t := p.next(); t.text {
		case ".maxntid", ".reqntid":
			size, product := [3]int{1, 1, 1}, 1
			for i := range size {
				size[i] = p.count()
				product *= size[i]
				if !p.is(",") {
					break
				}
			}
			if t.text == ".reqntid" {
				p.entry.required = size
			}
			p.entry.mostThreads = product
		case ".minnctapersm", ".maxnreg":
			p.count()
		case ".pragma":
			p.skipLine(t.line)
		default:
			p.fail(Unknown, t.line, "directive %s of an entry", t.text)
		}
	}
}

// block reads { statements }.
func (p *parser) block() {
	p.expect("{")
	for !p.is("}") {
		p.entry.end = p.peek().line
		p.statement()
	}
	p.entry.end = p.tokens[p.at-1].line
}

// statement reads one statement of an entry's body.
func (p *parser) statement() {
	t := p.peek()
	switch {
	case t.kind == endToken:
		p.fail(Syntax, t.line, "the entry %s has no end", p.entry.name)
	case t.text == "{":
		p.nest(1)
		p.scope = &scope{outer: p.scope, names: map[string]any{}}
		p.block()
		p.scope = p.scope.outer
		p.nest(-1)
	case t.kind == dotToken:
		p.directive()
	case t.kind == wordToken && p.tokens[p.at+1].text == ":":
		p.at += 2
		p.declare(t, &label{name: t.text, line: t.line, pc: len(p.entry.body)})
	default:
		p.instruction()
	}
}

// directive reads a directive of an entry's body.
func (p *parser) directive() {
	switch t := p.next(); t.text {
	case ".reg":
		p.registers()
	case ".shared", ".local":
		p.variables(t.text[1:], false)
	case ".extern":
		p.expect(".shared")
		p.variables("shared", true)
	case ".loc", ".pragma":
		p.skipLine(t.line)
	default:
		p.fail(Unknown, t.line, "directive %s", t.text)
	}
}

// registers reads the rest of a .reg directive.
func (p *parser) registers() {
	t := p.next()
	k, ok := kinds[strings.TrimPrefix(t.text, ".")]
	if t.kind != dotToken || !ok {
		p.fail(Unknown, t.line, "registers of type %s", t)
	}
	for {
		name := p.word()
		if p.is("<") {
			n := p.count()
			if n > mostRegisters {
				p.fail(Unknown, name.line, "%d registers, but at most %d are allowed", n, mostRegisters)
			}
			p.expect(">")
			all := make([]register, n)
			for i := range all {
				one := token{name.kind, name.text + strconv.Itoa(i), name.line}
				all[i] = register{name: one.text, kind: k, index: -1}
				p.declare(one, &all[i])
			}
		} else {
			p.declare(name, &register{name: name.text, kind: k, index: -1})
		}
		if p.is(";") {
			return
		}
		p.expect(",")
	}
}

// variables reads the rest of a .global, .const, .shared or .local directive.
func (p *parser) variables(space string, external bool) {
	align := 0
	if p.is(".align") {
		align = p.align()
	}
	n := 1
	switch {
	case p.is(".v2"):
		n = 2
	case p.is(".v4"):
		n = 4
	}
	k := p.kind()
	if p.is(".align") {
		align = p.align()
	}
	align = max(align, n*k.size)
	for {
		t := p.word()
		v := &variable{name: t.text, space: space, kind: k, align: align, size: n * k.size, line: t.line}
		for p.is("[") {
			if p.is("]") {
				v.unsized = true
				continue
			}
			v.size *= p.count()
			p.expect("]")
			if v.size > 1<<31 {
				p.fail(Syntax, t.line, "%s is too large", t.text)
			}
		}
		if p.is("=") {
			if space != "global" && space != "const" {
				p.fail(Syntax, t.line, "%s: .%s has no initial values", t.text, space)
			}
			v.initial = p.initial(v)
		}
		switch {
		case external && (space != "shared" || !v.unsized):
			p.fail(Unknown, t.line,
				"%s: of external variables, this device knows only shared arrays without a size", t.text)
		case v.unsized && !external && v.initial == nil:
			p.fail(Syntax, t.line, "%s has no size", t.text)
		case v.unsized && external:
			v.size = 0
		}
		p.declare(t, v)
		if p.entry != nil {
			p.entry.variables = append(p.entry.variables, v)
		} else {
			p.module.variables = append(p.module.variables, v)
		}
		if p.is(";") {
			return
		}
		p.expect(",")
	}
}

// initial reads the values of a variable; bytes without a value are zero.
func (p *parser) initial(v *variable) []byte {
	line := p.peek().line
	var out []byte
	var values func()
	values = func() {
		p.nest(1)
		defer p.nest(-1)
		if !p.is("{") {
			o := p.constant()
			word, err := constantBits(o, v.kind)
			if err != "" {
				p.fail(Syntax, line, "%s: %s", v.name, err)
			}
			out = append(out, binary.LittleEndian.AppendUint64(nil, word)[:v.kind.size]...)
			return
		}
		for !p.is("}") {
			values()
			if p.is("}") {
				return
			}
			p.expect(",")
		}
	}
	values()
	if v.unsized {
		v.size = len(out)
		v.unsized = false
	}
	if len(out) > v.size {
		p.fail(Syntax, line, "%s has %d bytes of values for %d", v.name, len(out), v.size)
	}
	return out
}

// instruction reads [@p] opcode operands ;.
func (p *parser) instruction() {
	s := &statement{line: p.peek().line}
	if p.is("@") {
		negated := p.is("!")
		t := p.word()
		r, ok := p.scope.lookup(t.text).(*register)
		if !ok || r.kind != pred {
			p.fail(Syntax, t.line, "the guard %s is no predicate", t.text)
		}
		s.guard = &operand{register: r, negated: negated}
	}
	s.line = p.peek().line
	s.opcode = p.word().text
	for p.peek().kind == dotToken {
		s.mods = append(s.mods, p.next().text[1:])
	}
	for !p.is(";") {
		if len(s.operands) > 0 {
			p.expect(",")
		}
		s.operands = append(s.operands, p.operand())
	}
	for i := range s.operands {
		if o := &s.operands[i]; o.kind == labelOperand {
			p.jumps = append(p.jumps, jump{o, p.scope, s.line})
		}
	}
	p.entry.body = append(p.entry.body, s)
}
