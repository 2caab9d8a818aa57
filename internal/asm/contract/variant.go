package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// isa is an instruction set, given by the size of its registers.
type isa struct {
	name  string
	bytes int
}

var (
	avx512 = isa{"AVX512", 64} // F, BW, DQ, VL and VBMI: Ice Lake, Zen 4 and newer
	avx2   = isa{"AVX2", 32}   // with FMA: Haswell, Zen and newer
)

// register returns a new vector register.
func (i isa) register() VecVirtual {
	if i.bytes == 64 {
		return ZMM()
	}
	return YMM()
}

// half returns a new vector register of half the size.
func (i isa) half() VecVirtual {
	if i.bytes == 64 {
		return YMM()
	}
	return XMM()
}

// arithmetic is the type in which sums are computed: the size of a number and its instructions.
type arithmetic struct {
	name, text string
	size       int

	fma, add, xor, and, broadcast, shiftLeft func(ops ...Op)

	fmaBroadcast func(ops ...Op)
}

var (
	double = &arithmetic{
		name: "Double", text: "float64", size: 8,
		fma: VFMADD231PD, add: VADDPD, xor: VXORPD, and: VANDPD, broadcast: VBROADCASTSD, shiftLeft: VPSLLVQ,
		fmaBroadcast: VFMADD231PD_BCST,
	}
	single = &arithmetic{
		name: "Single", text: "float32", size: 4,
		fma: VFMADD231PS, add: VADDPS, xor: VXORPS, and: VANDPS, broadcast: VBROADCASTSS, shiftLeft: VPSLLVD,
		fmaBroadcast: VFMADD231PS_BCST,
	}
)

// variant is an instruction set and an arithmetic.
type variant struct {
	isa
	*arithmetic
}

// String is the variant's part of a function's name.
func (v variant) String() string { return v.arithmetic.name + v.isa.name }

// numbers is how many numbers a register holds.
func (v variant) numbers() int { return v.bytes / v.size }

// perRow is how many registers hold the lanes of one row's dot product.
func (v variant) perRow() int { return laneBytes / v.bytes }

// constants are the read-only data written so far, by name.
var constants = map[string]Mem{}

// constant returns the address of 64 bytes of words of size bytes each, and writes them on first use.
func constant(name string, size int, word func(i int) uint64) Mem {
	data, written := constants[name]
	if !written {
		data = GLOBL(name, RODATA|NOPTR)
		var words [8]uint64
		for i := range 64 / size {
			words[i*size/8] |= word(i) << (8 * (i * size % 8))
		}
		for i, w := range words {
			DATA(8*i, U64(w))
		}
		constants[name] = data
	}
	return data
}

// load returns a register with the first bytes of a constant.
func (i isa) load(constant Mem) VecVirtual {
	r := i.register()
	VMOVUPD(constant, r)
	return r
}

// minusZero has only the sign bit of each number set.
func (v variant) minusZero() VecVirtual {
	return v.load(constant(fmt.Sprintf("minusZero%d", v.size), v.size, func(int) uint64 {
		return 1 << (8*v.size - 1)
	}))
}
