package sweep

import (
	"math"
	"slices"
	"strconv"
)

// linspace returns count numbers from first to last, evenly spaced.
func linspace(first, last float64, count int) []float64 {
	return spaced(first, last, count, func(t float64) float64 {
		return first*(1-t) + last*t
	})
}

// logspace returns count numbers from first to last, both positive, whose logarithms are evenly spaced.
func logspace(first, last float64, count int) []float64 {
	return spaced(first, last, count, func(t float64) float64 {
		return math.Exp(math.Log(first)*(1-t) + math.Log(last)*t)
	})
}

// spaced returns the values at count points t from 0 to 1. Those between the ends are rounded to 12 digits, which makes
// 1e-9 of 1.0000000000000005e-09, and the same of what machines compute with other last bits.
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

// isLog says whether numbers are positive, at least three, and spaced more evenly in their logarithms than as they are.
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
	return len(numbers) >= 3 && unevenness(logs) < unevenness(numbers)
}

// unevenness is the ratio of the largest step to the smallest, of numbers in ascending order.
func unevenness(numbers []float64) float64 {
	least, most := math.Inf(1), 0.0
	for i := 1; i < len(numbers); i++ {
		step := numbers[i] - numbers[i-1]
		least, most = min(least, step), max(most, step)
	}
	return most / least
}
