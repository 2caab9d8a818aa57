package kernels

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"
)

// variant has the values that turn a template into one kernel. Templates use its fields and methods.
type variant struct {
	Template string // the file, without .ptx
	Name     string
	Entries  string // f64, f32, bf16, q8 or sign; empty if the kernel reads no rows
	Arith    string // f64 or f32: the type of z, g and all sums
	// Generated says that the kernel generates the rows that it uses.
	Generated bool
	// Early says that the kernel is the form of contract for compute capabilities before 8.0, which have no
	// asynchronous copies, and less shared memory.
	Early bool
}

// Listed says that the kernel makes the rows in a list, not successive ones.
func (v variant) Listed() bool { return strings.HasPrefix(v.Name, "generate_listed_") }

// Bytes is the size of one number of the arithmetic.
func (v variant) Bytes() int {
	if v.Arith == "f32" {
		return 4
	}
	return 8
}

// Bits is the untyped type of one number of the arithmetic.
func (v variant) Bits() string { return fmt.Sprintf("b%d", 8*v.Bytes()) }

// QuadBits is the number of bits of four entries.
func (v variant) QuadBits() int {
	return map[string]int{"f64": 256, "f32": 128, "bf16": 64, "q8": 32, "sign": 4}[v.Entries]
}

// StageRows is how many rows of a slab each stage of contract holds.
func (v variant) StageRows() int {
	switch {
	case v.tensor() && v.Entries == "f64" && v.Octets() == 1:
		return 4
	case v.tensor():
		return 8
	case v.batch() && v.Generated:
		return 4
	case v.small():
		return map[string]int{"f64": 1, "f32": 2}[v.Entries]
	case v.batch():
		return map[string]int{"f64": 2, "f32": 4, "bf16": 4, "q8": 4, "sign": 4}[v.Entries]
	case v.long():
		return map[string]int{"f64": 1, "f32": 1, "bf16": 2, "q8": 4}[v.Entries]
	case v.Early:
		return map[string]int{"f64": 1, "f32": 1, "bf16": 2, "q8": 1, "sign": 8}[v.Entries]
	}
	return map[string]int{"f64": 1, "f32": 2, "bf16": 4, "q8": 4, "sign": 8}[v.Entries]
}

// Asynchronous says that the rows of contract come by asynchronous copies.
func (v variant) Asynchronous() bool { return !v.Early && !v.Generated }

// Ahead is the least number of stages that are being filled at any time, Behind how many wait for their
// residuals. These two and StageRows are the parameters to tune on a device. The early form, and
// contract_batch of generated rows, fill the stage of the dot products.
func (v variant) Ahead() int {
	switch {
	case v.batch() && v.Generated:
		return 0
	case v.tensor():
		return v.Exchange()
	case v.batch():
		return 2
	case v.Early:
		return 0
	}
	return 1
}

func (v variant) Behind() int {
	if v.batch() || v.tensor() {
		return 2 * v.Exchange()
	}
	if v.long() {
		return 2
	}
	return 1
}

// Exchange is how many stages pass in contract_batch between the publication of parts and their addition, and
// again until the weights are used. Each step goes through the L2 cache, which takes about a microsecond. A
// stage of rows that are generated takes longer, and for large stages of contract_tensor there is no room.
func (v variant) Exchange() int {
	if v.Generated || v.tensor() && v.StageBytes() > 32<<10 {
		return 1
	}
	return 2
}

// RingRows is the number of rows, a power of two, whose parts of dot products contract_batch keeps: more
// stages than can pass before a block knows that the parts of a row have been added.
func (v variant) RingRows() int   { return v.StageRows() * v.RingStages() }
func (v variant) RingStages() int { return 1 << bits.Len(uint(v.Behind())) }

// ChunkWords is the number of u32 that describe a chunk of contract_batch.
func (v variant) ChunkWords() int { return BatchChunkWords }

// RowsShift is the logarithm of StageRows. SumLanes is how many lanes of a warp end with the same one of
// 2·StageRows sums, and SumShift its logarithm.
func (v variant) RowsShift() int { return bits.TrailingZeros(uint(v.StageRows())) }
func (v variant) SumLanes() int  { return 32 / (2 * v.StageRows()) }
func (v variant) SumShift() int  { return bits.TrailingZeros(uint(v.SumLanes())) }

// sumStep is a step of the sums over the lanes of a warp. Lanes Mask apart exchange a number for each of Adds
// sums. If Pairs is not 0, each of the two lanes goes on with one half of 2·Pairs sums.
type sumStep struct{ Mask, Pairs, Adds int }

