package main

import "github.com/matsense/matsense/internal/asm/arm64"

// decodeQ8 writes the function that decodes q8 entries to singles, which then go through the loops of f32.
//
// q8 entries are numbers of levels, which are bf16 numbers with level(255 − k) = −level(k). The 128 levels of
// the upper half are kept in two planes, one for each byte of their bits. An entry k and its mirror 255 − k
// share one place in a plane, from 0 for k = 128 to 127 for k = 255. If k is below 128, the sign is minus. A
// plane of 128 bytes is eight registers, and four can be searched at once: the search of the first four gives
// zero for the places of the others, and the search of the others keeps what it does not find.
func decodeQ8(p *arm64.Program) {
	f := p.New("decodeQ8NEON", "dst *float32, row *byte, n int",
		"does dst[k] ← the level of row[k] for k < n, a multiple of 64.")
	dst, row, left := f.Param("dst"), f.Param("row"), f.Param("n")
	const searched = 4 // registers
	var planes [2][2][]arm64.V
	from := f.X()
	f.Global("q8Planes", from)
	for p := range planes {
		for half := range planes[p] {
			planes[p][half] = f.Run(searched)
			f.Load(from, 16, planes[p][half]...)
		}
	}
	constant, top, beyond := f.X(), f.V(), f.V()
	f.Constant(0x80, constant)
	f.Fill(arm64.B16, constant, top)
	f.Constant(16*searched, constant)
	f.Fill(arm64.B16, constant, beyond)

	const entries = 64 // of an iteration
	f.Loop(left, entries, func() {
		all := f.Vs(entries / 16)
		f.Load(row, 16, all...)
		for _, k := range all {
			minus, other := f.V(), f.V()
			f.Xor(k, top, k) // k − 128, as a number with a sign
			f.Negative(arm64.B16, k, minus)
			f.Xor(k, minus, k) // the place
			f.Subtract(arm64.B16, k, beyond, other)
			var bytes [2]arm64.V // of the levels
			for p := range bytes {
				bytes[p] = f.V()
				f.LookUp(planes[p][0], k, bytes[p])
				f.LookUpMore(planes[p][1], other, bytes[p])
			}
			f.Insert(arm64.B16, minus, 7, bytes[1])
			low, high := f.V(), f.V()
			f.Zip(arm64.B16, bytes[0], bytes[1], low)
			f.ZipHigh(arm64.B16, bytes[0], bytes[1], high)
			f.FreeV(k, minus, other, bytes[0], bytes[1])
			x := widen(f, []arm64.V{low, high}, true, f.SpreadLow, f.SpreadHigh)
			f.Store(dst, x...)
			f.FreeV(x...)
		}
	})
	f.Return()
}
