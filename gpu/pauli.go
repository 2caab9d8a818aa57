package gpu

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"slices"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/sensing"
)

// pauliOperator is the operator of a [sensing.Pauli]. With the masks x and z of each word, and words with the
// same x together in a group,
//
//	⟨P, LRᵀ⟩ = (−1)^(|x∧z|/2)·Σ_j (−1)^|z∧j|·d_j(x),   d_j(x) = l_j·r_{j⊕x}
//	(S·X)_j = Σ_x c_j(x)·X_{j⊕x},                      c_j(x) = Σ_z (−1)^|z∧j|·v_z,   S = Σ_i w_i A_i
//
// with v_z = √(K/n)·(−1)^(|x∧z|/2)·w_i summed over the words i with these masks. The sums over j for every z,
// and over z for every j, are Walsh–Hadamard transforms. One block makes a transform of up to 4096 numbers in
// shared memory; longer ones take a second pass through global memory.
//
// No array of n² numbers is kept. For n ≤ 4096, d is in shared memory only. The vectors c(x) are made for a
// bundle of groups, and are then added to S·X; the bundles follow one after another in ascending order of x.
// Groups and rows alone determine the order of each sum, so neither bundles nor batches change a bit.
type pauliOperator struct {
	pauliLayout
	*device
	ensemble *sensing.Pauli
	groups   int // different x; known after fill

	words, table, vectors, res, sums driver.Pointer

	losses losses // of the parts of the last contraction
}

var _ operator = &pauliOperator{}

// pauliLayout describes how Pauli words, and what is computed from them, lie on a device. It follows from the
// request alone.
type pauliLayout struct {
	n, m       int
	members    int
	matrices   int // of a factor
	mostGroups int
	room       int     // vectors of n numbers on the device
	mostWork   float64 // most multiply-adds of a launch, if a watchdog stops long ones
}

const (
	// pauliTile is the number of numbers that one block transforms.
	pauliTile = 4096
	// pauliBundle is the least number of vectors for which there is room: as many as the CPU has. If n is
	// small, there is room for pauliRoom numbers: 1 MB.
	pauliBundle = 32
	pauliRoom   = pauliBundle * pauliTile
)

// planPauli plans the operator of Pauli words.
func planPauli(r request) (operator, error) {
	ensemble := r.ensemble.(*sensing.Pauli)
	l := pauliLayout{
		m: ensemble.Measurements(), members: len(r.shapes), matrices: len(r.rules), mostWork: math.Inf(1),
	}
	l.n, _ = ensemble.Space().Dims()
	l.mostGroups = min(l.m, l.n)
	l.room = min(max(pauliBundle, pauliRoom/l.n), l.members*l.mostGroups)
	if r.backend.Info.Watchdog {
		l.mostWork = launchWork
		cols := 1
		for _, shapes := range r.shapes {
			cols = max(cols, r.columns(shapes))
		}
		l.room = min(l.room, max(launchWork/(l.n*cols), 1)) // a launch adds the terms of as many groups
	}
	return &pauliOperator{pauliLayout: l, ensemble: ensemble}, nil
}

// long says whether a vector takes more than one block.
func (l *pauliLayout) long() bool { return l.n > pauliTile }

// buffers implements operator.
func (o *pauliOperator) buffers() []buffer {
	members, m := int64(o.members), int64(o.m)
	return []buffer{
		{"words", m * 8, &o.words},
		{"groups of words", int64(o.mostGroups+1) * 8, &o.table},
		{"transforms", int64(o.room) * int64(o.n) * 8, &o.vectors},
		{"residuals", members * m * 8, &o.res},
		{"squares", members * 8, &o.sums},
	}
}

// listBytes implements operator: the members of the residuals and of each product.
func (o *pauliOperator) listBytes() int64 { return int64(1+o.matrices) * int64(o.members) * itemBytes }

// smaller implements operator: there is nothing to make smaller.
func (o *pauliOperator) smaller() []alternative { return nil }

// kernels implements operator.
func (o *pauliOperator) kernels() []string {
	names := []string{"sum_squares", "pauli_weights", "pauli_combine"}
	if o.long() {
		return append(names, "pauli_pairs", "hadamard", "pauli_gather")
	}
	return append(names, "pauli_residuals")
}

