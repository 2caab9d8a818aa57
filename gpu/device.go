package gpu

import (
	"encoding/binary"
	"errors"
	"math"
	"time"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/solver"
)

// device is an open device. The engine and its operator share it.
type device struct {
	driver.Device
	graphs  *graphs                  // the same device, if it replays what steps repeat; otherwise nil
	others  []*device                // that share its rows, if it is the first of several
	kernels map[string]driver.Kernel // by name: of the engine and of the operator
	notice  func(text string)        // nil for none
	lists   *lists                   // that kernels read

	interrupted func() error // as in [solver.Batch]
	passing     bool         // within a pass
	ahead, most int          // launches of passes since the last wait, and how many may be before the next
	waited      time.Time    // when the last wait ended
}

// launch runs a kernel by its name.
func (d *device) launch(name string, grid, block driver.Dim, args ...driver.Arg) error {
	return d.run(driver.Launch{Kernel: d.kernels[name], Grid: grid, Block: block, Args: args})
}

// run runs a kernel. In a pass it first asks whether the pass is to end.
func (d *device) run(l driver.Launch) error {
	if d.passing && d.interrupted != nil {
		if err := d.interrupted(); err != nil {
			return err
		}
		l.Interrupted = d.interrupted
		if err := d.keepUp(); err != nil {
			return err
		}
	}
	return d.Launch(l)
}

// pass does what may be interrupted between two launches: a pass over the measurements, or products of
// matrices. Launches outside of a pass, such as those on slots, are done in any case.
func (d *device) pass(do func() error) error {
	d.passing = true
	defer func() { d.passing = false }()
	return do()
}

// keepUp waits for the device now and then. Otherwise minutes of launches may be in its queue when a pass is
// interrupted, and all of them would be done first. The number of launches between two waits grows until they
// take some tenths of a second, so that a wait costs nothing beside them.
func (d *device) keepUp() error {
	const short, long = 250 * time.Millisecond, time.Second
	if d.ahead++; d.ahead < d.most {
		return nil
	}
	if err := d.Wait(); err != nil {
		return err
	}
	now := time.Now()
	switch took := now.Sub(d.waited); {
	case d.waited.IsZero() || took > long:
		d.most = max(d.most/2, 1)
	case took < short:
		d.most = 2 * max(d.most, 1)
	}
	d.ahead, d.waited = 0, now
	return nil
}

// tell passes a notice to the user of the engine.
func (d *device) tell(text string) {
	if d.notice != nil {
		d.notice(text)
	}
}

// borrow allocates device memory for a matrix and copies the matrix there.
func (d *device) borrow(a *mat.Dense) (driver.Pointer, error) {
	data := bytesOf(a)
	p, err := d.Alloc(int64(len(data)))
	if err != nil {
		return 0, err
	}
	if err := d.Upload(p, data); err != nil {
		return 0, errors.Join(err, d.Free(p))
	}
	return p, nil
}

// giveBack frees the memory that borrow allocated, and joins a failure to err.
func (d *device) giveBack(p driver.Pointer, err *error) { *err = errors.Join(*err, d.Free(p)) }

// download copies matrices, which lie one after another, from the device.
func (d *device) download(from driver.Pointer, dst ...*mat.Dense) error {
	all := make([]float64, solver.Numbers(solver.Factor(dst).Shapes()))
	if err := d.downloadNumbers(all, from); err != nil {
		return err
	}
	for _, a := range dst {
		rows, cols := a.Dims()
		for i := range rows {
			a.SetRow(i, all[:cols])
			all = all[cols:]
		}
	}
	return nil
}

// downloadNumbers copies numbers from the device.
func (d *device) downloadNumbers(dst []float64, from driver.Pointer) error {
	data := make([]byte, 8*len(dst))
	if err := d.Download(data, from); err != nil {
		return err
	}
	for i := range dst {
		dst[i] = math.Float64frombits(binary.LittleEndian.Uint64(data[8*i:]))
	}
	return nil
}

// bytesOf returns matrices in the device's layout: f64, row-major, without gaps, one after another.
func bytesOf(matrices ...*mat.Dense) []byte {
	out := make([]byte, 0, 8*solver.Numbers(solver.Factor(matrices).Shapes()))
	for _, a := range matrices {
		rows, _ := a.Dims()
		for i := range rows {
			for _, v := range a.RawRowView(i) {
				out = binary.LittleEndian.AppendUint64(out, math.Float64bits(v))
			}
		}
	}
	return out
}

// bytesOfWords returns numbers as u32.
func bytesOfWords[T int | uint32](v []T) []byte {
	out := make([]byte, 0, 4*len(v))
	for _, w := range v {
		out = binary.LittleEndian.AppendUint32(out, uint32(w))
	}
	return out
}

func bytesOfNumbers(v []float64) []byte { return bytesOf(mat.NewDense(1, len(v), v)) }
