package cpu

// decoder is assembly that decodes entries of a block: numbers[apart·j + k − from] = rows[j][k] for
// from ≤ k < to. to − from is a multiple of stride.
type decoder[F number] func(numbers *F, apart int, rows *[blockRows][]byte, from, to int)

const (
	// decodedStrip is how many coordinates of a block are decoded at a time: their singles take 16 KB.
	decodedStrip = 512

	// decodedPadding keeps the singles of neighbouring rows off the same sets of a cache: without it, rows
	// may be a power of two apart.
	decodedPadding = 16

	// mostDecoded is the length of the longest rows whose singles are kept for the accumulation and for all
	// members of a batch: 2 MB for a block. It costs less to decode a strip again than to read more from
	// memory.
	mostDecoded = 1 << 16
)

// decoded is the memory for the singles of a block's entries.
type decoded struct {
	singles [blockRows][]float32
	done    int // so many coordinates of the block have been decoded
}

// decodedLength returns how many singles are kept of each row of k entries.
func decodedLength(k int) int {
	if k > mostDecoded {
		return decodedStrip
	}
	return k
}

// decodePart decodes the first of the entries from ≤ k < to of the operands, unless they have been. It sets
// h.part to their singles, without z and acc, and returns how many there are of each row.
func (k kernel[E, F]) decodePart(h *workspace[E, F], o *operands[E, F], from, to int) int {
	d := &o.decoded
	length := decodedLength(len(o.rows[0]))
	if len(d.singles[0]) < length {
		memory := make([]float32, blockRows*(length+decodedPadding))
		for j := range d.singles {
			d.singles[j] = memory[j*(length+decodedPadding):][:length]
		}
	}
	count, at := min(to-from, decodedStrip), from
	kept := length == len(o.rows[0])
	if !kept {
		at = 0
	}
	for j, singles := range d.singles {
		h.part.rows[j] = singles[at : at+count]
	}
	if !kept || from >= d.done {
		k.decode(&d.singles[0][at], len(d.singles[0])+decodedPadding, rawRows(&o.rows), from, from+count)
	}
	d.done = max(d.done, from+count)
	return count
}