// fill implements operator: it sorts the words by x, then by z, and copies them.
func (o *pauliOperator) fill(ctx context.Context, d *device) error {
	o.device = d
	x, z := o.ensemble.Masks()
	order := make([]int32, o.m)
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int {
		return cmp.Or(cmp.Compare(x[a], x[b]), cmp.Compare(z[a], z[b]), cmp.Compare(a, b))
	})
	const most = 1 << 20 // words at a time
	var words, table []byte
	add := binary.LittleEndian.AppendUint32
	for at, i := range order {
		if at == 0 || x[i] != x[order[at-1]] {
			table = add(add(table, x[i]), uint32(at))
		}
		mask := z[i]
		if bits.OnesCount32(x[i]&mask)%4 == 2 {
			mask |= 1 << 31
		}
		if words = add(add(words, uint32(i)), mask); len(words) < 8*most && at < o.m-1 {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := d.Upload(o.words+driver.Pointer(8*(at+1)-len(words)), words); err != nil {
			return err
		}
		words = words[:0]
	}
	o.groups = len(table) / 8
	return d.Upload(o.table, add(add(table, 0), uint32(o.m)))
}

// contract implements operator.
func (o *pauliOperator) contract(y driver.Pointer, parts []part) error {
	o.losses = lossesOf(parts)
	sides, err := o.list(encode(o.items(parts)))
	if err != nil {
		return err
	}
	products := sides + driver.Pointer(len(parts)*itemBytes)
	cols := 0
	for _, p := range parts {
		cols = max(cols, p.cols)
	}
	if err := o.residuals(sides, o.res, y, len(parts), cols); err != nil {
		return err
	}
	for first, most := 0, o.together(); first < len(parts); first += most {
		members := min(most, len(parts)-first)
		w := o.res + driver.Pointer(first*o.m*8)
		err := o.eachBundle(func(b bundle) error {
			if err := o.weights(b, w, members, 1/float64(o.m), o.losses[first:]); err != nil {
				return err
			}
			for number, p := range parts[0].pulls {
				list := products + driver.Pointer((number*len(parts)+first)*itemBytes)
				if err := o.add(b, list, members, cols, p.scale); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// items lists the members for the residuals, and then for the products of each pull.
func (o *pauliOperator) items(parts []part) (all []item) {
	for at, p := range parts {
		all = append(all, item{p.l, p.r, p.cols, o.res + driver.Pointer(at*o.m*8)})
	}
	for number := range parts[0].pulls {
		for at, p := range parts {
			c := o.vectors + driver.Pointer(at%o.together()*o.groups*o.n*8)
			all = append(all, item{c, p.pulls[number].x, p.cols, p.pulls[number].dst})
		}
	}
	return all
}

// together is the number of members whose vectors c(x) of all groups have room at one time, at least 1.
func (o *pauliOperator) together() int { return max(o.room/o.groups, 1) }

// bundle is some successive groups, whose vectors have room at one time.
type bundle struct {
	first, count int
	last         bool // there are no groups after these
}

// eachBundle calls do for the bundles of all groups, in their order.
func (o *pauliOperator) eachBundle(do func(b bundle) error) error {
	most := min(o.groups, o.room)
	for first := 0; first < o.groups; first += most {
		count := min(most, o.groups-first)
		if err := do(bundle{first, count, first+count == o.groups}); err != nil {
			return err
		}
	}
	return nil
}

// squares implements operator.
func (o *pauliOperator) squares(dst []float64) error {
	return o.readSquares(dst, o.sums, o.res, o.m, o.losses)
}

// apply implements operator: residuals without observations.
func (o *pauliOperator) apply(p, l, r driver.Pointer, cols int) error {
	list, err := o.list(encode([]item{{l, r, cols, p}}))
	if err != nil {
		return err
	}
	return o.residuals(list, p, 0, 1, cols)
}

// adjointMul implements operator. S is symmetric.
func (o *pauliOperator) adjointMul(dst, w driver.Pointer, _ bool, x driver.Pointer, cols int) error {
	if count := int64(o.n) * int64(cols); count > math.MaxInt32 {
		return fmt.Errorf("gpu: a product of %d × %d with Pauli words is too large: it can have "+
			"2³¹ − 1 numbers", o.n, cols)
	}
	list, err := o.list(encode([]item{{o.vectors, x, cols, dst}}))
	if err != nil {
		return err
	}
	return o.eachBundle(func(b bundle) error {
		if err := o.weights(b, w, 1, 1, nil); err != nil {
			return err
		}
		return o.add(b, list, 1, cols, 1)
	})
}

// residuals does res_i = ⟨A_i, LRᵀ⟩ − y_i for each member of a list, or without y if it is 0. The residuals
// of the members lie one after another. cols is the largest number of columns.
func (o *pauliOperator) residuals(list, res, y driver.Pointer, members, cols int) error {
	if !o.long() {
		return o.inPieces(members, cols, func(first, count int) error {
			return o.launch("pauli_residuals", driver.Dim{count, 1, members}, driver.Dim{256, 1, 1},
				driver.Ptr(list), driver.Ptr(o.table), driver.Ptr(o.words), driver.Ptr(y), driver.U32(o.n),
				driver.U32(first), driver.F64(o.ensemble.Unit()))
		})
	}
	for member := range members {
		at, to := list+driver.Pointer(member*itemBytes), res+driver.Pointer(member*o.m*8)
		if err := o.eachBundle(func(b bundle) error { return o.residualsOf(b, at, to, y) }); err != nil {
			return err
		}
	}
	return nil
}

// inPieces calls do for all groups together, or for some at a time if a watchdog stops long launches.
func (o *pauliOperator) inPieces(members, cols int, do func(first, count int) error) error {
	each := float64(members) * float64(o.n) * float64(cols+bits.Len(uint(o.n)))
	most := int(max(min(o.mostWork/each, float64(o.groups)), 1))
	for first := 0; first < o.groups; first += most {
		if err := do(first, min(most, o.groups-first)); err != nil {
			return err
		}
	}
	return nil
}

// residualsOf does the residuals of a bundle's words for one member, with vectors longer than a block
// transforms.
func (o *pauliOperator) residualsOf(b bundle, member, res, y driver.Pointer) error {
	err := o.launch("pauli_pairs", driver.Dim{b.count, o.n / pauliTile, 1}, driver.Dim{256, 1, 1},
		driver.Ptr(member), driver.Ptr(o.table), driver.Ptr(o.vectors), driver.U32(o.n), driver.U32(b.first))
	if err != nil {
		return err
	}
	if err := o.hadamard(b.count); err != nil {
		return err
	}
	return o.launch("pauli_gather", driver.Dim{b.count, 1, 1}, driver.Dim{256, 1, 1},
		driver.Ptr(o.vectors), driver.Ptr(o.table), driver.Ptr(o.words), driver.Ptr(y), driver.Ptr(res),
		driver.U32(o.n), driver.U32(b.first), driver.F64(o.ensemble.Unit()))
}

// weights makes the vectors c(x) of a bundle for S = Σ_i scale·ψ(w_i) A_i, for each member. The members' w
// lie one after another, and so do the vectors of their bundles.
func (o *pauliOperator) weights(b bundle, w driver.Pointer, members int, scale float64, of losses) error {
	err := of.each(members, func(first, count int, l loss) error {
		from, to := w+driver.Pointer(8*first*o.m), o.vectors+driver.Pointer(8*first*b.count*o.n)
		return o.launch("pauli_weights", driver.Dim{b.count, blocks(o.n, pauliTile), count},
			driver.Dim{256, 1, 1}, l.with(driver.Ptr(from), driver.Ptr(o.table), driver.Ptr(o.words),
				driver.Ptr(to), driver.U32(o.n), driver.U32(o.m), driver.U32(b.first),
				driver.F64(o.ensemble.Unit()), driver.F64(scale))...)
	})
	if err != nil || !o.long() {
		return err
	}
	return o.hadamard(b.count * members)
}

// hadamard does the levels of transforms that a block does not do in shared memory.
func (o *pauliOperator) hadamard(count int) error {
	return o.launch("hadamard", driver.Dim{o.n / pauliTile, count, 1}, driver.Dim{256, 1, 1},
		driver.Ptr(o.vectors), driver.U32(o.n))
}

// add adds the terms of a bundle to dst = scale·S·X, for each member of a list. The first bundle sets dst,
// and the last scales it. cols is the largest number of columns.
func (o *pauliOperator) add(b bundle, list driver.Pointer, members, cols int, scale float64) error {
	fresh := 0
	if b.first == 0 {
		fresh = 1
	}
	if !b.last {
		scale = 1
	}
	return o.launch("pauli_combine", driver.Dim{blocks(o.n*cols, 256), 1, members}, driver.Dim{256, 1, 1},
		driver.Ptr(list), driver.Ptr(o.table), driver.U32(o.n), driver.U32(b.first), driver.U32(b.count),
		driver.U32(fresh), driver.F64(scale))
}
