package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"time"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/cpu"
	"github.com/matsense/matsense/internal/machine"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// command is a command of the driving program. Each verb reads the fields that it needs.
type command struct {
	Do         string           `json:"do"`
	Name       string           `json:"name"`
	Entries    sensing.Entries  `json:"entries"`
	Storage    solver.Storage   `json:"storage"`
	Precision  solver.Precision `json:"precision"`
	N          int              `json:"n"`
	M          int              `json:"m"`
	FactorRank int              `json:"factor_rank"`
	Members    int              `json:"members"`
	Rounds     int              `json:"rounds"`
	From       int              `json:"from"`
	To         int              `json:"to"`
	Path       string           `json:"path"`
}

// answer is the answer to a command.
type answer struct {
	Error   string `json:"error,omitempty"`
	Refused string `json:"refused,omitempty"`
	// Bytes counts the entries that a gradient reads from memory; 0 if they are generated.
	Bytes          float64   `json:"bytes,omitempty"`
	Seconds        []float64 `json:"seconds,omitempty"`
	BytesPerSecond float64   `json:"bytes_per_second,omitempty"`
	PeakBytes      float64   `json:"peak_bytes,omitempty"`
	AvailableBytes float64   `json:"available_bytes,omitempty"`
	Processor      string    `json:"processor,omitempty"`
	Device         string    `json:"device,omitempty"`
	Go             string    `json:"go,omitempty"`
}

// server has the engines that were prepared.
type server struct {
	prepared map[string]*prepared
	stored   map[ensembleKey]sensing.Ensemble // with rows in memory, which engines of every arithmetic share
	probe    func() (float64, error)          // made on first use, because it takes half a GiB
	numbers  []float64                        // decoded rows on their way to a file
}

// prepared is one engine, with the iterates of its members.
type prepared struct {
	key      ensembleKey
	ensemble sensing.Ensemble
	engine   solver.Engine
	factors  []solver.Factor
	all      []int // 0 to the number of members
}

func newServer() *server {
	return &server{prepared: map[string]*prepared{}, stored: map[ensembleKey]sensing.Ensemble{}}
}

func (s *server) do(c command) (answer, error) {
	switch c.Do {
	case "machine":
		memory, err := machine.FindMemory()
		return answer{
			AvailableBytes: memory.Available, Processor: machine.Processor(),
			Device: cpu.Backend{}.Device(), Go: runtime.Version(),
		}, err
	case "memory":
		peak, err := peakMemory()
		return answer{PeakBytes: peak}, err
	case "bandwidth":
		rate, err := s.bandwidth()
		return answer{BytesPerSecond: rate}, err
	case "prepare":
		return s.prepare(c)
	}
	p := s.prepared[c.Name]
	if p == nil {
		return answer{}, fmt.Errorf("nothing was prepared as %q for the command %q", c.Name, c.Do)
	}
	switch c.Do {
	case "time":
		seconds, err := p.time(c.Members, c.Rounds)
		return answer{Seconds: seconds}, err
	case "gradient":
		return answer{}, p.writeGradients(c.Path, c.Members)
	case "factors":
		return answer{}, writeFactors(c.Path, p.factors)
	case "observations":
		y := p.engine.Observations()
		return answer{}, write(c.Path, []int{len(y)}, y)
	case "rows":
		var err error
		if s.numbers, err = decode(s.numbers[:0], p.ensemble, c.From, c.To); err != nil {
			return answer{}, err
		}
		return answer{}, write(c.Path, []int{c.To - c.From, p.ensemble.Space().K()}, s.numbers)
	case "release":
		return answer{}, s.release(c.Name)
	}
	return answer{}, fmt.Errorf("no command is called %q", c.Do)
}

// bandwidth measures the rate at which memory is read.
func (s *server) bandwidth() (float64, error) {
	if s.probe == nil {
		measure, _, err := cpu.Backend{}.Probe() // its memory is freed when the process ends
		if err != nil {
			return 0, err
		}
		s.probe = measure
	}
	return s.probe()
}

// prepare opens an engine. If the backend refuses it, the answer says so; that is no error.
func (s *server) prepare(c command) (answer, error) {
	if c.Members < 1 {
		return answer{}, fmt.Errorf("members must be positive, got %d", c.Members)
	}
	if c.Storage != solver.Memory && c.Storage != solver.Generated {
		return answer{}, fmt.Errorf("storage is memory or generated, got %q", c.Storage)
	}
	if s.prepared[c.Name] != nil {
		return answer{}, fmt.Errorf("%q is prepared already", c.Name)
	}
	key := ensembleKey{c.Entries, c.N, c.M}
	ensemble, err := key.ensemble()
	if err != nil {
		return answer{}, err
	}
	truth, err := sensing.NewTruth(c.N, 1, 1, truthSeed)
	if err != nil {
		return answer{}, err
	}
	backend := cpu.Backend{Storage: c.Storage, Precision: c.Precision}
	batch := solver.Batch{Parametrization: solver.PSD{}}
	for range c.Members {
		batch.FactorRanks = append(batch.FactorRanks, c.FactorRank)
	}
	problem := &sensing.Problem{Ensemble: ensemble, Truth: truth}
	if _, err := backend.Memory(problem, batch); err != nil {
		return answer{Refused: err.Error()}, nil
	}
	var a answer
	if c.Storage == solver.Memory {
		a.Bytes = float64(c.M) * float64(ensemble.Space().K()) * float64(c.Entries.EntryBits()) / 8
		if s.stored[key] == nil {
			s.stored[key] = inMemory(ensemble)
		}
		problem.Ensemble = s.stored[key]
	}
	engine, err := backend.Open(context.Background(), problem, batch)
	if err != nil {
		return answer{}, err
	}
	p := &prepared{key: key, ensemble: problem.Ensemble, engine: engine}
	for i := range c.Members {
		start := solver.Random{Alpha: startSize, Seed: uint64(i + 1)}
		u, err := start.Factor([]solver.Shape{{Rows: c.N, Cols: c.FactorRank}}, nil)
		if err != nil {
			return answer{}, errors.Join(err, engine.Close())
		}
		p.factors = append(p.factors, u)
		p.all = append(p.all, i)
	}
	s.prepared[c.Name] = p
	return a, nil
}

// release closes an engine. If no other engine reads its rows, release frees them.
func (s *server) release(name string) error {
	p := s.prepared[name]
	delete(s.prepared, name)
	for _, other := range s.prepared {
		if other.key == p.key {
			return p.engine.Close()
		}
	}
	delete(s.stored, p.key)
	err := p.engine.Close()
	debug.FreeOSMemory() // the next engine may need the freed memory
	return err
}

// time returns the seconds of each of some gradients of the first members together. Each time, untimed, the
// iterates are set again, because an engine does not repeat the gradient of an unchanged iterate.
func (p *prepared) time(members, rounds int) ([]float64, error) {
	seconds := make([]float64, 0, max(rounds, 0))
	for range rounds {
		asked, err := p.set(members)
		if err != nil {
			return nil, err
		}
		began := time.Now()
		if err := p.engine.Gradient(asked...); err != nil {
			return nil, err
		}
		if err := p.engine.Wait(); err != nil {
			return nil, err
		}
		seconds = append(seconds, time.Since(began).Seconds())
	}
	return seconds, nil
}

// set sets the iterates of the first members again and returns the members' numbers.
func (p *prepared) set(members int) ([]int, error) {
	if members < 1 || members > len(p.all) {
		return nil, fmt.Errorf("members go from 1 to %d, got %d", len(p.all), members)
	}
	for _, i := range p.all[:members] {
		if err := p.engine.Set(i, solver.Iterate, p.factors[i]); err != nil {
			return nil, err
		}
	}
	return p.all[:members], nil
}

func (p *prepared) writeGradients(path string, members int) error {
	asked, err := p.set(members)
	if err != nil {
		return err
	}
	if err := p.engine.Gradient(asked...); err != nil {
		return err
	}
	gradients := make([]solver.Factor, members)
	for _, i := range asked {
		gradients[i] = solver.NewFactor(p.factors[i].Shapes())
		if err := p.engine.Get(i, solver.Gradient, gradients[i]); err != nil {
			return err
		}
	}
	return writeFactors(path, gradients)
}

// writeFactors writes factors of one matrix each as an array of members × n × r.
func writeFactors(path string, factors []solver.Factor) error {
	shape := factors[0].Shapes()[0]
	var numbers []float64
	for _, f := range factors {
		numbers = append(numbers, mat.DenseCopyOf(f[0]).RawMatrix().Data...)
	}
	return write(path, []int{len(factors), shape.Rows, shape.Cols}, numbers)
}
