package gpu

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/kernels"
	"github.com/matsense/matsense/sensing"
)

// allocate takes all the memory that the engine will use.
func (e *engine) allocate() error {
	e.members = make([]member, len(e.shapes))
	if err := e.room(); err != nil {
		return err
	}
	list := e.buffers()
	for _, b := range list {
		p, err := e.device.Alloc(b.bytes)
		if errors.Is(err, driver.ErrMemory) {
			return fmt.Errorf("gpu: %.0f bytes are needed on the device, and there was no room for the %d bytes of %s: %w",
				e.total(), b.bytes, b.name, err)
		}
		if err != nil {
			return fmt.Errorf("gpu: allocate %s: %w", b.name, err)
		}
		*b.to(e) = p
		e.taken = append(e.taken, p)
	}
	for i := range e.members {
		e.members[i].shapes = e.shapes[i]
		if err := e.clear(i); err != nil {
			return err
		}
	}
	if err := e.device.Fill(e.zeros, 0, int64(e.m)*8); err != nil {
		return err
	}
	return e.device.Upload(e.levels, bytesOfNumbers(sensing.Q8Levels[:]))
}

// room compares what is needed with what is free, before anything is taken.
func (e *engine) room() error {
	info, err := e.device.Info()
	if err != nil {
		return err
	}
	need, free := e.total(), float64(info.Free)
	if need <= free {
		return nil
	}
	var instead []string
	if len(e.shapes) > 1 {
		instead = append(instead, "fewer members")
	}
	if e.inMemory && e.stream != nil {
		instead = append(instead, "generated rows")
	}
	if bits := e.entries.EntryBits(); e.stream != nil && bits > 8 {
		instead = append(instead, "bf16 or q8 entries")
	}
	advice := "lower n or m"
	if len(instead) > 0 {
		advice = strings.Join(instead, ", ") + " need less"
	}
	return fmt.Errorf("gpu: %.3g GB are needed and %.3g GB are free on %s; %s: %w", need/1e9, free/1e9, info.Name, advice, driver.ErrMemory)
}

// load makes every kernel that the engine will launch.
func (e *engine) load() error {
	entries, precision := string(e.entries), string(e.precision)
	names := []string{"combine", "sum_squares", "gram", "right_multiply"}
	for _, p := range []string{"f64", precision} {
		names = append(names, e.lifting+p, e.pulling+p, e.transposed+p, "residuals_"+p, "sum_chunks_"+p,
			"dots_"+entries+"_"+p, "accumulate_"+entries+"_"+p)
	}
	if e.stream != nil {
		names = append(names, "generate_"+entries)
	}
	if e.fits() {
		names = append(names, e.contract.Name)
	}
	e.kernels = map[string]driver.Kernel{}
	for _, name := range names {
		if e.kernels[name] != nil {
			continue
		}
		k, err := e.device.Load(name, kernels.Get(name).Text)
		if err != nil {
			return fmt.Errorf("gpu: load %s: %w", name, err)
		}
		e.kernels[name] = k
	}
	if k := e.kernels[e.contract.Name]; k != nil {
		resident, err := k.Resident(256, e.stages)
		if err != nil {
			return fmt.Errorf("gpu: %s: %w", e.contract.Name, err)
		}
		e.once = e.slabs*e.chunkCount <= resident
	}
	return nil
}

// fits says whether the device can run contract as one launch, as far as its description tells.
func (e *engine) fits() bool {
	have, need := e.info.Capability, e.contract.Capability
	newEnough := have[0] > need[0] || have[0] == need[0] && have[1] >= need[1]
	return newEnough && e.slabs*e.chunkCount <= e.blocks()
}

// fill makes or brings the rows that lie in memory.
func (e *engine) fill(ctx context.Context, ensemble sensing.Ensemble) error {
	if !e.inMemory {
		return nil
	}
	if e.stream == nil {
		return e.bring(ctx, ensemble)
	}
	const most = 1 << 12 // rows at a time: an interrupt is heard between
	for first := 0; first < e.m; first += most {
		if err := ctx.Err(); err != nil {
			return err
		}
		at := e.rows + driver.Pointer(int64(first)*e.stride)
		if err := e.generate(at, first, min(most, e.m-first)); err != nil {
			return err
		}
	}
	return nil
}

// bring copies the rows of an ensemble that the host makes or has.
func (e *engine) bring(ctx context.Context, ensemble sensing.Ensemble) error {
	switch s := ensemble.(type) {
	case sensing.RowSource[float64]:
		return bring(ctx, e, s, func(dst []byte, v float64) { binary.LittleEndian.PutUint64(dst, math.Float64bits(v)) })
	case sensing.RowSource[float32]:
		return bring(ctx, e, s, func(dst []byte, v float32) { binary.LittleEndian.PutUint32(dst, math.Float32bits(v)) })
	case sensing.RowSource[sensing.BF16Entry]:
		return bring(ctx, e, s, func(dst []byte, v sensing.BF16Entry) { binary.LittleEndian.PutUint16(dst, uint16(v)) })
	case sensing.RowSource[sensing.Q8Entry]:
		return bring(ctx, e, s, func(dst []byte, v sensing.Q8Entry) { dst[0] = byte(v) })
	case sensing.RowSource[sensing.SignWord]:
		return bring(ctx, e, s, func(dst []byte, v sensing.SignWord) { binary.LittleEndian.PutUint32(dst, uint32(v)) })
	}
	return fmt.Errorf("gpu: the %s ensemble is not a source of rows", ensemble.Name())
}

// bring copies rows in pieces of some megabytes. put writes one entry.
func bring[E sensing.Entry](ctx context.Context, e *engine, s sensing.RowSource[E], put func(dst []byte, v E)) error {
	row := make([]E, sensing.RowLen[E](e.k))
	size := binary.Size(row[0])
	rows := max(1, int(16<<20/e.stride))
	piece := make([]byte, int64(rows)*e.stride) // padding stays 0
	for first := 0; first < e.m; first += rows {
		if err := ctx.Err(); err != nil {
			return err
		}
		count := min(rows, e.m-first)
		for i := range count {
			s.Row(first+i, row)
			dst := piece[int64(i)*e.stride:]
			for j, v := range row {
				put(dst[j*size:], v)
			}
		}
		at := e.rows + driver.Pointer(int64(first)*e.stride)
		if err := e.device.Upload(at, piece[:int64(count)*e.stride]); err != nil {
			return err
		}
	}
	return nil
}

// observe makes the observations of a problem that has none, and keeps them on both sides.
func (e *engine) observe(p *sensing.Problem) error {
	e.hostY = p.Observations
	if e.hostY == nil {
		e.hostY = make([]float64, e.m)
		if err := e.Apply(e.hostY, p.Truth.X(), p.Truth.Right()); err != nil {
			return err
		}
		p.AddNoise(e.hostY)
		if err := sensing.CheckObservations(e.hostY); err != nil {
			return err
		}
	}
	return e.device.Upload(e.y, bytesOfNumbers(e.hostY))
}
