package cpudriver_test

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"strings"
	"testing"
)

func f32(v float32) uint64 { return uint64(math.Float32bits(v)) }
func f64(v float64) uint64 { return math.Float64bits(v) }
func s32(v int32) uint64   { return uint64(uint32(v)) }
func s64(v int64) uint64   { return uint64(v) }

// nan32 is the NaN that operations in single precision give.
const nan32 = 0x7fffffff

var (
	inf   = math.Inf(1)
	tiny  = float32(math.SmallestNonzeroFloat32)
	third = 1.0 / 3
)

// TestISA: instructions give the results of the PTX ISA. types are those of the registers %d, %a, %b and %c.
func TestISA(t *testing.T) {
	type instruction struct {
		code, types string
		a, b, c     uint64
		want        uint64
	}
	cases := []instruction{
		{"add.u32 %d, %a, %b;", "b32 b32 b32", 1<<32 - 1, 2, 0, 1},
		{"sub.s32 %d, %a, %b;", "b32 b32 b32", s32(math.MinInt32), 1, 0, s32(math.MaxInt32)},
		{"add.s64 %d, %a, -1;", "b64 b64", s64(math.MinInt64), 0, 0, s64(math.MaxInt64)},
		{"mul.lo.s32 %d, %a, %b;", "b32 b32 b32", s32(-7), 6, 0, s32(-42)},
		{"mul.hi.u32 %d, %a, %b;", "b32 b32 b32", 1<<32 - 1, 1<<32 - 1, 0, 1<<32 - 2},
		{"mul.hi.s32 %d, %a, %b;", "b32 b32 b32", s32(-1), 1, 0, s32(-1)},
		{"mul.hi.u64 %d, %a, %b;", "b64 b64 b64", 1 << 63, 6, 0, 3},
		{"mul.hi.s64 %d, %a, %b;", "b64 b64 b64", s64(-1), 5, 0, s64(-1)},
		{"mul.wide.u32 %d, %a, %b;", "b64 b32 b32", 1<<32 - 1, 1<<32 - 1, 0, (1<<32 - 1) * (1<<32 - 1)},
		{"mul.wide.s32 %d, %a, %b;", "b64 b32 b32", s32(-3), 5, 0, s64(-15)},
		{"mul.wide.u16 %d, %a, %b;", "b32 b16 b16", 0xffff, 0xffff, 0, 0xfffe0001},
		{"mad.lo.u32 %d, %a, %b, %c;", "b32 b32 b32 b32", 1 << 16, 1 << 16, 9, 9},
		{"mad.hi.u32 %d, %a, %b, %c;", "b32 b32 b32 b32", 1 << 31, 4, 9, 11},
		{"mad.wide.s32 %d, %a, %b, %c;", "b64 b32 b32 b64", s32(-2), 3, 1, s64(-5)},
		{"div.u32 %d, %a, %b;", "b32 b32 b32", 7, 0, 0, 1<<32 - 1},
		{"div.s32 %d, %a, %b;", "b32 b32 b32", s32(-7), 2, 0, s32(-3)},
		{"div.s32 %d, %a, %b;", "b32 b32 b32", s32(math.MinInt32), s32(-1), 0, s32(math.MinInt32)},
		{"rem.s64 %d, %a, %b;", "b64 b64 b64", s64(-7), 2, 0, s64(-1)},
		{"rem.s64 %d, %a, %b;", "b64 b64 b64", s64(math.MinInt64), s64(-1), 0, 0},
		{"min.s32 %d, %a, %b;", "b32 b32 b32", s32(-1), 1, 0, s32(-1)},
		{"min.u32 %d, %a, %b;", "b32 b32 b32", s32(-1), 1, 0, 1},
		{"max.u64 %d, %a, %b;", "b64 b64 b64", s64(-1), 1, 0, s64(-1)},
		{"abs.s32 %d, %a;", "b32 b32", s32(-5), 0, 0, 5},
		{"neg.s64 %d, %a;", "b64 b64", 5, 0, 0, s64(-5)},

		{"shl.b32 %d, %a, %b;", "b32 b32 b32", 1, 32, 0, 0},
		{"shl.b64 %d, %a, %b;", "b64 b64 b32", 3, 63, 0, 1 << 63},
		{"shr.u32 %d, %a, %b;", "b32 b32 b32", 1 << 31, 1 << 31, 0, 0},
		{"shr.s32 %d, %a, %b;", "b32 b32 b32", 1 << 31, 100, 0, 1<<32 - 1},
		{"shr.s64 %d, %a, %b;", "b64 b64 b32", s64(-8), 2, 0, s64(-2)},
		{"not.b32 %d, %a;", "b32 b32", 5, 0, 0, 1<<32 - 6},
		{"xor.b64 %d, %a, %b;", "b64 b64 b64", 0xff00ff00ff00ff00, 0xffffffffffffffff, 0, 0x00ff00ff00ff00ff},
		{"bfe.u32 %d, %a, %b, %c;", "b32 b32 b32 b32", 0xabcd1234, 4, 8, 0x23},
		{"bfe.s32 %d, %a, %b, %c;", "b32 b32 b32 b32", 0xabcd1f34, 4, 8, 0xfffffff3},
		// past the end: the sign
		{"bfe.s32 %d, %a, %b, %c;", "b32 b32 b32 b32", 0x80000000, 40, 4, 0xffffffff},
		{"bfe.u32 %d, %a, %b, %c;", "b32 b32 b32 b32", 0xabcd1234, 4, 0, 0},
		{"bfe.u64 %d, %a, %b, %c;", "b64 b64 b32 b32", 0xabcd123400000000, 60, 8, 0xa},
		{"popc.b64 %d, %a;", "b32 b64", s64(-1), 0, 0, 64},
		{"clz.b32 %d, %a;", "b32 b32", 1, 0, 0, 31},
		{"clz.b64 %d, %a;", "b32 b64", 0, 0, 0, 64},
		{"brev.b32 %d, %a;", "b32 b32", 1, 0, 0, 1 << 31},
		{"prmt.b32 %d, %a, %b, %c;", "b32 b32 b32 b32", 0x03020180, 0x07060504, 0x8174, 0xff010704},
		{"mov.b64 %d, {%a, %b};", "b64 b32 b32", 1, 2, 0, 2<<32 | 1},

		{"add.rn.f32 %d, %a, %b;", "f32 f32 f32", f32(1), f32(0x1p-24), 0, f32(1)},
		{"add.rn.f32 %d, %a, %b;", "f32 f32 f32", f32(tiny), f32(tiny), 0, f32(2 * tiny)},
		{"sub.rn.f32 %d, %a, %b;", "f32 f32 f32", f32(float32(inf)), f32(float32(inf)), 0, nan32},
		{"mul.rn.f32 %d, %a, %b;", "f32 f32 f32", 0xffc12345, f32(1), 0, nan32},
		{"mul.rn.f64 %d, %a, %b;", "f64 f64 f64", f64(third), f64(third), 0, f64(third * third)},
		{"fma.rn.f64 %d, %a, %b, %c;", "f64 f64 f64 f64",
			f64(third), f64(third), f64(-third * third), f64(math.FMA(third, third, -third*third))},
		{"fma.rn.f64 %d, %a, %b, %c;", "f64 f64 f64 f64", math.MaxUint64, f64(2), f64(1), math.MaxUint64},
		// (1+2⁻¹²)² − (1+2⁻¹¹) is 2⁻²⁴; rounding the product first would lose it.
		{"fma.rn.f32 %d, %a, %b, %c;",
			"f32 f32 f32 f32", f32(1 + 0x1p-12), f32(1 + 0x1p-12), f32(-1 - 0x1p-11), f32(0x1p-24)},
		{"div.rn.f64 %d, %a, %b;", "f64 f64 f64", f64(1), f64(3), 0, f64(third)},
		{"div.rn.f32 %d, %a, %b;", "f32 f32 f32", f32(1), f32(0), 0, f32(float32(inf))},
		{"rcp.rn.f32 %d, %a;", "f32 f32", f32(3), 0, 0, f32(float32(1) / 3)},
		{"sqrt.rn.f64 %d, %a;", "f64 f64", f64(2), 0, 0, f64(math.Sqrt2)},
		{"sqrt.rn.f32 %d, %a;", "f32 f32", f32(-1), 0, 0, nan32},
		{"min.f64 %d, %a, %b;", "f64 f64 f64", f64(math.NaN()), f64(3), 0, f64(3)},
		{"min.f64 %d, %a, %b;", "f64 f64 f64", 0, 1 << 63, 0, 1 << 63},
		{"max.f32 %d, %a, %b;", "f32 f32 f32", 1 << 31, 0, 0, 0},
		{"max.f32 %d, %a, %b;", "f32 f32 f32", 0x7fc00001, 0xffc00001, 0, nan32},
		{"abs.f64 %d, %a;", "f64 f64", f64(-2), 0, 0, f64(2)},
		{"neg.f64 %d, %a;", "f64 f64", 0, 0, 0, 1 << 63},
		{"copysign.f64 %d, %a, %b;", "f64 f64 f64", f64(math.Copysign(0, -1)), f64(3), 0, f64(-3)},
		{"copysign.f64 %d, %a, %b;", "f64 f64 f64", f64(2), f64(-inf), 0, f64(inf)},
		{"copysign.f32 %d, %a, %b;", "f32 f32 f32", f32(-1), f32(0), 0, 1 << 31},

		{"cvt.u64.u32 %d, %a;", "b64 b32", 1<<32 - 1, 0, 0, 1<<32 - 1},
		{"cvt.s64.s32 %d, %a;", "b64 b32", 1<<32 - 1, 0, 0, s64(-1)},
		{"cvt.s32.s8 %d, %a;", "b32 b32", 0x1280, 0, 0, s32(-128)},
		{"cvt.u32.u64 %d, %a;", "b32 b64", 5<<32 | 7, 0, 0, 7},
		{"cvt.rn.f32.f64 %d, %a;", "f32 f64", f64(1 + 0x1p-24 + 0x1p-50), 0, 0, f32(1 + 0x1p-23)},
		{"cvt.rz.f32.f64 %d, %a;", "f32 f64", f64(1 + 0x1p-24 + 0x1p-50), 0, 0, f32(1)},
		{"cvt.rz.f32.f64 %d, %a;", "f32 f64", f64(-1e300), 0, 0, f32(-math.MaxFloat32)},
		{"cvt.rn.f32.f64 %d, %a;", "f32 f64", f64(math.NaN()), 0, 0, nan32},
		{"cvt.f64.f32 %d, %a;", "f64 f32", f32(tiny), 0, 0, f64(0x1p-149)},
		{"cvt.rn.f64.u64 %d, %a;", "f64 b64", math.MaxUint64, 0, 0, f64(0x1p64)},
		{"cvt.rn.f32.u64 %d, %a;", "f32 b64", 1<<24 + 1, 0, 0, f32(1 << 24)},
		{"cvt.rn.f64.s64 %d, %a;", "f64 b64", s64(-5), 0, 0, f64(-5)},
		{"cvt.rni.s32.f64 %d, %a;", "b32 f64", f64(2.5), 0, 0, 2},
		{"cvt.rzi.s32.f32 %d, %a;", "b32 f32", f32(-2.7), 0, 0, s32(-2)},
		{"cvt.rmi.s32.f32 %d, %a;", "b32 f32", f32(-2.1), 0, 0, s32(-3)},
		{"cvt.rpi.s32.f32 %d, %a;", "b32 f32", f32(2.1), 0, 0, 3},
		{"cvt.rzi.u32.f64 %d, %a;", "b32 f64", f64(-3), 0, 0, 0},
		{"cvt.rzi.s32.f32 %d, %a;", "b32 f32", f32(3e9), 0, 0, math.MaxInt32},
		{"cvt.rzi.u64.f64 %d, %a;", "b64 f64", f64(1e30), 0, 0, math.MaxUint64},
		{"cvt.rzi.s32.f32 %d, %a;", "b32 f32", nan32, 0, 0, 0},
		{"cvt.rzi.s64.f64 %d, %a;", "b64 f64", f64(math.NaN()), 0, 0, 1 << 63},
		{"cvt.rni.f64.f64 %d, %a;", "f64 f64", f64(3.5), 0, 0, f64(4)},
	}
	// Comparisons of −1 with 1, equal numbers and NaN.
	for _, c := range []struct {
		op   string
		a, b uint64
		want bool
	}{
		{"lt.s32", s32(-1), 1, true}, {"lt.u32", s32(-1), 1, false}, {"hi.u32", s32(-1), 1, true},
		{"ls.u64", 5, 5, true},
		{"ge.s64", s64(-1), 0, false}, {"ne.b64", 1 << 40, 0, true}, {"eq.f64", 0, 1 << 63, true},
		{"lt.f64", f64(-1), f64(1), true},
		{"lt.f64", f64(math.NaN()), f64(1), false}, {"ltu.f64", f64(math.NaN()), f64(1), true},
		{"ne.f64", f64(math.NaN()), f64(1), false},
		{"neu.f64", f64(math.NaN()), f64(1), true}, {"equ.f32", f32(1), f32(2), false},
		{"num.f32", f32(1), nan32, false},
		{"nan.f32", f32(1), nan32, true}, {"geu.f32", f32(3), f32(2), true},
		{"gt.f32", f32(float32(inf)), f32(2), true},
	} {
		_, kind, _ := strings.Cut(c.op, ".")
		if kind[0] != 'f' {
			kind = "b" + kind[1:]
		}
		want := uint64(0)
		if c.want {
			want = 1
		}
		cases = append(cases,
			instruction{
				"setp." + c.op + " %p, %a, %b; selp.b32 %d, 1, 0, %p;", "b32 " + kind + " " + kind,
				c.a, c.b, 0, want,
			},
			instruction{"setp.eq.u32 %p, 0, 0; setp." + strings.Replace(c.op, ".", ".and.", 1) +
				" %p, %a, %b, !%p; selp.b32 %d, 1, 0, %p;",
				"b32 " + kind + " " + kind, c.a, c.b, 0, 0})
	}
	// Random operands, compared with Go's arithmetic.
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		a, b, c := random.Uint64(), random.Uint64(), random.Uint64()
		hi, lo := bits.Mul64(a, b)
		// positive, not huge
		x, y, z := math.Float64frombits(a>>2), math.Float64frombits(b>>2), math.Float64frombits(c>>2)
		cases = append(cases, instruction{"mul.hi.u64 %d, %a, %b;", "b64 b64 b64", a, b, 0, hi},
			instruction{"mad.lo.u64 %d, %a, %b, %c;", "b64 b64 b64 b64", a, b, c, lo + c},
			instruction{
				"fma.rn.f64 %d, %a, %b, %c;", "f64 f64 f64 f64",
				f64(x), f64(y), f64(z), f64(math.FMA(x, y, z)),
			},
			instruction{"div.rn.f64 %d, %a, %b;", "f64 f64 f64", f64(x), f64(y), 0, f64(x / y)},
			instruction{"cvt.rn.f64.u64 %d, %a;", "f64 b64", a, 0, 0, f64(float64(a))},
			instruction{"cvt.rn.f32.u64 %d, %a;", "f32 b64", a, 0, 0, f32(float32(a))},
			instruction{
				"add.rn.f32 %d, %a, %b;", "f32 f32 f32", a >> 34, b >> 34, 0,
				f32(math.Float32frombits(uint32(a>>34)) + math.Float32frombits(uint32(b>>34))),
			})
	}
	var text, commands strings.Builder
	text.WriteString(head)
	for i, c := range cases {
		fmt.Fprintf(&text, ".visible .entry k%d(.param .u64 p", i)
		types := strings.Fields(c.types)
		names := []string{"d", "a", "b", "c"}[:len(types)]
		for n := 1; n < len(types); n++ {
			fmt.Fprintf(&text, ", .param .b%s %s", types[n][1:], names[n])
		}
		text.WriteString(") {\n\t.reg .pred %p;\n\t.reg .b64 %out;\n")
		for n, name := range names {
			fmt.Fprintf(&text, "\t.reg .%s %%%s;\n", types[n], name)
		}
		text.WriteString("\tld.param.u64 %out, [p];\n")
		args := ""
		for n := 1; n < len(types); n++ {
			fmt.Fprintf(&text, "\tld.param.b%s %%%s, [%s];\n", types[n][1:], names[n], names[n])
			args += fmt.Sprint(" ", []uint64{0, c.a, c.b, c.c}[n])
		}
		fmt.Fprintf(&text, "\t%s\n\tst.global.b%s [%%out], %%d;\n\tret;\n}\n", c.code, types[0][1:])
		fmt.Fprintf(&commands, "entry k%d\nlaunch plain 1 1 0 @0+%d%s\n", i, 8*i, args)
	}
	size := 8 * len(cases)
	answers, said := ask(t, text.String(),
		fmt.Sprintf("alloc %d\nput 0 %s\n%sget 0 %d\n",
			size, strings.Repeat("00", size), commands.String(), size))
	status, numbers, _ := strings.Cut(answers[len(answers)-1], " ")
	got, err := hex.DecodeString(numbers)
	if answers[0] != "0 " || status != "0" || err != nil {
		t.Fatalf("load: %s, get: %s, %v\n%s", answers[0], status, err, said)
	}
	for i, c := range cases {
		if v := binary.LittleEndian.Uint64(got[8*i:]); v != c.want {
			t.Errorf("%s with %#x, %#x, %#x gives %#x, want %#x", c.code, c.a, c.b, c.c, v, c.want)
		}
	}
}

