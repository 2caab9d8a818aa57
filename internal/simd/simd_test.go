package simd

import "testing"

func TestAllowed(t *testing.T) {
	for _, c := range []struct {
		choice       string
		avx512, avx2 bool
	}{
		{"", true, true}, {"auto", true, true}, {"avx512", true, true}, {"avx2", false, true},
		{"off", false, false},
	} {
		t.Setenv(Variable, c.choice)
		if avx512, avx2 := Allowed("avx512"), Allowed("avx2"); avx512 != c.avx512 || avx2 != c.avx2 {
			t.Errorf("%s=%s allows avx512: %v, avx2: %v", Variable, c.choice, avx512, avx2)
		}
	}
}
