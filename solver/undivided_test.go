package solver

import (
	"errors"
	"testing"
)

// TestUndivided: an interruption does not wait for work that cannot be divided, and an error of the work is
// passed on.
func TestUndivided(t *testing.T) {
	broken, stopped := errors.New("broken"), errors.New("stopped")
	forever := make(chan struct{})
	defer close(forever)
	asked := 0
	interrupted := func() error {
		if asked++; asked == 3 {
			return stopped
		}
		return nil
	}
	if err := undivided(interrupted, func() error { <-forever; return nil }); !errors.Is(err, stopped) {
		t.Errorf("interrupted, it returns %v", err)
	}
	for _, ask := range []func() error{nil, func() error { return nil }} {
		if err := undivided(ask, func() error { return broken }); !errors.Is(err, broken) {
			t.Errorf("the work fails, and it returns %v", err)
		}
	}
}