// TestWarp: shuffles and votes; lane l of 32 offers 100 + l.
func TestWarp(t *testing.T) {
	for _, c := range []struct {
		code string
		want func(lane int) int
	}{
		{"shfl.sync.bfly.b32 %y, %x, 1, 31, -1;", func(l int) int { return 100 + (l ^ 1) }},
		{"shfl.sync.idx.b32 %y, %x, 5, 31, -1;", func(int) int { return 105 }},
		{"shfl.sync.up.b32 %y, %x, 1, 0, -1;", func(l int) int { return 100 + max(l-1, 0) }},
		{"shfl.sync.down.b32 %y, %x, 4, 31, -1;", func(l int) int {
			if l > 27 {
				return 100 + l
			}
			return 104 + l
		}},
		// segments of eight lanes
		{"shfl.sync.idx.b32 %y, %x, 3, 0x181f, -1;", func(l int) int { return 103 + l/8*8 }},
		{"setp.lt.u32 %p, %t, 2;\nvote.sync.ballot.b32 %y, %p, -1;", func(int) int { return 3 }},
		{"setp.lt.u32 %p, %t, 2;\nvote.sync.any.pred %q, %p, -1;\nselp.b32 %y, 1, 0, %q;", func(int) int {
			return 1
		}},
		{"setp.lt.u32 %p, %t, 2;\nvote.sync.all.pred %q, %p, -1;\nselp.b32 %y, 1, 0, %q;", func(int) int {
			return 0
		}},
	} {
		body := "add.u32 %x, %t, 100;\n" + c.code + "\nmad.wide.u32 %a, %t, 4, %a;\nst.global.u32 [%a], %y;"
		answers, said := ask(t, entry(body), "entry k\nalloc 128\nlaunch plain 1 32 0 @0+0 0 0\nget 0 128\n")
		_, numbers, _ := strings.Cut(answers[4], " ")
		got, err := hex.DecodeString(numbers)
		if err != nil || len(got) != 128 {
			t.Fatalf("%s: %v %s", c.code, answers, said)
		}
		for lane := range 32 {
			if v := int(binary.LittleEndian.Uint32(got[4*lane:])); v != c.want(lane) {
				t.Errorf("%s: lane %d has %d, want %d", c.code, lane, v, c.want(lane))
			}
		}
	}
}

