package cpu

// The tables that the assembly for signs reads: of each value of four bits, the numbers +1 for a bit that is
// clear, and −1 for one that is set, the lowest bit first.
var (
	signsDouble = signNumbers[float64]()
	signsSingle = signNumbers[float32]()
)

func signNumbers[F number]() (numbers [16][4]F) {
	for s := range numbers {
		for j := range numbers[s] {
			numbers[s][j] = 1 - 2*F(s>>j&1)
		}
	}
	return numbers
}
