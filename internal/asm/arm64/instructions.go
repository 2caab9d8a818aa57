package arm64

import (
	"fmt"
	"strings"
)

// Arrangement is how the numbers lie in a vector register.
type Arrangement struct {
	goName, llvm string
	element      string // one number of it, in LLVM's spelling
	size         uint32 // log₂ of the bytes of a number
}

// The arrangements of numbers that fill a register.
var (
	B16 = Arrangement{"B16", "16b", "b", 0}
	D2  = Arrangement{"D2", "2d", "d", 3}
	H8  = Arrangement{"H8", "8h", "h", 1}
	S4  = Arrangement{"S4", "4s", "s", 2}
)

func (v V) in(a Arrangement) string { return fmt.Sprintf("V%d.%s", int(v), a.goName) }

// Param loads a parameter of one word, or of half of one, which it fills up with zeros.
func (f *Function) Param(name string) X {
	offset, size := f.param(name)
	move := "MOVD"
	if size == 4 {
		move = "MOVWU"
	}
	x := f.X()
	f.emit("%s %s+%d(FP), %v", move, name, offset, x)
	return x
}

// Base loads the pointer of a slice.
func (f *Function) Base(name string) X {
	offset, _ := f.param(name)
	x := f.X()
	f.emit("MOVD %s_base+%d(FP), %v", name, offset, x)
	return x
}

// Len loads the length of a slice.
func (f *Function) Len(name string) X {
	offset, _ := f.param(name)
	x := f.X()
	f.emit("MOVD %s_len+%d(FP), %v", name, offset+8, x)
	return x
}

// LoadParam loads a parameter that is a double.
func (f *Function) LoadParam(name string, to V) {
	offset, _ := f.param(name)
	f.emit("FMOVD %s+%d(FP), F%d", name, offset, to)
}

// StoreResult stores the result, a double.
func (f *Function) StoreResult(from V) {
	offset, _ := f.param("")
	name, _, _ := strings.Cut(f.Result, " ")
	f.emit("FMOVD F%d, %s+%d(FP)", from, name, offset)
}

// Move copies a register.
func (f *Function) Move(from, to X) { f.emit("MOVD %v, %v", from, to) }

// LoadX loads a word from memory.
func (f *Function) LoadX(from X, offset int, to X) { f.emit("MOVD %d(%v), %v", offset, from, to) }

// Add does to += x.
func (f *Function) Add(x, to X) { f.emit("ADD %v, %v", x, to) }

// AddShifted does to += x·2^shift.
func (f *Function) AddShifted(x X, shift int, to X) { f.emit("ADD %v<<%d, %v", x, shift, to) }

// AddShiftedRight does to += ⌊x / 2^shift⌋.
func (f *Function) AddShiftedRight(x X, shift int, to X) { f.emit("ADD %v>>%d, %v", x, shift, to) }

// AddConstant does to += value.
func (f *Function) AddConstant(value int, to X) { f.emit("ADD $%d, %v", value, to) }

// Sub does to −= x.
func (f *Function) Sub(x, to X) { f.emit("SUB %v, %v", x, to) }

// SubConstant does to −= value.
func (f *Function) SubConstant(value int, to X) { f.emit("SUB $%d, %v", value, to) }

// MultiplyAddX does to ← x·y + z.
func (f *Function) MultiplyAddX(x, y, z, to X) { f.emit("MADD %v, %v, %v, %v", y, z, x, to) }

// Remainder does to ← x mod n; n is a power of two.
func (f *Function) Remainder(x X, n int, to X) { f.emit("AND $%d, %v, %v", n-1, x, to) }

// XorX does to ← to xor x.
func (f *Function) XorX(x, to X) { f.emit("EOR %v, %v", x, to) }

// XorConstant does to ← to xor value, for a value whose set bits are neighbours.
func (f *Function) XorConstant(value int, to X) { f.emit("EOR $%d, %v", value, to) }

// ShiftRightX does x ← ⌊x / 2^shift⌋ for numbers without a sign.
func (f *Function) ShiftRightX(shift int, x X) { f.emit("LSR $%d, %v", shift, x) }

