package cpu

import "unsafe"

// decodeQ8SingleAVX2 is the decoder of q8 entries to singles.
func decodeQ8SingleAVX2(numbers *float32, apart int, rows *[blockRows][]byte, from, to int) {
	all := unsafe.Slice(numbers, (blockRows-1)*apart+to-from)
	for j, row := range rows {
		decodeQ8AVX2(&all[j*apart], &row[from], to-from, decodedStrip)
	}
}

// decodeQ8DoubleAVX2 is the decoder of q8 entries to doubles, for a strip of a group.
func decodeQ8DoubleAVX2(numbers *float64, apart int, rows *[blockRows][]byte, from, to int) {
	const length = stripBytes / 8
	var singles [blockRows * length]float32
	decodeQ8SingleAVX2(&singles[0], length, rows, from, to)
	var decoded block[float32]
	for j := range decoded {
		decoded[j] = singles[j*length:][:length]
	}
	decodeF32DoubleAVX2(numbers, apart, rawRows(&decoded), 0, to-from)
}
