package gpu

import (
	"errors"
	"testing"

	"github.com/matsense/matsense/gpu/driver"
)

// queue is a device whose work takes no time, and that counts launches and waits.
type queue struct {
	driver.Device
	launches, waits int
}

func (q *queue) Launch(driver.Launch) error {
	q.launches++
	return nil
}

func (q *queue) Wait() error {
	q.waits++
	return nil
}

// TestPass: an interruption ends a pass before its next launch, and no launch outside of a pass. As long as
// launches take no time, there are ever fewer waits: the logarithm of the launches.
func TestPass(t *testing.T) {
	stopped := errors.New("stopped")
	q := &queue{}
	d := &device{Device: q, interrupted: func() error {
		if q.launches >= 10_000 {
			return stopped
		}
		return nil
	}}
	launch := func() error { return d.launch("combine", driver.Dim{1, 1, 1}, driver.Dim{1, 1, 1}) }
	err := d.pass(func() error {
		for range 20_000 {
			if err := launch(); err != nil {
				return err
			}
		}
		return nil
	})
	if !errors.Is(err, stopped) || q.launches != 10_000 {
		t.Errorf("the pass ended after %d launches with %v", q.launches, err)
	}
	if q.waits < 1 || q.waits > 20 {
		t.Errorf("%d waits for %d launches", q.waits, q.launches)
	}
	if err := launch(); err != nil || q.launches != 10_001 {
		t.Errorf("after the pass: %v", err)
	}
}
