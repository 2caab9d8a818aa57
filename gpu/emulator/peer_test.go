package emulator_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/gpu/emulator"
)

// TestCopyFrom: a device copies pieces from another one, within the allocations of both, and undefined bytes
// stay undefined.
func TestCopyFrom(t *testing.T) {
	t.Parallel()
	a, b := open(t, emulator.Config{}), open(t, emulator.Config{})
	from, err := a.Alloc(8)
	must(t, err)
	to, err := b.Alloc(8)
	must(t, err)
	must(t, errors.Join(a.Upload(from, []byte{1, 2, 3, 4}), b.Fill(to, 9, 8)))
	peer, err := a.Peer()
	must(t, err)
	must(t, b.CopyFrom(peer, driver.Piece{Dst: to, Src: from + 1, Size: 2},
		driver.Piece{Dst: to + 4, Src: from + 3, Size: 2}))
	got := make([]byte, 8)
	must(t, b.Download(got, to))
	if want := []byte{2, 3, 9, 9, 4, 0xa5, 9, 9}; !bytes.Equal(got, want) { // a5 is undefined
		t.Errorf("the copies are % x, want % x", got, want)
	}
	self, err := b.Peer()
	must(t, err)
	for name, c := range map[string]struct {
		from driver.Peer
		driver.Piece
		text string
	}{
		"past the source":      {peer, driver.Piece{Dst: to, Src: from + 1, Size: 8}, "copy from this device of 8"},
		"past the destination": {peer, driver.Piece{Dst: to + 1, Src: from, Size: 8}, "copy of 8 bytes"},
		"from itself":          {self, driver.Piece{Dst: to, Src: to + 4, Size: 2}, "no other emulator"},
	} {
		if err := b.CopyFrom(c.from, c.Piece); err == nil || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v, want %q", name, err, c.text)
		}
	}
	none := open(t, emulator.Config{NoPeers: true})
	if err := none.CopyFrom(peer); !errors.Is(err, driver.ErrPeer) {
		t.Errorf("a device without peers: %v", err)
	}
	lost := errors.New("lost")
	a.Fail(1, lost)
	if err := b.CopyFrom(peer, driver.Piece{Dst: to, Src: from, Size: 1}); !errors.Is(err, lost) {
		t.Errorf("a copy from a device that fails: %v", err)
	}
	a.Fail(0, nil)
}
