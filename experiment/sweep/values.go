package sweep

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/matsense/matsense/experiment/config"
)

// linspace returns count evenly spaced numbers from first to last.
func linspace(first, last float64, count int) []float64 {
	return spaced(first, last, count, func(t float64) float64 {
		return first*(1-t) + last*t
	})
}

// logspace returns count numbers from first to last whose logarithms are evenly spaced. Both ends are
// positive.
func logspace(first, last float64, count int) []float64 {
	return spaced(first, last, count, func(t float64) float64 {
		return math.Exp(math.Log(first)*(1-t) + math.Log(last)*t)
	})
}

// spaced returns at(t) for count evenly spaced t from 0 to 1. Values between the ends are rounded to 12
// digits: this turns 1.0000000000000005e-09 into 1e-9, and removes last bits that differ between machines.
func spaced(first, last float64, count int, at func(t float64) float64) []float64 {
	values := []float64{first}
	for i := 1; i < count-1; i++ {
		x := at(float64(i) / float64(count-1))
		if rounded, err := strconv.ParseFloat(strconv.FormatFloat(x, 'e', 11, 64), 64); err == nil {
			x = rounded
		}
		values = append(values, x)
	}
	if count > 1 {
		values = append(values, last)
	}
	return values
}

// isLog says whether there are at least three different numbers, all positive, whose logarithms are spaced
// more evenly than the numbers, or two that are at least a hundredfold apart.
func isLog(values []string) bool {
	var numbers, logs []float64
	for _, v := range values {
		x, err := strconv.ParseFloat(v, 64)
		if err != nil || !(x > 0) || math.IsInf(x, 1) {
			return false
		}
		numbers = append(numbers, x)
	}
	slices.Sort(numbers)
	numbers = slices.Compact(numbers)
	for _, x := range numbers {
		logs = append(logs, math.Log(x))
	}
	if len(numbers) == 2 {
		return numbers[1] >= 100*numbers[0]
	}
	return len(numbers) >= 3 && unevenness(logs) < unevenness(numbers)
}

// unevenness is the ratio of the largest step to the smallest between numbers in ascending order.
func unevenness(numbers []float64) float64 {
	least, most := math.Inf(1), 0.0
	for i := 1; i < len(numbers); i++ {
		step := numbers[i] - numbers[i-1]
		least, most = min(least, step), max(most, step)
	}
	return most / least
}

// describe names a run by its settings, as in "alpha 1e-3, rank 2".
func describe(keys, values []string) string {
	var parts []string
	for i, key := range keys {
		parts = append(parts, key+" "+printable(values[i]))
	}
	return strings.Join(parts, ", ")
}

// printable returns a value for a message, in quotes unless it is one plain word.
func printable(value string) string {
	quoted := strconv.Quote(value)
	if value == "" || strings.Contains(value, " ") || quoted != `"`+value+`"` {
		return quoted
	}
	return value
}

// field returns the setting with a key that is known to exist.
func field(c *config.Config, key string) config.Field {
	fields := c.Fields()
	return fields[slices.IndexFunc(fields, func(f config.Field) bool { return f.Key == key })]
}

// formatNumber writes a number in the fewest digits from which it can be read back exactly.
func formatNumber(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }
