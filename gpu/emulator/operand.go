package emulator

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// operand reads one operand.
func (p *parser) operand() operand {
	p.nest(1)
	defer p.nest(-1)
	t := p.peek()
	switch {
	case p.is("{"):
		v := operand{kind: vectorOperand}
		for {
			v.parts = append(v.parts, p.operand())
			if p.is("}") {
				return v
			}
			p.expect(",")
		}
	case p.is("["):
		a := p.sum()
		switch a.kind {
		case registerOperand, integerOperand, variableOperand:
		default:
			p.fail(Syntax, t.line, "no address")
		}
		if a.kind == registerOperand && a.register.kind == pred {
			p.fail(Syntax, t.line, "%s is no address", a.register.name)
		}
		a.kind = addressOperand
		p.expect("]")
		return a
	case p.is("!"):
		o := p.name()
		if o.kind != registerOperand || o.register.kind != pred {
			p.fail(Syntax, t.line, "! stands before a predicate")
		}
		o.negated = true
		return o
	case t.kind == wordToken && t.text != "WARP_SZ":
		o := p.sum()
		if p.is("|") {
			return operand{kind: pairOperand, parts: []operand{o, p.name()}}
		}
		return o
	}
	return p.constant()
}

// sum reads a name or a number, and a constant added to it.
func (p *parser) sum() operand {
	t := p.peek()
	if t.kind != wordToken || t.text == "WARP_SZ" {
		return operand{kind: integerOperand, bits: p.expression()}
	}
	o := p.name()
	for sign := p.peek().text; sign == "+" || sign == "-"; sign = p.peek().text {
		if o.kind != registerOperand && o.kind != variableOperand {
			p.fail(Syntax, t.line, "%s is nothing to add to", t.text)
		}
		p.next()
		n := p.product()
		if sign == "-" {
			n = -n
		}
		o.bits += n
	}
	return o
}

// name reads a register, a special register, a variable or a label.
func (p *parser) name() operand {
	t := p.word()
	if t.text == "_" {
		return operand{kind: sinkOperand}
	}
	switch what := p.scope.lookup(t.text).(type) {
	case *register:
		if suffix := p.peek(); suffix.kind == dotToken {
			p.fail(Unknown, t.line, "%s%s", t.text, suffix.text)
		}
		return operand{kind: registerOperand, register: what}
	case *variable:
		return operand{kind: variableOperand, variable: what}
	}
	if t.text[0] == '%' {
		name := t.text
		if p.peek().kind == dotToken {
			name += p.next().text
		}
		if _, ok := specials[name]; !ok {
			p.fail(Syntax, t.line, "%s is not declared", name)
		}
		return operand{kind: specialOperand, name: name}
	}
	return operand{kind: labelOperand, name: t.text}
}

// constant reads an integer or a floating-point number.
func (p *parser) constant() operand {
	start := p.at
	negative := p.is("-")
	t := p.peek()
	if t.kind == numberToken {
		if bits, single, ok := floatLiteral(t.text); ok {
			p.next()
			if negative && single {
				bits ^= 1 << 31
			} else if negative {
				bits ^= 1 << 63
			}
			return operand{kind: floatOperand, bits: bits, single: single}
		}
	}
	p.at = start
	return operand{kind: integerOperand, bits: p.expression()}
}

// floatLiteral reads 0f and 8 hexadecimal digits, 0d and 16, or a number with a point.
func floatLiteral(text string) (bits uint64, single, ok bool) {
	if len(text) > 2 && text[0] == '0' {
		switch text[1] {
		case 'f', 'F':
			bits, err := strconv.ParseUint(text[2:], 16, 32)
			return bits, true, err == nil && len(text) == 10
		case 'd', 'D':
			bits, err := strconv.ParseUint(text[2:], 16, 64)
			return bits, false, err == nil && len(text) == 18
		}
	}
	if strings.HasPrefix(strings.ToLower(text), "0x") || !strings.ContainsAny(text, ".eE") {
		return 0, false, false
	}
	x, err := strconv.ParseFloat(text, 64)
	return math.Float64bits(x), false, err == nil
}

// expression reads a sum of products of integers and evaluates it in 64 bits.
func (p *parser) expression() uint64 {
	n := p.product()
	for {
		switch {
		case p.is("+"):
			n += p.product()
		case p.is("-"):
			n -= p.product()
		default:
			return n
		}
	}
}

func (p *parser) product() uint64 {
	n := p.factor()
	for p.is("*") {
		n *= p.factor()
	}
	return n
}

func (p *parser) factor() uint64 {
	p.nest(1)
	defer p.nest(-1)
	switch t := p.next(); {
	case t.text == "-":
		return -p.factor()
	case t.text == "(":
		n := p.expression()
		p.expect(")")
		return n
	case t.text == "WARP_SZ":
		return 32
	case t.kind == numberToken:
		digits := strings.TrimSuffix(t.text, "U")
		n, err := strconv.ParseUint(digits, 0, 64)
		if err != nil || strings.ContainsAny(digits, "_oO") {
			p.fail(Syntax, t.line, "%s is no integer", t)
		}
		return n
	default:
		p.fail(Syntax, t.line, "expected a number, found %s", t)
		return 0
	}
}

// constantBits returns a constant as the bits of a type, or a text that says why the constant does not fit.
func constantBits(o operand, k kind) (bits uint64, wrong string) {
	switch {
	case o.kind == floatOperand && k.class != 'f' && k.class != 'b':
		return 0, fmt.Sprintf("a floating-point constant for %v", k)
	case o.kind == floatOperand && o.single:
		if k.size != 4 {
			return 0, fmt.Sprintf("a constant of 32 bits for %v", k)
		}
		return o.bits, ""
	case o.kind == floatOperand && k == kinds["f32"]:
		return uint64(math.Float32bits(float32(math.Float64frombits(o.bits)))), ""
	case o.kind == floatOperand:
		if k.size != 8 {
			return 0, fmt.Sprintf("a constant of 64 bits for %v", k)
		}
		return o.bits, ""
	case k.class == 'f':
		return 0, fmt.Sprintf("an integer constant for %v", k)
	}
	n := int64(o.bits)
	if width := k.bits(); width < 64 && (n < -1<<(width-1) || n >= 1<<width) {
		return 0, fmt.Sprintf("%d does not fit %v", n, k)
	}
	return o.bits & ones(k.size), ""
}

// ones returns a mask of the low size bytes.
func ones(size int) uint64 { return math.MaxUint64 >> (64 - 8*size) }
