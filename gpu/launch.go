package gpu

import (
	"encoding/binary"

	"github.com/matsense/matsense/gpu/driver"
)

// Each function here launches one family of kernels; the head of its file in kernels/ has the equation and the parameters.

// memberBytes is the size of a product's entry in its list of members.
const memberBytes = 32

// product is one member of a launch of lift, pullback, gram or right_multiply.
type product struct {
	a, b driver.Pointer
	cols int
	dst  driver.Pointer
}

// encode writes a list of products as the kernels read it.
func encode(list []product) []byte {
	var out []byte
	for _, p := range list {
		for _, word := range []uint64{uint64(p.a), uint64(p.b), uint64(p.cols), uint64(p.dst)} {
			out = binary.LittleEndian.AppendUint64(out, word)
		}
	}
	return out
}

// lift does z = svec(L·Rᵀ), or vec(L·Rᵀ), for each member in a list on the device.
func (e *engine) lift(precision Precision, list driver.Pointer, members int) error {
	cols := 0
	for _, shapes := range e.shapes {
		cols = max(cols, shapes[0].Cols)
	}
	return e.inPieces(members, cols, func(first, count int) error {
		return e.launch(e.lifting+string(precision), driver.Dim{blocks(e.n2, 16), blocks(e.n1, 16), count}, driver.Dim{16, 16, 1},
			e.sized(list+driver.Pointer(first*memberBytes))...)
	})
}

// inPieces launches a product of n1 × n2 and so many columns for all members together, or for some at a time where a watchdog
// stops long launches. The product of one member is never cut: at n = r = 4000 it takes 64·10⁹ multiply-adds.
func (e *engine) inPieces(members, cols int, launch func(first, count int) error) error {
	each := float64(e.n1) * float64(e.n2) * float64(cols)
	most := int(max(min(e.mostWork/each, float64(members)), 1))
	for first := 0; first < members; first += most {
		if err := launch(first, min(most, members-first)); err != nil {
			return err
		}
	}
	return nil
}

// pullback does dst = scale·G·X, or scale·Gᵀ·X, for each member in a list on the device, of at most cols columns.
func (e *engine) pullback(precision Precision, p pull, list driver.Pointer, members, cols int) error {
	name, rows := e.pulling, e.n1
	if p.transposed {
		name, rows = e.transposed, e.n2
	}
	return e.inPieces(members, cols, func(first, count int) error {
		return e.launch(name+string(precision), driver.Dim{blocks(cols, 16), blocks(rows, 16), count}, driver.Dim{16, 16, 1},
			append(e.sized(list+driver.Pointer(first*memberBytes)), driver.F64(p.scale))...)
	})
}

// sized returns a list of members and the sizes of the space's matrices, as lift and pullback take them.
func (e *engine) sized(list driver.Pointer) []driver.Arg {
	return append([]driver.Arg{driver.Ptr(list)}, []driver.Arg{driver.U32(e.n1), driver.U32(e.n2)}[:e.sizes]...)
}

// gram does dst = XᵀY, d × d from n × d, for each member in a list on the device, of at most cols columns.
func (e *engine) gram(list driver.Pointer, n, members, cols int) error {
	tiles := blocks(cols, 16)
	return e.launch("gram", driver.Dim{tiles, tiles, members}, driver.Dim{16, 16, 1}, driver.Ptr(list), driver.U32(n))
}

// rightMultiply does dst = X·Y of n × d and d × d for each member in a list on the device, of at most cols columns.
func (e *engine) rightMultiply(list driver.Pointer, n, members, cols int) error {
	return e.launch("right_multiply", driver.Dim{blocks(cols, 16), blocks(n, 16), members}, driver.Dim{16, 16, 1},
		driver.Ptr(list), driver.U32(n))
}

// generate makes count rows from the first on.
func (e *engine) generate(rows driver.Pointer, first, count int) error {
	unit := int64(16) // bytes that one thread makes
	if bits := e.entries.EntryBits(); bits >= 16 {
		unit = int64(2 * bits / 8)
	}
	key, number := e.stream.Key()
	return e.launch("generate_"+string(e.entries), driver.Dim{blocks(int(e.stride/unit), 256), count, 1}, driver.Dim{256, 1, 1},
		driver.Ptr(rows), driver.U64(uint64(first)), driver.U32(e.k), driver.U64(uint64(e.stride)),
		driver.U32(int(key[0])), driver.U32(int(key[1])), driver.U32(int(number)))
}

