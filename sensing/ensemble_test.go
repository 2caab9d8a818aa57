package sensing

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/matsense/matsense/internal/numtest"
)

// formats are the entry formats of the random ensembles; Signs are those of rademacher.
var formats = []Entries{F64, F32, BF16, Q8, Signs}

// lengths of rows: around the sizes of a packed word, of a block of bytes and of a block of signs, and
// primes.
var lengths = []int{1, 2, 3, 15, 16, 17, 31, 32, 33, 61, 127, 128, 129, 255, 257, 1009}

// draw returns the random ensemble with the given entries.
func draw(t *testing.T, s Space, m int, entries Entries, seed uint64) Rows {
	t.Helper()
	var e Ensemble
	var err error
	if entries == Signs {
		e, err = NewRademacher(s, m, seed)
	} else {
		e, err = NewGaussian(s, m, entries, seed)
	}
	if err != nil {
		t.Fatal(err)
	}
	return e.(Rows)
}

// rawRow returns row i of a source, and fails if Row writes past the row's end.
func rawRow[E Entry](t *testing.T, s RowSource[E], i int) []E {
	t.Helper()
	n := RowLen[E](s.Space().K())
	const guards = 8
	buf := make([]E, n+guards)
	for j := range buf {
		buf[j]-- // a guard of zeros would hide a write of zeros
	}
	guard := buf[n]
	s.Row(i, buf[:n])
	for j, v := range buf[n:] {
		if v != guard {
			t.Fatalf("row %d of %d entries writes to position %d past its end", i, n, j)
		}
	}
	return buf[:n:n]
}

// rowValues returns the K values of row i, whatever the format.
func rowValues(t *testing.T, e Ensemble, i int) []float64 {
	t.Helper()
	out := make([]float64, e.Space().K())
	switch e := e.(type) {
	case RowSource[float64]:
		copy(out, rawRow(t, e, i))
	case RowSource[float32]:
		for j, v := range rawRow(t, e, i) {
			out[j] = float64(v)
		}
	case RowSource[BF16Entry]:
		for j, v := range rawRow(t, e, i) {
			out[j] = v.Float64()
		}
	case RowSource[Q8Entry]:
		for j, v := range rawRow(t, e, i) {
			out[j] = v.Float64()
		}
	case RowSource[SignWord]:
		words := rawRow(t, e, i)
		for j := range out {
			out[j] = 1
			if words[j/32]>>(j%32)&1 == 1 {
				out[j] = -1
			}
		}
	default:
		t.Fatalf("%s is no source of rows", e.Name())
	}
	return out
}

func TestEnsembleDescription(t *testing.T) {
	bits := map[Entries]int{F64: 64, F32: 32, BF16: 16, Q8: 8, Signs: 1}
	for _, entries := range formats {
		t.Run(string(entries), func(t *testing.T) {
			e := draw(t, Rect{3, 5}, 7, entries, 1)
			wantName := "gaussian"
			if entries == Signs {
				wantName = "rademacher"
			}
			if e.Name() != wantName {
				t.Errorf("the name is %q, want %q", e.Name(), wantName)
			}
			if e.Entries() != entries {
				t.Errorf("the entries are %q, want %q", e.Entries(), entries)
			}
			if e.Measurements() != 7 || e.Space() != (Rect{3, 5}) {
				t.Errorf("%d measurements in %v, want 7 in Rect{3, 5}", e.Measurements(), e.Space())
			}
			if got := entries.EntryBits(); got != bits[entries] {
				t.Errorf("an entry takes %d bits, want %d", got, bits[entries])
			}
		})
	}
	t.Run("unknown format", func(t *testing.T) {
		defer func() {
			if r := fmt.Sprint(recover()); !strings.Contains(r, "f16") {
				t.Errorf("EntryBits of f16 panics with %q, which does not name it", r)
			}
		}()
		Entries("f16").EntryBits()
	})
}

func TestRowLen(t *testing.T) {
	for k, words := range map[int]int{1: 1, 31: 1, 32: 1, 33: 2, 64: 2, 65: 3, 127: 4, 128: 4, 129: 5} {
		if got := RowLen[SignWord](k); got != words {
			t.Errorf("%d signs take %d words, want %d", k, got, words)
		}
		for name, got := range map[string]int{
			"f64": RowLen[float64](k), "f32": RowLen[float32](k), "bf16": RowLen[BF16Entry](k),
			"q8": RowLen[Q8Entry](k),
		} {
			if got != k {
				t.Errorf("a row of %d %s entries takes %d, want %d", k, name, got, k)
			}
		}
	}
}