// Log2 does to ← ⌊log₂ x⌋; x is not 0.
func (f *Function) Log2(x, to X) {
	f.emit("CLZ %v, %v", x, to)
	f.emit("EOR $63, %v", to)
}

// Least does to ← min(to, x) for numbers without a sign.
func (f *Function) Least(x, to X) {
	f.emit("CMP %v, %v", x, to)
	f.emit("CSEL HI, %v, %v, %v", x, to, to)
}

// Prefetch asks for the cache line at a pointer.
func (f *Function) Prefetch(at X) { f.emit("PRFM (%v), PLDL1KEEP", at) }

// ShiftLeft does x ← x·2^shift.
func (f *Function) ShiftLeft(shift int, x X) { f.emit("LSL $%d, %v", shift, x) }

// Zero clears a general register.
func (f *Function) Zero(x X) { f.emit("MOVD ZR, %v", x) }

// Constant loads a number into a general register.
func (f *Function) Constant(value uint64, to X) { f.emit("MOVD $%#x, %v", value, to) }

// Global loads the address of a variable of the package.
func (f *Function) Global(name string, to X) { f.emit("MOVD $·%s(SB), %v", name, to) }

// Table loads the address of a table of the program.
func (f *Function) Table(name string, to X) { f.emit("MOVD $%s<>(SB), %v", name, to) }

// Stack reserves memory on the stack and loads its address. A function may do it once.
func (f *Function) Stack(bytes int, to X) {
	f.frame = bytes
	f.emit("MOVD $stack-%d(SP), %v", bytes, to)
}

// LoadWord loads a word of 4 bytes from memory at a pointer, fills up with zeros, and moves the pointer past
// it.
func (f *Function) LoadWord(from, to X) { f.emit("MOVWU.P 4(%v), %v", from, to) }

// AndShifted does to ← mask & ⌊x / 2^shift⌋; the shift may be negative.
func (f *Function) AndShifted(x X, shift int, mask, to X) {
	operator := ">>"
	if shift < 0 {
		operator, shift = "<<", -shift
	}
	f.emit("AND %v%s%d, %v, %v", x, operator, shift, mask, to)
}

// Return ends the function.
func (f *Function) Return() { f.emit("RET") }

// Load loads the registers from memory at a pointer, each a number of bytes (8 or 16), in pairs where it can,
// and moves the pointer past them.
func (f *Function) Load(from X, size int, to ...V) {
	for len(to) > 0 {
		switch {
		case size == 8:
			f.emit("FMOVD.P 8(%v), F%d", from, to[0])
		case len(to) == 1:
			f.emit("FMOVQ.P 16(%v), F%d", from, to[0])
		default:
			f.emit("FLDPQ.P 32(%v), (F%d, F%d)", from, to[0], to[1])
			to = to[1:]
		}
		to = to[1:]
	}
}

// LoadAt loads whole registers from memory at an offset from a pointer, in pairs where it can.
func (f *Function) LoadAt(from X, offset int, to ...V) {
	for ; len(to) > 1; to, offset = to[2:], offset+32 {
		f.emit("FLDPQ %d(%v), (F%d, F%d)", offset, from, to[0], to[1])
	}
	if len(to) == 1 {
		f.emit("FMOVQ %d(%v), F%d", offset, from, to[0])
	}
}

// LoadNumber loads one number from memory at the sum of two registers, and clears the rest of the register.
func (f *Function) LoadNumber(a Arrangement, from, offset X, to V) {
	f.emit("FMOV%s (%v)(%v), F%d", a.goName[:1], from, offset, to)
}

// LoadNumberAt loads one number from memory at an offset from a pointer, and clears the rest of the register.
func (f *Function) LoadNumberAt(a Arrangement, from X, offset int, to V) {
	f.emit("FMOV%s %d(%v), F%d", a.goName[:1], offset, from, to)
}

// LoadIndexed loads a whole register from memory at the sum of two registers.
func (f *Function) LoadIndexed(from, offset X, to V) {
	f.word(0x3CE06800|uint32(offset)<<16|uint32(from)<<5|uint32(to), "ldr q%d, [x%d, x%d]", to, from, offset)
}

