package main

import (
	"github.com/mmcloughlin/avo/attr"
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// The functions of this file take factors of few columns, block by block: 32 rows, of which each column lies
// together. The lanes of a register are neighbouring rows j, and a word pairs row j with row j⊕x. So the
// upper bits of x say which register of the other factor has the pairs of a register, and the lower bits
// which of its lanes.

const (
	blockRows   = 32 // rows of a block
	columnBytes = 8 * blockRows
)

// set is an instruction set for the loops over columns.
type set struct {
	name     string
	bytes    int // of a register
	together int // registers of rows that take part in dot products of four chains at a time
	register func() VecVirtual
	lanes    Mem // the numbers of a register's lanes
	// index returns the lanes of the pairs, j⊕x for lane j, from the places of x and of lanes.
	index func(x Mem, lanes VecVirtual) VecVirtual
	// permute returns the lanes of a register in memory in the order of an index.
	permute func(from Mem, index VecVirtual) VecVirtual
}

func columnSets() []set {
	return []set{{
		name: "AVX512", bytes: 64, together: 4,
		register: func() VecVirtual { return ZMM() },
		lanes:    lanes("columnLanesAVX512", 8, func(j int) Constant { return U64(j) }),
		index: func(x Mem, lanes VecVirtual) VecVirtual {
			index := ZMM()
			VPBROADCASTQ(x, index)
			VPXORQ(lanes, index, index)
			return index
		},
		permute: func(from Mem, index VecVirtual) VecVirtual {
			to := ZMM()
			VPERMPD(from, index, to)
			return to
		},
	}, {
		// AVX2 permutes singles: the lane is two neighbours.
		name: "AVX2", bytes: 32, together: 2,
		register: func() VecVirtual { return YMM() },
		lanes:    lanes("columnLanesAVX2", 4, func(j int) Constant { return U32(j) }),
		index: func(x Mem, lanes VecVirtual) VecVirtual {
			index := YMM()
			VPBROADCASTD(x, index)
			VPSLLD(Imm(1), index, index)
			VPXOR(lanes, index, index)
			return index
		},
		permute: func(from Mem, index VecVirtual) VecVirtual {
			to := YMM()
			VPERMPS(from, index, to)
			return to
		},
	}}
}

// lanes writes the numbers from 0 to 7, each of so many bytes.
func lanes(name string, bytes int, number func(j int) Constant) Mem {
	m := GLOBL(name, attr.RODATA|attr.NOPTR)
	for j := range 8 {
		DATA(bytes*j, number(j))
	}
	return m
}

// load loads the numbers of the lanes.
func (s set) load() VecVirtual {
	r := s.register()
	VMOVUPD(s.lanes, r)
	return r
}

// registers is how many registers the rows of a block fill.
func (s set) registers() int { return columnBytes / s.bytes }

// pairs returns the distance in bytes of the register with the pairs of the first register of a block. The
// distance of register i is this, with exclusive or, i·bytes.
func (s set) pairs(x Mem) Register {
	at := GP64()
	MOVQ(x, at)
	ANDQ(I32(blockRows-s.bytes/8), at)
	SHLQ(Imm(3), at)
	return at
}

// columnDots writes the function for the dot products of the rows of a block with their pairs, for several
// words. It has one loop for fewer than four columns, of a single chain, and one for more.
func columnDots(s set) {
	TEXT("columnDots"+s.name, attr.NOSPLIT, "func(dst *[32]float64, apart int, l, r []float64, xs []int)")
	Doc("columnDots"+s.name+" does dst[g·apart + j] = Σ_k l[32k + j]·r[32k + (j⊕xs[g])] for every g",
		"and j < 32, in the chains of chainsDot. It uses the last five bits of xs[g].")
	Pragma("noescape")
	dst, apart, l, r, size := GP64(), GP64(), GP64(), GP64(), GP64()
	xs, count := GP64(), GP64()
	Load(Param("dst"), dst)
	Load(Param("apart"), apart)
	SHLQ(Imm(3), apart)
	Load(Param("l").Base(), l)
	Load(Param("l").Len(), size)
	SHLQ(Imm(3), size)
	Load(Param("r").Base(), r)
	Load(Param("xs").Base(), xs)
	Load(Param("xs").Len(), count)
	lanes := s.load()

	// group writes the loop over words. It takes so many registers of rows at a time.
	group := func(name string, chains, together int) {
		Label(name)
		x := Mem{Base: xs}
		index, pairs := s.index(x, lanes), s.pairs(x)
		for first := 0; first < s.registers(); first += together {
			part := name + string(rune('A'+first))
			others := make([]Register, together)
			sums := make([][]VecVirtual, together)
			for i := range others {
				others[i] = GP64()
				MOVQ(pairs, others[i])
				if first+i > 0 {
					XORQ(I32((first+i)*s.bytes), others[i])
				}
				ADDQ(r, others[i])
				for range chains {
					sum := s.register()
					VXORPD(sum, sum, sum)
					sums[i] = append(sums[i], sum)
				}
			}
			at, left := GP64(), GP64()
			MOVQ(l, at)
			MOVQ(size, left)
			columns := func(count int) {
				for c := range count {
					for i, other := range others {
						product := s.permute(Mem{Base: other, Disp: c * columnBytes}, index)
						VMULPD(Mem{Base: at, Disp: c*columnBytes + (first+i)*s.bytes}, product, product)
						VADDPD(product, sums[i][c], sums[i][c])
					}
				}
				for _, p := range append(others, at) {
					ADDQ(I32(count*columnBytes), p)
				}
				SUBQ(I32(count*columnBytes), left)
			}
			if chains == 4 {
				Label(part + "Four")
				columns(4)
				CMPQ(left, I32(4*columnBytes))
				JGE(LabelRef(part + "Four"))
				TESTQ(left, left)
				JE(LabelRef(part + "Done"))
			}
			Label(part + "One")
			columns(1)
			JNE(LabelRef(part + "One"))
			Label(part + "Done")
			for i, sum := range sums {
				if chains == 4 {
					VADDPD(sum[1], sum[0], sum[0])
					VADDPD(sum[3], sum[2], sum[2])
					VADDPD(sum[2], sum[0], sum[0])
				}
				VMOVUPD(sum[0], Mem{Base: dst, Disp: (first + i) * s.bytes})
			}
		}
		ADDQ(apart, dst)
		ADDQ(Imm(8), xs)
		DECQ(count)
		JNE(LabelRef(name))
		VZEROUPPER()
		RET()
	}
	CMPQ(size, I32(4*columnBytes))
	JGE(LabelRef("wide"))
	group("narrow", 1, 4)
	group("wide", 4, s.together)
}

// columnAdds writes the function that adds multiples of the pairs of a block's rows, for several words in
// turn. The sums of a column stay in registers.
func columnAdds(s set) {
	TEXT("columnAdds"+s.name, attr.NOSPLIT,
		"func(sum []float64, c *[32]float64, apart int, x []float64, xs []int)")
	Doc("columnAdds"+s.name+" does sum[32k + j] ← sum[32k + j] + c[g·apart + j]·x[32k + (j⊕xs[g])]",
		"for j < 32 and every column k, for one g after another. It uses the last five bits of xs[g].")
	Pragma("noescape")
	sum, left, first, apart, x := GP64(), GP64(), GP64(), GP64(), GP64()
	Load(Param("sum").Base(), sum)
	Load(Param("sum").Len(), left)
	SHLQ(Imm(3), left)
	Load(Param("c"), first)
	Load(Param("apart"), apart)
	SHLQ(Imm(3), apart)
	Load(Param("x").Base(), x)
	lanes := s.load()
	Label("column")
	c, xs, count := GP64(), GP64(), GP64()
	MOVQ(first, c)
	Load(Param("xs").Base(), xs)
	Load(Param("xs").Len(), count)
	sums := make([]VecVirtual, s.registers())
	for i := range sums {
		sums[i] = s.register()
		VMOVUPD(Mem{Base: sum, Disp: i * s.bytes}, sums[i])
	}
	Label("group")
	index, pairs := s.index(Mem{Base: xs}, lanes), s.pairs(Mem{Base: xs})
	for i := range sums {
		if i > 0 {
			XORQ(I32((i^(i-1))*s.bytes), pairs) // from register i − 1 to register i
		}
		product := s.permute(Mem{Base: x, Index: pairs, Scale: 1}, index)
		VMULPD(Mem{Base: c, Disp: i * s.bytes}, product, product)
		VADDPD(product, sums[i], sums[i])
	}
	ADDQ(apart, c)
	ADDQ(Imm(8), xs)
	DECQ(count)
	JNE(LabelRef("group"))
	for i := range sums {
		VMOVUPD(sums[i], Mem{Base: sum, Disp: i * s.bytes})
	}
	ADDQ(I32(columnBytes), sum)
	ADDQ(I32(columnBytes), x)
	SUBQ(I32(columnBytes), left)
	JNE(LabelRef("column"))
	VZEROUPPER()
	RET()
}
