package sensing

import (
	"fmt"
	"math"
	"testing"
)

// TestPhiloxKnownAnswers: the answers are those of the Random123 distribution (kat_vectors, philox4x32 10).
func TestPhiloxKnownAnswers(t *testing.T) {
	tests := []struct {
		ctr  [4]uint32
		key  [2]uint32
		want [4]uint32
	}{
		{
			[4]uint32{0, 0, 0, 0}, [2]uint32{0, 0},
			[4]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
		},
		{
			[4]uint32{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, [2]uint32{0xffffffff, 0xffffffff},
			[4]uint32{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
		},
		{
			[4]uint32{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, [2]uint32{0xa4093822, 0x299f31d0},
			[4]uint32{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1},
		},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%08x", tt.ctr), func(t *testing.T) {
			if got := philox(tt.ctr, tt.key); got != tt.want {
				t.Errorf("philox(%08x, %08x) = %08x, want %08x", tt.ctr, tt.key, got, tt.want)
			}
		})
	}
}

// The counter and key of the third known answer, written as a seed, a stream, a row and a block, fix the
// layout.
func TestStreamLayout(t *testing.T) {
	t.Run("known answer", func(t *testing.T) {
		s := NewStream(0x299f31d0_a4093822, 0x03707344)
		got := s.Block(0x13198a2e_85a308d3, 0x243f6a88)
		if want := [4]uint32{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}; got != want {
			t.Errorf("block = %08x, want %08x", got, want)
		}
	})
	t.Run("stream numbers", func(t *testing.T) {
		// Stored seeds mean these numbers, so they must never change.
		for want, got := range []uint32{EntriesStream, TruthStream, NoiseStream, StartStream} {
			if got != uint32(want) {
				t.Errorf("stream %d has the number %d", want, got)
			}
		}
	})
	t.Run("normals", func(t *testing.T) {
		// Deviates 2b and 2b+1 of a row come from block b: words 0 and 1, then 2 and 3, in little-endian
		// order.
		s := NewStream(7, NoiseStream)
		const row = 1<<40 + 3
		for _, n := range []int{0, 1, 2, 3, 8, 31, 32, 33} {
			got := make([]float64, n)
			s.Normals(row, got)
			for j, v := range got {
				x := s.Block(row, uint32(j/2))
				pair := [2]float64{}
				pair[0], pair[1] = normalPair(uint64(x[1])<<32+uint64(x[0]), uint64(x[3])<<32+uint64(x[2]))
				if want := pair[j%2]; v != want {
					t.Errorf("n = %d: deviate %d = %v, want %v", n, j, v, want)
				}
			}
		}
	})
	t.Run("every field of the counter and key counts", func(t *testing.T) {
		// The counters and keys are distinct, so the chance that two of these 128-bit blocks agree is below
		// 2⁻¹²⁰.
		seen := map[[4]uint32]string{}
		for _, seed := range []uint64{0, 1, 1 << 32, math.MaxUint64} {
			for _, stream := range []uint32{0, 1, 1 << 31} {
				for _, row := range []uint64{0, 1, 1 << 31, 1 << 32, math.MaxUint64} {
					for _, block := range []uint32{0, 1, math.MaxUint32} {
						name := fmt.Sprintf("seed %d stream %d row %d block %d", seed, stream, row, block)
						x := NewStream(seed, stream).Block(row, block)
						if other, twice := seen[x]; twice {
							t.Errorf("%s and %s are the same block", name, other)
						}
						seen[x] = name
					}
				}
			}
		}
	})
}