// Store stores whole registers in memory at a pointer, in pairs where it can, and moves the pointer past
// them.
func (f *Function) Store(to X, from ...V) {
	for ; len(from) > 1; from = from[2:] {
		f.emit("FSTPQ.P (F%d, F%d), 32(%v)", from[0], from[1], to)
	}
	if len(from) == 1 {
		f.emit("FMOVQ.P F%d, 16(%v)", from[0], to)
	}
}

// StoreNumber stores the first number of a register in memory at a pointer, and moves the pointer past it.
func (f *Function) StoreNumber(a Arrangement, to X, from V) {
	f.emit("FMOV%s.P F%d, %d(%v)", a.goName[:1], from, 1<<a.size, to)
}

// StoreInTurn stores the first numbers of all four registers from one [Function.Run] in memory at a pointer,
// then their second ones, and so on, and moves the pointer past them.
func (f *Function) StoreInTurn(a Arrangement, to X, from []V) {
	var list []string
	for _, v := range from {
		list = append(list, v.in(a))
	}
	f.emit("VST4.P [%s], 64(%v)", strings.Join(list, ", "), to)
}

// StoreAt stores whole registers in memory at an offset from a pointer, in pairs where it can.
func (f *Function) StoreAt(to X, offset int, from ...V) {
	for ; len(from) > 1; from, offset = from[2:], offset+32 {
		f.emit("FSTPQ (F%d, F%d), %d(%v)", from[0], from[1], offset, to)
	}
	if len(from) == 1 {
		f.emit("FMOVQ F%d, %d(%v)", from[0], offset, to)
	}
}

// ZeroV clears a vector register.
func (f *Function) ZeroV(v V) { f.Xor(v, v, v) }

// Lane copies one number of a register to a general register.
func (f *Function) Lane(a Arrangement, from V, lane int, to X) {
	f.emit("VMOV V%d.%s[%d], %v", from, a.goName[:1], lane, to)
}

// Fill copies a general register, or its lowest bytes, to all numbers of a register.
func (f *Function) Fill(a Arrangement, from X, to V) { f.emit("VDUP %v, %s", from, to.in(a)) }

// Each copies one number of a register to all of another.
func (f *Function) Each(a Arrangement, from V, lane int, to V) {
	f.emit("VDUP V%d.%s[%d], %s", from, a.goName[:1], lane, to.in(a))
}

// Xor does to ← x xor y.
func (f *Function) Xor(x, y, to V) { f.emit("VEOR %s, %s, %s", y.in(B16), x.in(B16), to.in(B16)) }

// And does to ← x and y.
func (f *Function) And(x, y, to V) { f.emit("VAND %s, %s, %s", y.in(B16), x.in(B16), to.in(B16)) }

// Or does to ← x or y.
func (f *Function) Or(x, y, to V) { f.emit("VORR %s, %s, %s", y.in(B16), x.in(B16), to.in(B16)) }

// ShiftLeftV does to ← x·2^shift for integers.
func (f *Function) ShiftLeftV(a Arrangement, x V, shift int, to V) {
	f.emit("VSHL $%d, %s, %s", shift, x.in(a), to.in(a))
}

// ShiftRight does to ← ⌊x / 2^shift⌋ for integers without a sign.
func (f *Function) ShiftRight(a Arrangement, x V, shift int, to V) {
	f.emit("VUSHR $%d, %s, %s", shift, x.in(a), to.in(a))
}

// AddIntegers does to ← x + y for integers.
func (f *Function) AddIntegers(a Arrangement, x, y, to V) {
	f.emit("VADD %s, %s, %s", y.in(a), x.in(a), to.in(a))
}

// Subtract does to ← x − y for integers.
func (f *Function) Subtract(a Arrangement, x, y, to V) {
	f.emit("VSUB %s, %s, %s", y.in(a), x.in(a), to.in(a))
}

// MultiplyAdd does sum ← sum + x·y, rounded once.
func (f *Function) MultiplyAdd(a Arrangement, x, y, sum V) {
	f.emit("VFMLA %s, %s, %s", x.in(a), y.in(a), sum.in(a))
}