// product is the matrix product of f64; mma has its fragments in %a0 to %a3 and its result in %d0 and %d1.
const (
	product = "mma.sync.aligned.m8n8k4.row.col.f64.f64.f64.f64"
	mma     = product + " {%d0, %d1}, {%a0}, {%a1}, {%a2, %a3};"

	fragments = ".reg .f64 %d<2>, %a<4>;\n"
)

// TestMatrixProduct: a warp multiplies and adds as 64 chains of four fused multiply-adds do. The matrices are
// laid out as chapter 9.7.14.5.2 of the ISA says. Two warps take one product each.
func TestMatrixProduct(t *testing.T) {
	text := head + ".visible .entry k(.param .u64 p, .param .u64 q)\n{\n" +
		"\t.reg .b32 %t;\n\t.reg .b64 %in, %out;\n\t.reg .f64 %a<4>, %d<2>;\n" +
		"\tld.param.u64 %in, [p];\n\tld.param.u64 %out, [q];\n\tmov.u32 %t, %tid.x;\n" +
		"\tmad.wide.u32 %in, %t, 32, %in;\n\tmad.wide.u32 %out, %t, 16, %out;\n" +
		"\tld.global.v2.f64 {%a0, %a1}, [%in];\n\tld.global.v2.f64 {%a2, %a3}, [%in+16];\n\t" + mma +
		"\n\tst.global.v2.f64 [%out], {%d0, %d1};\n\tret;\n}\n"
	random := rand.New(rand.NewPCG(5, 6))
	var a [2][8][4]float64
	var b [2][4][8]float64
	var c [2][8][8]float64
	var in []byte
	number := func() float64 { return random.NormFloat64() * math.Exp2(float64(random.IntN(6))) }
	for w := range 2 {
		for lane := range 32 {
			row, column := lane/4, lane%4
			a[w][row][column], b[w][column][row] = number(), number()
			c[w][row][2*column], c[w][row][2*column+1] = number(), number()
			for _, v := range []float64{
				a[w][row][column], b[w][column][row], c[w][row][2*column], c[w][row][2*column+1],
			} {
				in = binary.LittleEndian.AppendUint64(in, f64(v))
			}
		}
	}
	answers, said := ask(t, text, fmt.Sprintf(
		"entry k\nalloc 2048\nalloc 1024\nput 0 %x\nput 1 %s\nlaunch plain 1 64 0 @0+0 @1+0\nget 1 1024\n",
		in, strings.Repeat("00", 1024)))
	_, numbers, _ := strings.Cut(answers[len(answers)-1], " ")
	got, err := hex.DecodeString(numbers)
	if err != nil || len(got) != 1024 {
		t.Fatalf("%v %s", answers, said)
	}
	for w := range 2 {
		for row := range 8 {
			for column := range 8 {
				want := c[w][row][column]
				for k := range 4 {
					want = math.FMA(a[w][row][k], b[w][k][column], want)
				}
				at := 64*w + 8*row + column
				if v := binary.LittleEndian.Uint64(got[8*at:]); v != f64(want) {
					t.Errorf("warp %d: D[%d][%d] is %#x, want %#x", w, row, column, v, f64(want))
				}
			}
		}
	}
}

