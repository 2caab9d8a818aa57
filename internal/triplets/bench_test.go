package triplets

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

var benchLines = flag.Int("bench-lines", 200_000, "number of lines of BenchmarkLoad's files")

// BenchmarkLoad reads files such as people have. The lines that are read in a second are lines divided by
// ns/op.
func BenchmarkLoad(b *testing.B) {
	ratings := func(line string) []byte {
		var out bytes.Buffer
		r := rand.New(rand.NewPCG(1, 2))
		for range *benchLines {
			fmt.Fprintf(&out, line, r.IntN(100_000), r.IntN(100_000), float64(1+r.IntN(10))/2)
		}
		return out.Bytes()
	}
	entries := func(line string) []byte {
		var out bytes.Buffer
		r := rand.New(rand.NewPCG(1, 2))
		for range *benchLines {
			fmt.Fprintf(&out, line, 1+r.IntN(100_000), 1+r.IntN(100_000), r.NormFloat64())
		}
		return out.Bytes()
	}
	market := fmt.Sprintf("%%%%MatrixMarket matrix coordinate real general\n100000 100000 %d\n", *benchLines)
	for _, c := range []struct {
		name string
		text []byte
	}{
		{"ratings.csv", ratings("%d,%d,%g\n")},
		{"entries.csv", entries("%d,%d,%v\n")},
		{"entries.mtx", append([]byte(market), entries("%d %d %v\n")...)},
	} {
		path := filepath.Join(b.TempDir(), c.name)
		if err := os.WriteFile(path, c.text, 0o644); err != nil {
			b.Fatal(err)
		}
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(c.text)))
			for b.Loop() {
				if l, err := Load(path, 0); err != nil || l.Count != *benchLines {
					b.Fatal(err)
				}
			}
		})
	}
}
