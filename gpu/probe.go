package gpu

import (
	"errors"

	"github.com/matsense/matsense/gpu/driver"
)

// Probe prepares the measurement of the rate of a copy from device to device, in bytes read and written per
// second, by the device's clock. Whatever reads rows from memory cannot be faster. Several devices read as
// many times as fast as the first as all rows are more than the largest share of one.
func (b Backend) Probe() (measure func() (float64, error), close func() error, err error) {
	d, err := b.Connect()
	if err != nil {
		return nil, nil, err
	}
	close = d.Close // frees all allocations too
	info, err := d.Info()
	if err != nil {
		return nil, nil, errors.Join(err, close())
	}
	size := min(int64(1<<30), info.Free/16)
	if b.Label == "emulator" {
		size = 1 << 20
	}
	var at [2]driver.Pointer
	for i := range at {
		if at[i], err = d.Alloc(size); err != nil {
			return nil, nil, errors.Join(err, close())
		}
		if err := d.Fill(at[i], byte(i+1), size); err != nil {
			return nil, nil, errors.Join(err, close())
		}
	}
	measure = func() (float64, error) {
		from, err := d.Mark()
		if err != nil {
			return 0, err
		}
		if err := d.Copy(at[1], at[0], size); err != nil {
			return 0, err
		}
		to, err := d.Mark()
		if err != nil {
			return 0, err
		}
		t, err := d.Elapsed(from, to)
		devices := 1 + len(b.Others)
		shares := chunkParts / float64(blocks(chunkParts, devices))
		return shares * 2 * float64(size) / t.Seconds(), err
	}
	return measure, close, nil
}