func TestEnsembleRefusals(t *testing.T) {
	tests := []struct {
		name  string
		space Space
		m     int
		want  []string
	}{
		{"no measurements", Sym{4}, 0, []string{"measurements", "0"}},
		{"negative measurements", Sym{4}, -3, []string{"measurements", "-3"}},
		{"empty matrix", Sym{0}, 1, []string{"0 × 0"}},
		{"negative side", Rect{5, -2}, 1, []string{"5 × -2"}},
		{"too wide", Rect{2, 65537}, 1, []string{"2 × 65537", "65536"}},
		{"too tall", Rect{65537, 2}, 1, []string{"65537 × 2", "65536"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, entries := range []Entries{F64, F32, BF16, Q8} {
				_, err := NewGaussian(tt.space, tt.m, entries, 1)
				checkError(t, err, tt.want...)
			}
			_, err := NewRademacher(tt.space, tt.m, 1)
			checkError(t, err, tt.want...)
		})
	}
	t.Run("gaussian format", func(t *testing.T) {
		for _, entries := range []Entries{"", "f16", Signs} {
			_, err := NewGaussian(Sym{4}, 1, entries, 1)
			checkError(t, err, "gaussian", fmt.Sprintf("%q", entries))
		}
	})
	t.Run("the largest side is allowed", func(t *testing.T) {
		// Nothing is stored, so that a huge ensemble can be described without memory for its rows.
		draw(t, Rect{65536, 65536}, 1, Q8, 1)
	})
}

// checkError fails unless err is an error of this package that contains every word.
func checkError(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error; want one that says %q", words)
		return
	}
	for _, w := range append(words, "sensing: ") {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("the error %q does not say %q", err, w)
		}
	}
}

// A row depends on the seed and its number alone: not on the caller, the time, the number of rows or their
// length.
func TestRowsFromAnywhere(t *testing.T) {
	const m, workers = 40, 8
	for _, entries := range formats {
		t.Run(string(entries), func(t *testing.T) {
			space := Rect{1, 129}
			e := draw(t, space, m, entries, 5)
			want := make([][]float64, m)
			for i := range want {
				want[i] = rowValues(t, e, i)
			}
			got := make([][][]float64, workers)
			var wg sync.WaitGroup
			for w := range workers {
				got[w] = make([][]float64, m)
				wg.Go(func() {
					for _, i := range rand.New(rand.NewPCG(uint64(w), 0)).Perm(m) {
						got[w][i] = rowValues(t, e, i)
					}
				})
			}
			wg.Wait()
			for w := range got {
				for i := range want {
					if !numtest.SameBits(got[w][i], want[i]) {
						t.Fatalf("goroutine %d makes another row %d", w, i)
					}
				}
			}
			again := draw(t, space, m+1, entries, 5)
			for i := range want {
				if !numtest.SameBits(rowValues(t, again, i), want[i]) {
					t.Fatalf("the same seed with one more measurement makes another row %d", i)
				}
			}
			for _, k := range lengths {
				if k > space.K() {
					continue
				}
				if !numtest.SameBits(rowValues(t, draw(t, Rect{k, 1}, m, entries, 5), 3), want[3][:k]) {
					t.Errorf("a row of %d entries is not the beginning of a longer one", k)
				}
			}
		})
	}
}

// Different rows and seeds have different entries. Two rows of 129 signs agree with probability 2⁻¹²⁹.
func TestRowsDiffer(t *testing.T) {
	const m = 20
	for _, entries := range formats {
		t.Run(string(entries), func(t *testing.T) {
			seen := map[string]string{}
			for _, seed := range []uint64{0, 1, 2, 1 << 32, 1 << 63, math.MaxUint64} {
				e := draw(t, Rect{1, 129}, m, entries, seed)
				for i := range m {
					row, name := fmt.Sprint(rowValues(t, e, i)), fmt.Sprintf("seed %d row %d", seed, i)
					if other, twice := seen[row]; twice {
						t.Errorf("%s and %s are equal", name, other)
					}
					seen[row] = name
				}
			}
		})
	}
	t.Run("streams", func(t *testing.T) {
		seen := map[[2]float64]uint32{}
		for _, stream := range []uint32{EntriesStream, TruthStream, NoiseStream, StartStream} {
			var x [2]float64
			NewStream(9, stream).Normals(0, x[:])
			if other, twice := seen[x]; twice {
				t.Errorf("streams %d and %d of one seed are equal", stream, other)
			}
			seen[x] = stream
		}
	})
}