// SumSteps are the steps that add 2·StageRows numbers of each lane over the lanes of a warp.
func (v variant) SumSteps() (steps []sumStep) {
	sums := 2 * v.StageRows()
	for mask := 16; mask > 0; mask /= 2 {
		sums /= 2
		steps = append(steps, sumStep{mask, sums, max(sums, 1)})
	}
	return steps
}

// Staged is the variant whose entries are in the stages: contract_batch converts the rows that it generates
// to its arithmetic once, and all members use them so.
func (v variant) Staged() variant {
	if v.batch() && v.Generated {
		v.Entries = v.Arith
	}
	return v
}

// batch says whether the kernel is one of contract_batch.
func (v variant) batch() bool { return v.Template == "contract_batch" }

// small says whether the kernel is the form of contract_batch for multiprocessors of 100 KB of shared memory.
// Only f64 and f32 entries need one.
func (v variant) small() bool { return strings.Contains(v.Name, "_small_") }

// long says whether the kernel is one of contract_long.
func (v variant) long() bool { return v.Template == "contract_long" }

// Kept says that the kernel keeps the rows that it generates in memory for a while.
func (v variant) Kept() bool { return v.long() && v.Generated }

// LongSlabs is the most slabs of a block of contract_long.
func (v variant) LongSlabs() int { return LongSlabs }

// tensor says whether the kernel is one of contract_tensor.
func (v variant) tensor() bool { return v.Template == "contract_tensor" }

// Octets is a launch's largest number of members in eights: 2 in the wide form of contract_tensor, otherwise
// 1. A product of tensor cores takes eight members.
func (v variant) Octets() int {
	if strings.Contains(v.Name, "_wide_") {
		return 2
	}
	return 1
}

// Members is the largest number of members of a launch for a batch, and Blocks the number of its blocks for
// each slab. BlocksShift is the logarithm of Blocks, and BlockWarps the number of warps of contract whose
// coordinates a block has.
func (v variant) Members() int     { return BatchMembers * v.Octets() }
func (v variant) Blocks() int      { return BatchBlocks * v.Octets() }
func (v variant) BlocksShift() int { return bits.TrailingZeros(uint(v.Blocks())) }
func (v variant) BlockWarps() int  { return 2 / v.Octets() }

// UPitch is the number of bytes in a stage of contract_tensor from 1024·u coordinates of a row to the next.
// In the wide form, a product of its sums takes coordinates of two u, which thus lie in different banks.
func (v variant) UPitch() int {
	apart := 0
	if v.Octets() > 1 {
		apart = map[string]int{"f64": 0, "f32": 64, "bf16": 64, "q8": 64, "sign": 16}[v.Entries]
	}
	return v.SlabBytes()/4 + apart
}

// RowPitch is the number of bytes from row to row in a stage of contract_tensor. With it, the four or eight
// rows that lanes load from at one time lie in different banks.
func (v variant) RowPitch() int {
	if v.Entries == "f64" {
		return 4*v.UPitch() + 32
	}
	return 4*v.UPitch() + 16
}

// quadOf is a place in a stage of contract_tensor where a warp has four coordinates: At is the number of
// coordinates from the warp's first one on, Bytes that of bytes from the row's first entry of the warp on. Of
// signs, Bytes is where four words lie, and Word says which of them has the four, shifted left by Shift.
type quadOf struct{ Index, At, Bytes, Word, Shift int }

// Quads is the number of fours of coordinates that a warp has for each u, and QuadApart the coordinates from
// one to the next. TreeSteps are the distances at which dot products of these fours are added.
func (v variant) Quads() int     { return 8 / v.Octets() }
func (v variant) QuadApart() int { return 16 * v.Octets() }
func (v variant) TreeSteps() (apart []int) {
	for half := v.Quads() / 2; half > 0; half /= 2 {
		apart = append(apart, half)
	}
	return apart
}

// quad describes four i of a warp's coordinates for u.
func (v variant) quad(u, i int) quadOf {
	q := quadOf{Index: i, At: 1024*u + v.QuadApart()*i, Bytes: v.UPitch()*u + v.QuadApart()*i*v.EntryBytes()}
	if v.Entries == "sign" {
		first := v.QuadApart() * i // among 128 signs
		q.Word, q.Shift = first/32, 31-first%32
	}
	return q
}

// DotQuads are the fours of coordinates whose dot products contract_tensor computes for u.
func (v variant) DotQuads(u int) (all []quadOf) {
	for i := range v.Quads() {
		all = append(all, v.quad(u, i))
	}
	return all
}

