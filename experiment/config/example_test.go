package config_test

import (
	"fmt"

	"github.com/matsense/matsense/experiment/config"
)

// Settings that are not given follow from those that are; a mistake is told with the place where it was made.
func Example() {
	c := config.Default()
	for key, value := range map[string]string{"n": "20", "rank": "2", "ensemble": "completion"} {
		f, _ := c.Field(key)
		if err := f.Set(value, "--"+key); err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println(c.Check(), c.Measurements, c.FactorRank)

	f, _ := c.Field("rank")
	fmt.Println(f.Set("21", "--rank"), c.Check())
	// Output:
	// <nil> 210 20
	// <nil> --rank goes from 1 to n = 20, got 21
}
