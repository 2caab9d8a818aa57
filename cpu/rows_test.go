package cpu

import "testing"

// TestAdviseHugePages: advice takes slices of any length and place, and leaves them as they are.
func TestAdviseHugePages(t *testing.T) {
	const most = 5 << 20
	all := make([]uint16, most)
	for _, from := range []int{0, 1, 4096, 1<<20 - 1, most} {
		for _, length := range []int{0, 1, 1 << 19, 1 << 20, 3<<20 + 1} {
			adviseHugePages(all[from:min(from+length, most)])
		}
	}
	adviseHugePages[uint16](nil)
	for i := range all {
		if all[i] != 0 {
			t.Fatalf("number %d is %d", i, all[i])
		}
		all[i] = 1
	}
}
