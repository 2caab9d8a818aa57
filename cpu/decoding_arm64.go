package cpu

import "unsafe"

// decodeQ8SingleNEON is the decoder of q8 entries to singles.
func decodeQ8SingleNEON(numbers *float32, apart int, rows *[blockRows][]byte, from, to int) {
	all := unsafe.Slice(numbers, (blockRows-1)*apart+to-from)
	for j, row := range rows {
		decodeQ8NEON(&all[j*apart], &row[from], to-from)
	}
}
