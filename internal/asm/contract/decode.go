package main

import (
	"github.com/mmcloughlin/avo/attr"
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// decode writes a decoder of package cpu: the loop that decodes entries to memory, for loops that read them
// more than once.
func decode(v variant, f format) {
	b := v.function("decode"+f.name(), attr.NOSPLIT,
		"func(numbers *%[1]s, apart int, rows *[8][]byte, from, to int)",
		"numbers[apart·j + k − from] = rows[j][k] for from ≤ k < to.")
	to, next := GP64(), GP64()
	Load(Param("apart"), next)
	if v.arithmetic == double {
		SHLQ(Imm(3), next)
	} else {
		SHLQ(Imm(2), next)
	}
	decode := f.decoder(v)
	// to is where the number of coordinate 0 would lie
	Load(Param("numbers"), to)
	Load(Param("from"), b.index)
	NEGQ(b.index)
	LEAQ(b.at(to, 0), to)
	for j := range blockRows {
		b.point(j, 1)
		b.loop(f.units(v)*v.numbers(), func() {
			decode(b, b.rows[0], func(u int, x VecVirtual) { VMOVUPD(x, b.at(to, u)) })
		})
		ADDQ(next, to)
	}
	VZEROUPPER()
	RET()
}