// A product of contract_tensor's sums takes two fours of coordinates: SumQuads are the first ones of four
// products, and those of group s of SumGroups have the first u of the group, SumU. The second four are
// PairApart coordinates on, and PairBytes in a stage. With it, both lie in different banks.
func (v variant) SumGroups() int { return 4 / v.Octets() }
func (v variant) SumU(s int) int { return s * v.Octets() }
func (v variant) SumQuads(s int) (all []quadOf) {
	for q := range 4 {
		i := q
		if v.Octets() == 1 {
			apart := v.PairApart() / v.QuadApart()
			i = q/apart*2*apart + q%apart
		}
		first := v.quad(v.SumU(s), i)
		first.Index, first.Shift = 4*s+q, 31
		all = append(all, first)
	}
	return all
}
func (v variant) PairApart() int {
	if v.Octets() > 1 {
		return 1024
	}
	return 16 * map[string]int{"f64": 1, "f32": 1, "bf16": 2, "q8": 4, "sign": 1}[v.Entries]
}
func (v variant) PairBytes() int {
	if v.Octets() > 1 {
		return v.UPitch()
	}
	return v.PairApart() * v.EntryBytes()
}

// SignPair is how far the second four signs of a pair lie behind the first in a word.
func (v variant) SignPair() int {
	if v.Octets() > 1 {
		return 0
	}
	return v.PairApart()
}

// WeightPitch is the number of weights from one member to the next in shared memory.
func (v variant) WeightPitch() int {
	if v.StageRows() == 4 {
		return 4
	}
	return 12
}

// OctetPitch is the same from eight members to the next eight.
func (v variant) OctetPitch() int { return 8*v.WeightPitch() + 8 }

// EntryBytes is the size of an entry of a format other than signs.
func (v variant) EntryBytes() int { return v.QuadBits() / 32 }

// 256 threads copy Halves times 4096 bytes of CopyRows rows at one time, and RowCopies times for a stage of
// contract_tensor. SlabShift is the logarithm of SlabBytes.
func (v variant) Halves() int    { return max(v.SlabBytes()/4096, 1) }
func (v variant) CopyRows() int  { return min(max(4096/v.SlabBytes(), 1), v.StageRows()) }
func (v variant) RowCopies() int { return v.StageRows() / v.CopyRows() }
func (v variant) SlabShift() int { return bits.TrailingZeros(uint(v.SlabBytes())) }

// BlocksAtOnce is how many blocks of contract a multiprocessor shall hold: it bounds their registers. With
// f64 entries the early form has room for one block, because of its stages, so its threads may have more
// registers. So it is on 7.5 with all entries but signs. On 7.0 the early form in f32 arithmetic takes at
// most 108 registers without a bound, so two blocks fit.
func (v variant) BlocksAtOnce() int {
	if v.Early && (v.Entries == "f64" || v.Arith == "f32" && v.Entries != "sign") {
		return 1
	}
	return 2
}

// Stages is the least number of stages, DynamicBytes their total size.
func (v variant) Stages() int       { return v.Ahead() + 1 + v.Behind() }
func (v variant) DynamicBytes() int { return v.Stages() * v.StageBytes() }

// SlabBytes is the size of one row's part of the coordinates of a block: the longest slab, or in
// contract_batch and contract_tensor a quarter of it, or an eighth in the wide form.
func (v variant) SlabBytes() int {
	if v.batch() || v.tensor() {
		return 1024 / v.Blocks() * v.Staged().QuadBits() / 8
	}
	return 1024 * v.QuadBits() / 8
}

// RowShift is the logarithm of the number of 16-byte copies of one row's part.
func (v variant) RowShift() int { return bits.TrailingZeros(uint(v.SlabBytes() / 16)) }

// StageBytes is the size of a stage, with the longest slabs.
func (v variant) StageBytes() int {
	if v.tensor() {
		return v.StageRows() * v.RowPitch()
	}
	return v.StageRows() * v.SlabBytes()
}

// Copies is how many 16-byte copies each of 256 threads makes to fill a stage of the longest slabs. With
// shorter slabs it leaves some of them out.
func (v variant) Copies() int { return (v.StageBytes()/16 + 255) / 256 }

// Normal reports whether entries are normal deviates, which are made in pairs from random words.
func (v variant) Normal() bool {
	return v.Entries == "f64" || v.Entries == "f32" || v.Entries == "bf16"
}