// Test sets all bits of those numbers of to where x and y have a bit in common, and clears the others.
func (f *Function) Test(a Arrangement, x, y, to V) {
	f.emit("VCMTST %s, %s, %s", x.in(a), y.in(a), to.in(a))
}

// Zip makes a register of the lower halves of two: x's first number, y's first, x's second, and so on.
func (f *Function) Zip(a Arrangement, x, y, to V) {
	f.emit("VZIP1 %s, %s, %s", y.in(a), x.in(a), to.in(a))
}

// ZipHigh is Zip for the upper halves.
func (f *Function) ZipHigh(a Arrangement, x, y, to V) {
	f.emit("VZIP2 %s, %s, %s", y.in(a), x.in(a), to.in(a))
}

// Even takes every other number of x and then of y, from the first on.
func (f *Function) Even(a Arrangement, x, y, to V) {
	f.emit("VUZP1 %s, %s, %s", y.in(a), x.in(a), to.in(a))
}

// Odd is Even from the second number on.
func (f *Function) Odd(a Arrangement, x, y, to V) {
	f.emit("VUZP2 %s, %s, %s", y.in(a), x.in(a), to.in(a))
}

// LookUp does to_i ← table[places_i] for bytes; outside of the table it is zero. The table is up to four
// registers from one [Function.Run].
func (f *Function) LookUp(table []V, places, to V) {
	f.emit("VTBL %s, %s, %s", places.in(B16), bytesOf(table), to.in(B16))
}

// LookUpMore is LookUp, but outside of the table it keeps to_i.
func (f *Function) LookUpMore(table []V, places, to V) {
	f.emit("VTBX %s, %s, %s", places.in(B16), bytesOf(table), to.in(B16))
}

func bytesOf(table []V) string {
	var list []string
	for _, v := range table {
		list = append(list, v.in(B16))
	}
	return "[" + strings.Join(list, ", ") + "]"
}

// Insert does to ← to mod 2^shift + x·2^shift for each number, in as many bits as it has.
func (f *Function) Insert(a Arrangement, x V, shift int, to V) {
	f.emit("VSLI $%d, %s, %s", shift, x.in(a), to.in(a))
}

// three encodes an instruction of three registers.
func (f *Function) three(base uint32, name string, a Arrangement, x, y, to V) {
	f.word(base|uint32(y)<<16|uint32(x)<<5|uint32(to), "%s v%d.%[3]s, v%[4]d.%[3]s, v%[5]d.%[3]s", name, to,
		a.llvm, x, y)
}

// two encodes an instruction of two registers, which may hold their numbers differently.
func (f *Function) two(base uint32, text string, from, to V) {
	f.word(base|uint32(from)<<5|uint32(to), text, to, from)
}

// sz is the bit that distinguishes doubles from singles.
func (a Arrangement) sz() uint32 { return a.size & 1 << 22 }

// AddNumbers does to ← x + y.
func (f *Function) AddNumbers(a Arrangement, x, y, to V) {
	f.three(0x4E20D400|a.sz(), "fadd", a, x, y, to)
}

// Negative sets all bits of those numbers of to where the integers of x are negative, and clears the others.
func (f *Function) Negative(a Arrangement, x, to V) {
	f.two(0x4E20A800|a.size<<22, "cmlt v%d."+a.llvm+", v%d."+a.llvm+", #0", x, to)
}

// SubNumbers does to ← x − y.
func (f *Function) SubNumbers(a Arrangement, x, y, to V) {
	f.three(0x4EA0D400|a.sz(), "fsub", a, x, y, to)
}

// Divide does to ← x/y.
func (f *Function) Divide(a Arrangement, x, y, to V) { f.three(0x6E20FC00|a.sz(), "fdiv", a, x, y, to) }

// SquareRoot does to ← √x.
func (f *Function) SquareRoot(a Arrangement, x, to V) {
	f.two(0x6EA1F800|a.sz(), "fsqrt v%d."+a.llvm+", v%d."+a.llvm, x, to)
}

