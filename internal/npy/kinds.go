package npy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"
)

// kind is a type of an array's elements.
type kind struct {
	size int // in bytes
	// number returns an element, and whether float64 has it exactly.
	number func(raw []byte, order binary.ByteOrder) (v float64, exact bool)
}

// kinds are the types that are read, by NumPy's letter and size.
var kinds = map[string]kind{
	"f8": {8, func(raw []byte, o binary.ByteOrder) (float64, bool) {
		return math.Float64frombits(o.Uint64(raw)), true
	}},
	"f4": {4, func(raw []byte, o binary.ByteOrder) (float64, bool) {
		return float64(math.Float32frombits(o.Uint32(raw))), true
	}},
	"f2": {2, func(raw []byte, o binary.ByteOrder) (float64, bool) { return half(o.Uint16(raw)), true }},
	"i1": {1, func(raw []byte, _ binary.ByteOrder) (float64, bool) { return float64(int8(raw[0])), true }},
	"u1": {1, func(raw []byte, _ binary.ByteOrder) (float64, bool) { return float64(raw[0]), true }},
	"b1": {1, func(raw []byte, _ binary.ByteOrder) (float64, bool) { return float64(min(raw[0], 1)), true }},
	"i2": {2, func(raw []byte, o binary.ByteOrder) (float64, bool) {
		return float64(int16(o.Uint16(raw))), true
	}},
	"u2": {2, func(raw []byte, o binary.ByteOrder) (float64, bool) { return float64(o.Uint16(raw)), true }},
	"i4": {4, func(raw []byte, o binary.ByteOrder) (float64, bool) {
		return float64(int32(o.Uint32(raw))), true
	}},
	"u4": {4, func(raw []byte, o binary.ByteOrder) (float64, bool) { return float64(o.Uint32(raw)), true }},
	"i8": {8, func(raw []byte, o binary.ByteOrder) (float64, bool) {
		n := int64(o.Uint64(raw))
		v := float64(n)
		return v, v < 1<<63 && int64(v) == n // 2⁶³ is no int64
	}},
	"u8": {8, func(raw []byte, o binary.ByteOrder) (float64, bool) {
		n := o.Uint64(raw)
		v := float64(n)
		return v, v < 1<<64 && uint64(v) == n
	}},
}

// kindOf returns the type that a header names, and its byte order.
func kindOf(descr string) (kind, binary.ByteOrder, error) {
	var order binary.ByteOrder = binary.LittleEndian
	name := descr
	if descr != "" && strings.ContainsRune("<>|=", rune(descr[0])) {
		name = descr[1:]
		if descr[0] == '>' {
			order = binary.BigEndian
		}
	}
	if k, ok := kinds[name]; ok {
		return k, order, nil
	}
	switch {
	case strings.Contains(descr, "O"):
		return kind{}, nil, errors.New("an array of Python objects, which is never loaded; " +
			"save it as float64")
	case strings.HasPrefix(name, "c"):
		return kind{}, nil, fmt.Errorf("%w, of type %q, where real ones are read", ErrComplex, descr)
	}
	return kind{}, nil, fmt.Errorf("an array of type %q; real and whole numbers of up to 64 bits are read: "+
		"save it with .astype(\"float64\")", descr)
}

// half returns a number of 16 bits, of IEEE 754's binary16: a sign, five bits of the exponent, and ten of the
// fraction.
func half(bits uint16) float64 {
	fraction, exponent := uint64(bits&0x3ff), int(bits>>10&0x1f)
	var v float64
	switch exponent {
	case 0: // zero, or below the least normal number, 2⁻¹⁴
		v = math.Ldexp(float64(fraction), -24)
	case 31: // infinity, or not a number with its payload
		v = math.Float64frombits(0x7ff<<52 | fraction<<42)
	default:
		v = math.Ldexp(float64(1<<10|fraction), exponent-25)
	}
	if bits>>15 != 0 {
		return math.Float64frombits(math.Float64bits(v) | 1<<63)
	}
	return v
}