// UnitEntries is how many entries one block of random words gives, UnitBytes their size.
func (v variant) UnitEntries() int {
	if v.Normal() {
		return 2
	}
	return 128 * 4 / v.QuadBits()
}
func (v variant) UnitEntriesShift() int { return bits.TrailingZeros(uint(v.UnitEntries())) }
func (v variant) UnitBytes() int        { return v.UnitEntries() * v.QuadBits() / 4 / 8 }
func (v variant) UnitBytesShift() int   { return bits.TrailingZeros(uint(v.UnitBytes())) }

// Units is the number of units of a row's part in a slab, and UnitShift its logarithm.
func (v variant) Units() int     { return v.SlabBytes() / v.UnitBytes() }
func (v variant) UnitShift() int { return bits.TrailingZeros(uint(v.Units())) }

// CopyRow and CopyOffset are the row, and the byte offset in its part of a slab, at which copy number c of
// the threads starts. A row's first copy has the offset 0.
func (v variant) CopyRow(c int) int    { return 4096 * c / v.SlabBytes() }
func (v variant) CopyOffset(c int) int { return 4096 * c % v.SlabBytes() }

// variants returns the variants of all kernels, by name.
func variants() []variant {
	var list []variant
	add := func(template, name, entries, arith string) {
		list = append(list, variant{template, name, entries, arith, strings.Contains(name, "generated"),
			strings.Contains(name, "early")})
	}
	formats := []string{"f64", "f32", "bf16", "q8", "sign"}
	for _, e := range formats {
		add("generate", "generate_"+e, e, "f64")
		add("projected_squares", "projected_squares_"+e, e, "f64")
		add("generate", "generate_listed_"+e, e, "f64")
	}
	list = append(list, pauliVariants()...)
	for _, t := range []string{"f64", "f32"} {
		for _, e := range formats {
			if t == "f64" {
				add("contract_tensor", "contract_tensor_"+e+"_f64", e, t)
				add("contract_tensor", "contract_tensor_wide_"+e+"_f64", e, t)
			}
			for _, family := range []string{"contract", "contract_batch", "dots", "accumulate"} {
				add(family, family+"_"+e+"_"+t, e, t)
			}
			if e != "sign" {
				add("contract_long", "contract_long_"+e+"_"+t, e, t)
				if t == "f64" && (e == "f64" || e == "f32") {
					add("contract_long", "contract_long_generated_"+e+"_"+t, e, t)
				}
			}
			add("contract_batch", "contract_batch_generated_"+e+"_"+t, e, t)
			for _, form := range []string{"generated_", "early_", "early_generated_"} {
				add("contract", "contract_"+form+e+"_"+t, e, t)
			}
		}
		for _, family := range []string{
			"lift", "lift_rect", "pullback", "pullback_rect", "pullback_rect_transposed",
			"residuals", "sum_chunks",
		} {
			add(family, family+"_"+t, "", t)
		}
	}
	for _, e := range []string{"f64", "f32"} {
		for _, t := range []string{"f64", "f32"} {
			add("contract_batch", "contract_batch_small_"+e+"_"+t, e, t)
		}
	}
	for _, name := range []string{
		"combine", "dot", "draw_weights", "gather", "gather_rows", "normals", "signs", "sum_squares",
		"tensor_order",
	} {
		add(name, name, "", "f64")
	}
	for _, name := range []string{"multiply_entries", "divide_entries"} {
		add("entrywise", name, "", "f64")
	}
	for _, layout := range []string{"nn", "nt", "tn", "tt"} {
		add("multiply", "multiply_"+layout, "", "f64")
	}
	for _, name := range []string{"multiply_sum", "normalize",
		"cholesky", "cholesky_forward", "cholesky_backward",
		"join_columns", "split_columns", "square_difference", "square_pullback", "transpose"} {
		add(name, name, "", "f64")
	}
	for _, name := range []string{
		"anchor_distance", "anchor_subtract", "anchor_sum", "anchor_residuals", "row_squares",
	} {
		add(name, name, "", "f64")
	}
	list = append(list, sampledVariants()...)
	for _, name := range []string{
		"rank_one_times_16", "rank_one_times_64", "rank_one_accumulate_16", "rank_one_accumulate_64",
	} {
		add(name[:len(name)-len("_16")], name, "", "f64")
	}
	for _, sizes := range FusedSizes(false) {
		add("rank_one_contract", sizes.Kernel, "", "f64")
	}
	for _, sizes := range FusedSizes(true) {
		add("rank_one_contract", sizes.Kernel, "", "f64")
	}
	for _, name := range []string{"rank_one_residuals", "rank_one_collect"} {
		add(name, name, "", "f64")
	}
	slices.SortFunc(list, func(a, b variant) int { return strings.Compare(a.Name, b.Name) })
	return list
}