// FromIntegers makes numbers of integers with a sign.
func (f *Function) FromIntegers(a Arrangement, x, to V) {
	f.two(0x4E21D800|a.sz(), "scvtf v%d."+a.llvm+", v%d."+a.llvm, x, to)
}

// ShiftRightSigned does to ← ⌊x / 2^shift⌋ for integers with a sign.
func (f *Function) ShiftRightSigned(a Arrangement, x V, shift int, to V) {
	text := fmt.Sprintf("sshr v%%d.%[1]s, v%%d.%[1]s, #%[2]d", a.llvm, shift)
	f.two(0x4F000400|uint32(16<<a.size-shift)<<16, text, x, to)
}

// MultiplyLow makes the products, of 64 bits, of the lower two integers of 32 bits.
func (f *Function) MultiplyLow(x, y, to V) {
	f.word(0x2EA0C000|uint32(y)<<16|uint32(x)<<5|uint32(to), "umull v%d.2d, v%d.2s, v%d.2s", to, x, y)
}

// MultiplyHigh is MultiplyLow for the upper two.
func (f *Function) MultiplyHigh(x, y, to V) {
	f.word(0x6EA0C000|uint32(y)<<16|uint32(x)<<5|uint32(to), "umull2 v%d.2d, v%d.4s, v%d.4s", to, x, y)
}

// Multiply does to ← x·y.
func (f *Function) Multiply(a Arrangement, x, y, to V) {
	f.three(0x6E20DC00|a.sz(), "fmul", a, x, y, to)
}

// AddPairs makes the sums of neighbours, x's before y's.
func (f *Function) AddPairs(a Arrangement, x, y, to V) {
	f.three(0x6E20D400|a.sz(), "faddp", a, x, y, to)
}

// MultiplyAddBy does sum ← sum + x·y[lane], rounded once.
func (f *Function) MultiplyAddBy(a Arrangement, x, y V, lane int, sum V) {
	f.byElement(0x4F801000, "fmla", a, x, y, lane, sum)
}

// MultiplyBy does to ← x·y[lane].
func (f *Function) MultiplyBy(a Arrangement, x, y V, lane int, to V) {
	f.byElement(0x4F809000, "fmul", a, x, y, lane, to)
}

// byElement encodes an instruction that takes one number of y as a factor.
func (f *Function) byElement(base uint32, name string, a Arrangement, x, y V, lane int, to V) {
	base |= a.sz()
	if at := uint32(lane); a == D2 {
		base |= at << 11
	} else {
		base |= at>>1<<11 | at&1<<21
	}
	f.word(base|uint32(y)<<16|uint32(x)<<5|uint32(to), "%s v%d.%[3]s, v%[4]d.%[3]s, v%[5]d.%[6]s[%[7]d]",
		name, to, a.llvm, x, y, a.element, lane)
}

// WidenLow makes two doubles of the lower two singles.
func (f *Function) WidenLow(from, to V) { f.two(0x0E617800, "fcvtl v%d.2d, v%d.2s", from, to) }

// WidenHigh makes two doubles of the upper two singles.
func (f *Function) WidenHigh(from, to V) { f.two(0x4E617800, "fcvtl2 v%d.2d, v%d.4s", from, to) }

// NarrowLow rounds two doubles to the lower two singles, and clears the upper ones.
func (f *Function) NarrowLow(from, to V) { f.two(0x0E616800, "fcvtn v%d.2s, v%d.2d", from, to) }

// NarrowHigh rounds two doubles to the upper two singles, and keeps the lower ones.
func (f *Function) NarrowHigh(from, to V) { f.two(0x4E616800, "fcvtn2 v%d.4s, v%d.2d", from, to) }

// SpreadLow makes each of the lower four words the upper half of a word twice as long, whose lower half is
// zero: singles of bf16.
func (f *Function) SpreadLow(from, to V) { f.two(0x2E613800, "shll v%d.4s, v%d.4h, #16", from, to) }

// SpreadHigh is SpreadLow for the upper four words.
func (f *Function) SpreadHigh(from, to V) { f.two(0x6E613800, "shll2 v%d.4s, v%d.8h, #16", from, to) }