// contract does partials, res and chunks of the member whose z is the first, all in one launch of so many groups of blocks.
func (e *engine) contract(groups int) error {
	size := int64(e.m) * int64(e.slabs) * e.precision.bytes()
	if err := e.device.Fill(e.partials, 0xff, size); err != nil {
		return err
	}
	var args []driver.Arg
	if e.inMemory {
		args = append(args, driver.Ptr(e.rows))
	}
	args = append(args, driver.Ptr(e.z), driver.Ptr(e.partials), driver.Ptr(e.y), driver.Ptr(e.res), driver.Ptr(e.chunkSums),
		driver.Ptr(e.levels))
	if e.inMemory {
		args = append(args, driver.U32(int(e.stride)))
	} else {
		key, number := e.stream.Key()
		args = append(args, driver.U32(int(key[0])), driver.U32(int(key[1])), driver.U32(int(number)))
	}
	args = append(args, driver.U32(e.k), driver.U32(e.slabs), driver.Ptr(e.chunkStarts), driver.U32(e.chunks()),
		driver.F64(1/float64(e.m)))
	return e.device.Launch(driver.Launch{
		Kernel: e.kernels[e.contractor.Name], Grid: driver.Dim{e.slabs * groups, 1, 1}, Block: driver.Dim{256, 1, 1},
		Shared: e.stages, Cooperative: true, Args: args,
	})
}

// dots does the slabs' parts of the dot products of a tile's rows with each member's z.
func (e *engine) dots(precision Precision, t tile, members int) error {
	return e.launch("dots_"+string(e.entries)+"_"+string(precision),
		driver.Dim{e.slabs, blocks(t.count, 4), blocks(members, 4)}, driver.Dim{256, 1, 1},
		driver.Ptr(t.rows), driver.Ptr(e.z), driver.Ptr(e.partials), driver.Ptr(e.levels), driver.U32(t.count),
		driver.U64(uint64(e.stride)), driver.U32(e.k), driver.U32(e.slabs), driver.U32(members))
}

// residuals does res and w = scale·res of a tile's rows, against y.
func (e *engine) residuals(precision Precision, t tile, members int, y driver.Pointer, scale float64) error {
	return e.launch("residuals_"+string(precision), driver.Dim{blocks(t.count, 8), members, 1}, driver.Dim{256, 1, 1},
		driver.Ptr(e.partials), driver.Ptr(y), driver.Ptr(e.res), driver.Ptr(e.weights), driver.U32(e.slabs),
		driver.U32(t.first), driver.U32(t.count), driver.U32(e.m), driver.F64(scale))
}

// accumulate adds a tile's rows, weighted, to the sums of their chunks.
func (e *engine) accumulate(precision Precision, t tile, members int) error {
	from, to := e.chunkOf(t.first), e.chunkOf(t.first+t.count-1)
	return e.launch("accumulate_"+string(e.entries)+"_"+string(precision),
		driver.Dim{blocks(e.k, 1024), to - from + 1, blocks(members, 4)}, driver.Dim{256, 1, 1},
		driver.Ptr(t.rows), driver.Ptr(e.weights), driver.Ptr(e.chunkSums), driver.Ptr(e.levels), driver.U32(t.first),
		driver.U32(t.count), driver.U64(uint64(e.stride)), driver.U32(e.k), driver.U32(e.kp), driver.U32(members),
		driver.U32(e.m), driver.Ptr(e.chunkStarts), driver.U32(from), driver.U32(e.chunks()))
}

// sumChunks does g = the sum of the chunks, for each member.
func (e *engine) sumChunks(precision Precision, members int) error {
	return e.launch("sum_chunks_"+string(precision), driver.Dim{blocks(e.k, 256), members, 1}, driver.Dim{256, 1, 1},
		driver.Ptr(e.chunkSums), driver.Ptr(e.g), driver.U32(e.k), driver.U32(e.kp), driver.U32(e.chunks()))
}

// sumSquares does Σ res_i² of each member.
func (e *engine) sumSquares(members int) error {
	return e.launch("sum_squares", driver.Dim{members, 1, 1}, driver.Dim{256, 1, 1},
		driver.Ptr(e.res), driver.Ptr(e.squares), driver.U32(e.m), driver.U64(uint64(e.m)))
}

// combine does dst = a·x + b·y.
func (e *engine) combine(dst, x, y driver.Pointer, a, b float64, count int) error {
	return e.launch("combine", driver.Dim{blocks(count, 256), 1, 1}, driver.Dim{256, 1, 1},
		driver.Ptr(dst), driver.Ptr(x), driver.Ptr(y), driver.F64(a), driver.F64(b), driver.U32(count))
}

func (e *engine) launch(name string, grid, block driver.Dim, args ...driver.Arg) error {
	return e.device.Launch(driver.Launch{Kernel: e.kernels[name], Grid: grid, Block: block, Args: args})
}

// blocks is how many blocks of a size cover a count.
func blocks(count, size int) int { return (count + size - 1) / size }

// bytes is the size of one number of the arithmetic.
func (p Precision) bytes() int64 {
	if p == F32 {
		return 4
	}
	return 8
}
