package experiment

import (
	"testing"
)

func TestBytes(t *testing.T) {
	for _, c := range []struct {
		n    float64
		want string
	}{
		{0, "0 B"}, {1, "1 B"}, {999, "999 B"}, {1000, "1 kB"}, {1234, "1.2 kB"}, {9_990, "10 kB"}, {12_345,
			"12 kB"},
		{99_400, "99 kB"}, {99_600, "100 kB"}, {123_456, "123 kB"}, {999_400, "999 kB"}, {999_600, "1 MB"},
		{1.5e6, "1.5 MB"},
		{25.3e9, "25 GB"}, {1e12, "1 TB"}, {2.5e15, "2.5 PB"}, {3e18, "3 EB"}, {4e21, "4000 EB"},
	} {
		if got := Bytes(c.n); got != c.want {
			t.Errorf("Bytes(%v) = %q, want %q", c.n, got, c.want)
		}
	}
}
