package driver_test

import (
	"errors"
	"fmt"

	"github.com/matsense/matsense/gpu/driver"
)

// A backend's errors wrap the sentinels, and its callers branch on them.
func Example() {
	err := fmt.Errorf("gpu: allocate rows: %w", driver.ErrMemory)
	fmt.Println(errors.Is(err, driver.ErrMemory), errors.Is(err, driver.ErrLost))
	fmt.Println(driver.Dim{132, 2, 1}.Count(), "blocks")
	// Output:
	// true false
	// 264 blocks
}