// TestRefused: the driver refuses text that is not PTX, or that it does not know, and names the line.
func TestRefused(t *testing.T) {
	for _, c := range []struct{ body, want string }{
		{"frobnicate.u32 %x;",
			"218 ptxas application ptx input, line 15; error   : " +
				"Not a name of any known instruction: 'frobnicate'"},
		{"// 2·3\n",
			"218 ptxas application ptx input, line 15; error   : " +
				"Unexpected non-ASCII character encountered on line 15"},
		{"add.cc.u32 %x, %x, %y;", "line 15; error   : unsupported form of 'add': 'add.cc.u32'"},
		{"add.f64 %f, %f, %f;", "unsupported form"},
		{"add.rn.ftz.f64 %f, %f, %f;", "unsupported form"},
		{"add.u32 %x, %x, %a;", "wrong type of operand"},
		{"add.u32 %x, %x, 4294967296;", "does not fit"},
		{"add.u32 %x, %x, 0d3ff0000000000000;", "wrong type of constant"},
		{"add.u32 %x, %x;", "wrong number of operands"},
		{"mov.u32 %tid.x, %x;", "wrong type of destination"},
		{"mov.u32 %x, %nothing;", "Unknown symbol '%nothing'"},
		{"bra NOWHERE;", "Label 'NOWHERE' is not defined"},
		{"ld.global.u32 %x, [%x];", "an address of 64 bits"},
		{"ld.u32 %x, [%a];", "unsupported form"},
		{"shfl.bfly.b32 %x, %y, 1, 31;", "unsupported form"},
		{"cvt.f32.f64 %x, %f;", "unsupported form"},
		{product + " {%f, %f}, {%f}, {%f}, {%f, %f};", "the same register twice"},
		{product + " {%f, %t}, {%f}, {%f}, {%f, %f};", "wrong type of destination"},
		{product + " %f, {%f}, {%f}, {%f, %f};", "wrong size of a fragment"},
		{strings.Replace(product, "col", "row", 1) + " {%f, %f}, {%f}, {%f}, {%f, %f};", "unsupported form"},
		{strings.Replace(product, "m8", "m16", 1) + " {%f, %f}, {%f}, {%f}, {%f, %f};", "unsupported form"},
		{".reg .b32 %t;", "Duplicate definition of '%t'"},
		{"atom.global.add.f64 %f, [%a], %f;", "unsupported form"},
		{"add.u32 %x, %x, %y", "';' is expected"},
	} {
		if answers, _ := ask(t, entry(c.body), ""); !strings.Contains(answers[0], c.want) ||
			!strings.HasPrefix(answers[0], "218") {
			t.Errorf("%s: the answer is %q, want %q", c.body, answers[0], c.want)
		}
	}
	for text, want := range map[string]string{
		strings.Replace(entry(""), "7.0", "8.5", 1):                       "222", // CUDA 12.4 knows 8.4
		strings.Replace(entry(""), "7.0", "8.4", 1):                       "0",
		strings.Replace(entry(""), "sm_80", "sm_100", 1):                  "218",
		strings.Replace(entry("cp.async.wait_all;"), "sm_80", "sm_70", 1): "218",
		entry(fragments + mma):                                            "0",
		strings.Replace(entry(fragments+mma), "sm_80", "sm_75", 1):        "218",
	} {
		if answers, _ := ask(t, text, ""); !strings.HasPrefix(answers[0], want+" ") {
			t.Errorf("the answer is %q, want %s, of\n%s", answers[0], want, text)
		}
	}
	if answers, _ := ask(t, entry(""), "entry other\n"); answers[1] != "500" {
		t.Errorf("an entry that is not there: %s", answers[1])
	}
}

