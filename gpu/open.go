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
	free, err := e.room()
	if err != nil {
		return err
	}
	list := e.buffers()
	for _, b := range list {
		p, err := e.device.Alloc(b.bytes)
		if errors.Is(err, driver.ErrMemory) {
			return fmt.Errorf("gpu: there was no room for the %d bytes of %s, though %.3g GB were free before: %w; %s",
				b.bytes, b.name, free/1e9, err, e.whatFits())
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
	var starts []byte
	for _, row := range e.starts {
		starts = binary.LittleEndian.AppendUint32(starts, uint32(row))
	}
	if err := e.device.Upload(e.chunkStarts, starts); err != nil {
		return err
	}
	return e.device.Upload(e.levels, bytesOfNumbers(sensing.Q8Levels[:]))
}

// room compares what is needed with what is free, before anything is taken, and returns what is free.
func (e *engine) room() (free float64, err error) {
	info, err := e.device.Info()
	if err != nil {
		return 0, err
	}
	need, free := e.total(), float64(info.Free)
	if need > free {
		return free, fmt.Errorf("gpu: %.3g GB are needed and %.3g GB are free on %s; %s: %w", need/1e9, free/1e9, info.Name,
			e.fitting(free), driver.ErrMemory)
	}
	return free, nil
}

// whatFits says what would fit in the memory that is free now, with what this engine has taken of it.
func (e *engine) whatFits() string {
	taken := float64(e.device.Live())
	info, err := e.device.Info()
	if err != nil {
		return err.Error()
	}
	free := float64(info.Free) + taken
	return fmt.Sprintf("%.3g GB can be had now, and %.3g GB are needed; %s", free/1e9, e.total()/1e9, e.fitting(free))
}

// fitting says what would fit in so many bytes.
func (e *engine) fitting(free float64) string {
	var fits []string
	fit := func(words string, change func(l *layout)) bool {
		other := *e.layout
		change(&other)
		other.shareRows(0)
		if other.total() > free {
			return false
		}
		fits = append(fits, words)
		return true
	}
	for members := len(e.shapes) - 1; members > 0; members-- {
		words := fmt.Sprintf("%d of the %d members fit", members, len(e.shapes))
		if fit(words, func(l *layout) { l.shapes = l.shapes[:members] }) {
			break
		}
	}
	if e.inMemory && e.stream != nil {
		fit("generated rows fit", func(l *layout) {
			l.inMemory = false
			l.setEntries(l.entries)
		})
	}
	for _, entries := range []sensing.Entries{sensing.BF16, sensing.Q8} {
		if e.inMemory && e.stream != nil && entries.EntryBits() < e.entries.EntryBits() {
			fit(string(entries)+" entries fit", func(l *layout) { l.setEntries(entries) })
		}
	}
	if len(fits) == 0 {
		return "lower n, m or the factor's rank"
	}
	return strings.Join(fits, ", ")
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
	once, fault := e.once()
	if once {
		names = append(names, e.contractor.Name)
	} else if fault != "" {
		e.tell(fmt.Sprintf("contract is done in three steps on %s, which give the same bits and read each row twice: %s", e.info.Name, fault))
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
	if once {
		resident, err := e.kernels[e.contractor.Name].Resident(256, e.stages)
		if err != nil {
			return fmt.Errorf("gpu: %s: %w", e.contractor.Name, err)
		}
		e.groups = min(resident/e.slabs, e.chunks())
	}
	return nil
}

// fill makes or brings the rows that lie in memory.
func (e *engine) fill(ctx context.Context, ensemble sensing.Ensemble) error {
	if !e.inMemory {
		return nil
	}
	if e.stream == nil {
		return e.bring(ctx, ensemble)
	}
	most := 1 << 12 // rows at a time: an interrupt is heard between
	if e.info.Watchdog {
		most = min(max(launchNormals/e.k, 1), most)
	}
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
