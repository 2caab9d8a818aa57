package gpu

import (
	"context"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/sensing"
)

// rowStore are rows of numbers on the device, one for each measurement, one after another. A row's number is
// that among all rows, also if a device has only some of them. Either all rows
// are in memory, or a tile of them, which the device makes anew when another tile is needed.
type rowStore struct {
	m        int             // rows
	begin    int             // number of the first one among all rows, those of other cards too
	stride   int64           // bytes from a row to the next
	inMemory bool            // all rows are in memory; otherwise they are made tile by tile
	stream   *sensing.Stream // stream of rows that the device can make; nil if the host must copy them
	tileRows int             // rows of a tile

	rows driver.Pointer
	made tile // the tile of generated rows in memory; its count is 0 if there is none
}

// tile is a number of successive rows, and their address on the device.
type tile struct {
	first, count int
	rows         driver.Pointer
}

// rowsBuffer is the memory for the rows.
func (s *rowStore) rowsBuffer(name string) buffer {
	rows := int64(s.m)
	if !s.inMemory {
		rows = int64(s.tileRows)
	}
	return buffer{name, rows * s.stride, &s.rows}
}

// tile returns the tile of at most count rows from first on.
func (s *rowStore) tile(first, count int) tile {
	t := tile{first, min(count, s.begin+s.m-first), s.rows}
	if s.inMemory {
		t.rows += driver.Pointer(int64(first-s.begin) * s.stride)
	}
	return t
}

// inTiles calls do for each tile of count rows. It first generates tiles that are not in memory.
func (s *rowStore) inTiles(count int, generate, do func(t tile) error) error {
	for first := s.begin; first < s.begin+s.m; first += count {
		t := s.tile(first, count)
		if !s.inMemory && t != s.made {
			s.made = tile{}
			if err := generate(t); err != nil {
				return err
			}
			s.made = t
		}
		if err := do(t); err != nil {
			return err
		}
	}
	return nil
}

// fillRows makes or copies all rows, count at a time. It returns ctx's error early if ctx is done.
func (s *rowStore) fillRows(ctx context.Context, count int, bring func(t tile) error) error {
	for first := s.begin; first < s.begin+s.m; first += count {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := bring(s.tile(first, count)); err != nil {
			return err
		}
	}
	return nil
}

const (
	fillBytes = 16 << 20 // bytes of rows, about, that go to the device at a time
	fillCount = 1 << 12  // rows that the device makes at a time
)