// TestGarbage: no text ends the process.
func TestGarbage(t *testing.T) {
	whole := entry("L: shfl.sync.bfly.b32 %x|%p, %y, 1, 31, -1;\n@!%p bra L;\n" +
		"{ .reg .b32 %r<4>; ld.global.v2.u32 {%r0, %r1}, [%a+8+-4]; }\nmov.b64 %v, {%x, 0};")
	random := rand.New(rand.NewPCG(3, 4))
	pieces := strings.Fields("{ } [ ] ( ) < > , ; : @ ! | + - 0 7 0x 0d00 99999999999999999999 %x %tid.x " +
		".reg .shared .entry .b32 .pred L bra _ /* // mov.b64 .align")
	for range 300 {
		text := []byte(whole)
		for range 1 + random.IntN(4) {
			from := random.IntN(len(text))
			to := min(len(text), from+random.IntN(12))
			piece := pieces[random.IntN(len(pieces))]
			if random.IntN(4) == 0 {
				piece = ""
			}
			text = append(text[:from:from], append([]byte(piece), text[to:]...)...)
		}
		ask(t, string(text), "") // fails if the process does not end normally
	}
	ask(t, head+strings.Repeat("{", 1<<16), "")
	ask(t, entry("mov.b64 %v, "+strings.Repeat("{", 1<<16)), "")
	ask(t, "", "")
}
