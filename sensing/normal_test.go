package sensing

import (
	"math"
	"math/rand/v2"
	"testing"
)

// words returns pairs of words: all pairs of the extremes of the radius's and the angle's fields, then n
// random pairs.
func words(n int) [][2]uint64 {
	// The radius's word: the smallest and the largest u, u just below and above ½, 1 − 2⁻⁸, u around √½,
	// where the logarithm's argument is split, and u = 2⁻²⁶.
	radius := []uint64{
		0, 1 << 12, math.MaxUint64, math.MaxUint64 - 1<<12, 1 << 63, 1<<63 - 1, 0xFF << 56, 1 << 38,
	}
	const rootHalf = 0xB504F333F9DE6484 // ⌊2⁶⁴·√½⌋
	for k := uint64(0); k < 8; k++ {
		radius = append(radius, rootHalf+k<<12-4<<12, rootHalf>>1+k<<12-4<<12)
	}
	// The angle's word in each quadrant: both ends, both sides of the middle and of the quarter points.
	var angle []uint64
	for q := uint64(0); q < 4; q++ {
		for _, t := range []uint64{0, 1 << 10, 1<<61 - 1, 1 << 61, 1<<62 - 1, 1 << 60, 3 << 60} {
			angle = append(angle, q<<62|t)
		}
	}
	var out [][2]uint64
	for _, a := range radius {
		for _, b := range angle {
			out = append(out, [2]uint64{a, b})
		}
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range n {
		// A random shift makes small u as likely as large ones; uniform words would make them too rare.
		out = append(out, [2]uint64{rng.Uint64() >> rng.IntN(52), rng.Uint64()})
		out = append(out, [2]uint64{rng.Uint64(), rng.Uint64()})
	}
	return out
}

func TestNormalPairMatchesExactArithmetic(t *testing.T) {
	failed := 0
	for _, w := range words(1000) {
		x, y := normalPair(w[0], w[1])
		wantX, wantY := refNormalPair(w[0], w[1])
		if x != wantX || y != wantY {
			t.Errorf("normalPair(%#x, %#x) = %x, %x; want %x, %x", w[0], w[1], x, y, wantX, wantY)
			if failed++; failed == 10 {
				t.FailNow()
			}
		}
	}
}

// The series alone, at random arguments and at arguments for which the result changes if one operation is
// fused or split. A search found one or two of these for each operation. For the highest terms it found none
// in 3·10⁸ arguments.
func TestSeriesMatchExactArithmetic(t *testing.T) {
	logs := []float64{
		0x1.6b25d98a1fb2dp-01,                        // 1/9
		0x1.72c0445b1ac71p-01, 0x1.6d60249dfb33dp-01, // 1/7
		0x1.6e06dcc2a1569p-01,                        // 1/5
		0x1.6ce103f418477p-01, 0x1.6b6a356cd9bcbp-01, // 1/5 and 1/3
		0x1.6b811557a98d5p-01, 0x1.71893d5ff3419p-01, // p·s₂ + s₂
		0x1.9240a1988p-20, 0x1.a7d0f38p-28, // e·ln 2 + …
		0x1.6eeeb4753fdf1p-01, 0x1.700b72559625bp-01, // p·z, which is rounded
	}
	angles := []float64{
		0x1.e42d555a452c6p-02, 0x1.db45fee82a59ap-02, // sine: −1/7!
		0x1.d1127540ed1eep-02, 0x1.c6513632390eap-02, // 1/5!
		0x1.eea155be7e456p-02, 0x1.cf56c67b3d38ep-02, // −1/3!
		0x1.d8e2299bfc412p-02, 0x1.f568eb20203eap-02, // the last
		0x1.e80b96d0263dap-02, 0x1.cd2ec62d6856ep-02, // cosine: 1/8!
		0x1.e91081eb1848ap-02, 0x1.d469feb060bd6p-02, // −1/6!
		0x1.d9c1c53400192p-02, 0x1.f14444a94cfb6p-02, // 1/4!
		0x1.f89ced483be56p-02, 0x1.e85bcfa1b88cep-02, // −1/2!
		0x1.d6ae7efda682ap-02, 0x1.e2c9d0b2271cap-02, // the last
	}
	for _, w := range words(1000) {
		logs = append(logs, unit(w[0]))
		angles = append(angles, eighth(w[1]))
	}
	for _, u := range logs {
		if got, want := logUnit(u), refLog(u); got != want {
			t.Errorf("logUnit(%x) = %x, want %x", u, got, want)
		}
	}
	for _, x := range angles {
		sin, cos := sincosEighth(x)
		if wantSin, wantCos := refSincos(x); sin != wantSin || cos != wantCos {
			t.Errorf("sincosEighth(%x) = %x, %x; want %x, %x", x, sin, cos, wantSin, wantCos)
		}
	}
}

// The expected bits come from a Python script that carries out the documented operations in
// fractions.Fraction and rounds each once to 53 bits. They are part of the meaning of every stored seed. The
// words cover the ends of both fields, all quadrants, digits of π and u next to √½.
func TestNormalPairGolden(t *testing.T) {
	tests := []struct{ a, b, x, y uint64 }{
		{0x0000000000000000, 0x0000000000000000, 0x40183E8E2149F68A, 0xC0183E8E2149F687}, // 6.061, −6.061
		{0xFFFFFFFFFFFFFFFF, 0xFFFFFFFFFFFFFFFF, 0x3E46A09E667F3BCB, 0xBE46A09E667F3BCE}, // 1.054e-08, −1.054e-08
		{0x0000000000000000, 0x2000000000000000, 0x402124B2800EDA48, 0x3CDAEDBFE2394204}, // 8.572, 1.495e-15
		{0xFFFFFFFFFFFFFFFF, 0x6000000000000000, 0xBB0921FB54442D18, 0x3E50000000000000}, // −2.6e-24, 1.49e-08
		{0x243F6A8885A308D3, 0x13198A2E03707344, 0x3FFE1055A63A0051, 0xBFE3B347EF39482D}, // 1.879, −0.6156
		{0xA4093822299F31D0, 0x5B1F2C3D4E5F6071, 0x3FBCD990A273F818, 0x3FEDF9C73D674D6B}, // 0.1127, 0.9367
		{0x082EFA98EC4E6C89, 0x9B05688C2B3E6C1F, 0xC004D629B5FD485E, 0x3FD478C9A8A8ECBC}, // −2.605, 0.3199
		{0x452821E638D01377, 0xBE5466CF34E90C6C, 0xBFF30A0D855D0678, 0xBFF189F4A01FED02}, // −1.19, −1.096
		{0xB504F333F9DE6484, 0xFEDCBA9876543210, 0x3FE24E225FDBD28B, 0xBFE35B72B3BDB372}, // 0.572, −0.6049
	}
	for _, tt := range tests {
		x, y := normalPair(tt.a, tt.b)
		if math.Float64bits(x) != tt.x || math.Float64bits(y) != tt.y {
			t.Errorf("normalPair(%#016x, %#016x) = %#016x, %#016x; want %#016x, %#016x",
				tt.a, tt.b, math.Float64bits(x), math.Float64bits(y), tt.x, tt.y)
		}
	}
}

// unit returns the exact u that normalPair makes of a word.
func unit(a uint64) float64 { return (float64(a>>12) + 0.5) * 0x1p-52 }

// eighth returns the exact t that normalPair makes of a word.
func eighth(b uint64) float64 { return (float64(b<<2>>12)+0.5)*0x1p-52 - 0.5 }

// In units of 2⁻⁵³ relative: logUnit's own error is at most 4.7, reached at |ln u| = 0.35 (s = (f−1)/(f+1)
// carries two roundings, the series' two last operations one each, ln 2 a quarter, and |e·ln 2| is up to
// twice the sum). The error of math.Log is below 1 ulp, at most 2.
func TestLogUnit(t *testing.T) {
	const bound = 6.7 * 0x1p-53
	for _, w := range words(50_000) {
		u := unit(w[0])
		got, want := logUnit(u), math.Log(u)
		if !(math.Abs(got-want) <= bound*math.Abs(want)) {
			t.Fatalf("logUnit(%x) = %x, math.Log gives %x: relative difference %.2g",
				u, got, want, (got-want)/want)
		}
		if !(got < 0) {
			t.Fatalf("logUnit(%x) = %v is not negative", u, got)
		}
	}
}

// In units of 2⁻⁵³ (relative for the sine, absolute for the cosine, which is at least 0.7): sincosEighth's
// own error at the same rounded argument is at most 1.5: 1 from the last operation and 0.5 from the series'
// terms after the first, which are below 0.11 of the sine and 0.3. The library's error is below 1 ulp, at
// most 2.
func TestSincosEighth(t *testing.T) {
	const bound = 3.5 * 0x1p-53
	args := []float64{-0.5 + 0x1p-53, 0.5 - 0x1p-53, 0x1p-53, -0x1p-53, 0.25, -0.25}
	for _, w := range words(50_000) {
		args = append(args, eighth(w[1]))
	}
	for _, x := range args {
		sin, cos := sincosEighth(x)
		wantSin, wantCos := math.Sincos(x * (math.Pi / 2))
		if !(math.Abs(sin-wantSin) <= bound*math.Abs(wantSin)) || !(math.Abs(cos-wantCos) <= bound) {
			t.Fatalf("sincosEighth(%x) = %x, %x; math.Sincos gives %x, %x", x, sin, cos, wantSin, wantCos)
		}
	}
}

func TestNormalPairQuadrants(t *testing.T) {
	for i, w := range words(1000) {
		a, b := w[0], w[1]&(1<<62-1)
		x, y := normalPair(a, b)
		if !(x > 0) || !(math.Abs(y) <= x*(1+0x1p-50)) {
			// cos θ ≥ |sin θ| for |θ| ≤ π/4, up to their rounding at the ends.
			t.Fatalf("words %d: quadrant 0 has (%v, %v), which is not within π/4 of the x axis", i, x, y)
		}
		turned := [4][2]float64{{x, y}, {-y, x}, {-x, -y}, {y, -x}}
		for q, want := range turned {
			gotX, gotY := normalPair(a, b|uint64(q)<<62)
			if gotX != want[0] || gotY != want[1] {
				t.Fatalf("words %d: a turn by %d quarters gives (%v, %v), want %v", i, q, gotX, gotY, want)
			}
		}
	}
}

func TestNormalPairRange(t *testing.T) {
	// ρ is largest for u = 2⁻⁵³: √(106 ln 2); two roundings and the logarithm's error are below 4 ulp.
	limit := math.Sqrt(106*math.Ln2) * (1 + 0x1p-50)
	var largest float64
	for _, w := range words(1000) {
		x, y := normalPair(w[0], w[1])
		for _, v := range []float64{x, y} {
			if math.IsNaN(v) || math.Abs(v) > limit {
				t.Fatalf("normalPair(%#x, %#x) has %v, past %v", w[0], w[1], v, limit)
			}
			largest = max(largest, math.Abs(v))
		}
	}
	// words includes the smallest u with the middle of the angle's range, for which the cosine is 1.
	if largest < 8.57 {
		t.Errorf("the largest deviate seen is %v: the smallest u does not reach √(106 ln 2) = 8.5717",
			largest)
	}
	if x, y := normalPair(math.MaxUint64, 0); x == 0 || y == 0 {
		t.Errorf("the largest u gives (%v, %v): u must stay below 1", x, y)
	}
}
