package main

import "github.com/matsense/matsense/internal/asm/arm64"

// fold writes the function that sums the lanes of the dot products of eight rows: the upper half of the lanes
// is added to the lower half, again and again until one is left. Two rows end in one register.
func fold(p *arm64.Program, a arithmetic) {
	f := p.New("fold"+a.name+"NEON", "p *[8]float64, lanes *"+a.text,
		"does p[j] += the sum of the lanes of each row j, halves onto halves.")
	to, lanes := f.Param("p"), f.Param("lanes")
	for range blockRows / 2 {
		var sums [2]arm64.V
		for i := range sums {
			x := f.Vs(laneUnits)
			f.Load(lanes, 16, x...)
			f.AddNumbers(a.numbers, x[0], x[2], x[0])
			f.AddNumbers(a.numbers, x[1], x[3], x[1])
			f.AddNumbers(a.numbers, x[0], x[1], x[0])
			sums[i] = x[0]
			f.FreeV(x[1:]...)
		}
		if a == single {
			low, high := f.V(), f.V()
			f.Zip(arm64.D2, sums[0], sums[1], low)
			f.ZipHigh(arm64.D2, sums[0], sums[1], high)
			f.AddNumbers(a.numbers, low, high, low)
			f.AddPairs(a.numbers, low, low, low)
			f.WidenLow(low, sums[0])
			f.FreeV(low, high)
		} else {
			f.AddPairs(a.numbers, sums[0], sums[1], sums[0])
		}
		f.LoadAt(to, 0, sums[1])
		f.AddNumbers(arm64.D2, sums[1], sums[0], sums[1])
		f.Store(to, sums[1])
		f.FreeV(sums[:]...)
	}
	f.Return()
}

// plus writes the function that adds a chunk's accumulation to that of all.
func plus(p *arm64.Program, a arithmetic) {
	f := p.New("plus"+a.name+"NEON", "dst *float64, src *"+a.text+", count int",
		"does dst[k] += src[k] for k < count, a multiple of 16.")
	dst, src, left := f.Param("dst"), f.Param("src"), f.Param("count")
	const step = 8
	f.Loop(left, step, func() {
		x := f.Vs(step * a.size / 16)
		f.Load(src, 16, x...)
		if a == single {
			x = widen(f, x, true, f.WidenLow, f.WidenHigh)
		}
		sums := f.Vs(step / 2)
		f.LoadAt(dst, 0, sums...)
		for i := range sums {
			f.AddNumbers(arm64.D2, sums[i], x[i], sums[i])
		}
		f.Store(dst, sums...)
		f.FreeV(append(sums, x...)...)
	})
	f.Return()
}
