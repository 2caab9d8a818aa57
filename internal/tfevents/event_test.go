package tfevents

import (
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"math"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// TestCRC: the vectors of RFC 3720, appendix B.4, which has each CRC as its bytes are sent, the first one
// lowest.
func TestCRC(t *testing.T) {
	ascending, descending := make([]byte, 32), make([]byte, 32)
	for i := range 32 {
		ascending[i], descending[i] = byte(i), byte(31-i)
	}
	ones := make([]byte, 32)
	for i := range ones {
		ones[i] = 0xff
	}
	for name, c := range map[string]struct {
		bytes []byte
		want  string
	}{
		"zeros":      {make([]byte, 32), "aa36918a"},
		"ones":       {ones, "43aba862"},
		"ascending":  {ascending, "4e79dd46"},
		"descending": {descending, "5cdb3f11"},
	} {
		want, err := hex.DecodeString(c.want)
		if err != nil {
			t.Fatal(err)
		}
		crc := uint64(binary.LittleEndian.Uint32(want))
		if got := crc32.Checksum(c.bytes, castagnoli); uint64(got) != crc {
			t.Errorf("%s: CRC %08x, want %08x", name, got, crc)
		}
		// The rotation in 64 bits, and the published constant.
		masked := (crc>>15 | crc<<17&0xffffffff) + 0xa282ead8
		if got := maskedCRC(c.bytes); got != uint32(masked&0xffffffff) {
			t.Errorf("%s: masked CRC %08x, want %08x", name, got, masked&0xffffffff)
		}
	}
}

// messages splits records, and fails unless each is framed as the format says.
func messages(t *testing.T, b []byte) (all [][]byte) {
	t.Helper()
	for len(b) > 0 {
		if len(b) < 16 {
			t.Fatalf("%d bytes are no record", len(b))
		}
		length := binary.LittleEndian.Uint64(b)
		if got := binary.LittleEndian.Uint32(b[8:]); got != maskedCRC(b[:8]) {
			t.Fatalf("the length's CRC is %08x", got)
		}
		if length > uint64(len(b)-16) {
			t.Fatalf("a record of %d bytes in %d", length, len(b))
		}
		message := b[12 : 12+length]
		if got := binary.LittleEndian.Uint32(b[12+length:]); got != maskedCRC(message) {
			t.Fatalf("the message's CRC is %08x", got)
		}
		all, b = append(all, message), b[16+length:]
	}
	return all
}

// fields reads the fields of a message: its numbers as they are on the wire, and its bytes.
func fields(t *testing.T, b []byte) (map[protowire.Number]uint64, map[protowire.Number][][]byte) {
	t.Helper()
	numbers, parts := map[protowire.Number]uint64{}, map[protowire.Number][][]byte{}
	for len(b) > 0 {
		field, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			t.Fatal(protowire.ParseError(n))
		}
		b = b[n:]
		switch kind {
		case protowire.VarintType:
			numbers[field], n = protowire.ConsumeVarint(b)
		case protowire.Fixed64Type:
			numbers[field], n = protowire.ConsumeFixed64(b)
		case protowire.Fixed32Type:
			var v uint32
			v, n = protowire.ConsumeFixed32(b)
			numbers[field] = uint64(v)
		default:
			var part []byte
			part, n = protowire.ConsumeBytes(b)
			parts[field] = append(parts[field], part)
		}
		if n < 0 {
			t.Fatal(protowire.ParseError(n))
		}
		b = b[n:]
	}
	return numbers, parts
}

func TestScalars(t *testing.T) {
	at := time.Unix(1_700_000_000, 250_000_000)
	numbers, parts := fields(t, scalarsEvent(at, 130, []Scalar{{"a/b", 1.5}, {"c", float32(math.Inf(1))}}))
	if got := math.Float64frombits(numbers[1]); got != 1_700_000_000.25 || numbers[2] != 130 {
		t.Errorf("time %v and step %d", got, numbers[2])
	}
	_, summary := fields(t, parts[5][0])
	if len(summary[1]) != 2 {
		t.Fatalf("%d values, want 2", len(summary[1]))
	}
	value, tag := fields(t, summary[1][0])
	if got := math.Float32frombits(uint32(value[2])); got != 1.5 || string(tag[1][0]) != "a/b" {
		t.Errorf("%s has the value %v", tag[1][0], got)
	}
	if value, _ = fields(t, summary[1][1]); !math.IsInf(float64(math.Float32frombits(uint32(value[2]))), 1) {
		t.Errorf("infinity is %x", value[2])
	}
}

// TestSettings: a whole number that a float64 cannot hold is a text, with all its digits.
func TestSettings(t *testing.T) {
	for _, c := range []struct {
		value  any
		number float64
		text   string
	}{
		{value: 7, number: 7},
		{value: uint64(1) << 53, number: 1 << 53},
		{value: uint64(math.MaxUint64), text: "18446744073709551615"},
		{value: 1e-6, number: 1e-6},
		{value: math.Inf(1), text: "+Inf"},
		{value: "gd", text: "gd"},
		{value: "", text: ""},
	} {
		number, text := fields(t, settingValue(c.value))
		if bits, there := number[2]; there && math.Float64frombits(bits) != c.number {
			t.Errorf("%v: the number %v", c.value, math.Float64frombits(bits))
		} else if !there && (len(text[3]) != 1 || string(text[3][0]) != c.text || c.number != 0) {
			t.Errorf("%v: no number, and the texts %q", c.value, text[3])
		}
	}
}
