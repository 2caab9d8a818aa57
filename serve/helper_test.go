package serve_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"testing"
	"unsafe"

	"github.com/matsense/matsense/cpu"
	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/serve"
	"github.com/matsense/matsense/solver"
)

// asServer makes a process of the test binary a server on its standard input and output.
const asServer = "MATSENSE_TEST_SERVER"

func TestMain(m *testing.M) {
	if os.Getenv(asServer) == "" {
		os.Exit(m.Run())
	}
	debug.SetGCPercent(10) // as the command does
	if err := server().Serve(context.Background(), os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// server is a server on the host alone.
func server() serve.Server {
	return serve.Server{
		Host: experiment.Host{
			Auto: func() ([]string, string) { return []string{"cpu"}, "" },
			Backend: func(p experiment.Place) (solver.Backend, error) {
				return cpu.Backend{
					Storage: solver.Storage(p.Storage), Workers: p.Workers, SIMD: cpu.SIMD(p.SIMD),
					Precision: solver.Precision(p.Precision),
				}, nil
			},
			Memory:  func(solver.Backend) (float64, error) { return 8e9, nil },
			Version: "v0",
		},
		ExitCode: func(err error) int {
			if errors.As(err, new(*config.UsageError)) {
				return 2
			}
			return 1
		},
	}
}

// client asks a server.
type client struct {
	t   testing.TB
	in  io.WriteCloser
	out *bufio.Reader
}

// object is a JSON object.
type object = map[string]any

// connect starts a server in this process. It ends with the test, and must not fail.
func connect(t testing.TB) *client {
	t.Helper()
	requests, in := io.Pipe()
	out, answers := io.Pipe()
	ended := make(chan error)
	go func() {
		err := server().Serve(context.Background(), requests, answers)
		answers.Close()
		ended <- err
	}()
	t.Cleanup(func() {
		in.Close()
		if err := <-ended; err != nil {
			t.Errorf("the server ends with %v", err)
		}
	})
	return &client{t, in, bufio.NewReader(out)}
}

// line sends a line and returns the line of the answer.
func (c *client) line(text string) string {
	c.t.Helper()
	if _, err := io.WriteString(c.in, text+"\n"); err != nil {
		c.t.Fatal(err)
	}
	answer, err := c.out.ReadString('\n')
	if err != nil {
		c.t.Fatalf("no answer to %.200s: %v", text, err)
	}
	return answer
}

// request asks for a call and returns the answer, which may be an error.
func (c *client) request(call string, members object) object {
	c.t.Helper()
	r := object{"id": 7, "call": call}
	for name, v := range members {
		r[name] = v
	}
	text, err := json.Marshal(r)
	if err != nil {
		c.t.Fatal(err)
	}
	var a object
	if err := json.Unmarshal([]byte(c.line(string(text))), &a); err != nil {
		c.t.Fatal(err)
	}
	if a["id"] != 7.0 {
		c.t.Fatalf("the answer to request 7 has the id %v", a["id"])
	}
	return a
}

// ask asks for a call that must not fail.
func (c *client) ask(call string, members object) object {
	c.t.Helper()
	a := c.request(call, members)
	if a["error"] != nil {
		c.t.Fatalf("%s: %v", call, a["error"])
	}
	return a
}

// open opens a problem and returns its number.
func (c *client) open(settings object) float64 {
	c.t.Helper()
	return c.ask("open", object{"settings": settings})["problem"].(float64)
}

// inline is an array in a request.
func inline(rows, cols int, list []float64) object {
	return object{"shape": []int{rows, cols}, "data": list}
}

// floats are the numbers of a list of an answer.
func floats(list any) []float64 {
	var numbers []float64
	for _, v := range list.([]any) {
		numbers = append(numbers, v.(float64))
	}
	return numbers
}

// dataOf are the numbers of an inline array of an answer.
func dataOf(array any) []float64 { return floats(array.(object)["data"]) }

// shared is a file that is mapped here and in a server.
type shared struct {
	file   *os.File
	number float64
	data   []float64
}

// share makes a file, maps it and shares it.
func (c *client) share(count int) *shared {
	c.t.Helper()
	dir := "/dev/shm"
	if _, err := os.Stat(dir); err != nil {
		dir = c.t.TempDir()
	}
	f, err := os.CreateTemp(dir, "matsense-test-*")
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { f.Close() })
	defer os.Remove(f.Name()) // where the system allows it, the file has no name from here on
	if err := f.Truncate(int64(8 * count)); err != nil {
		c.t.Fatal(err)
	}
	mapped, err := serve.MapFile(f.Name(), 8*count)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = serve.Unmap(mapped) })
	a := c.ask("share", object{"path": f.Name(), "bytes": 8 * count})
	return &shared{
		f, a["memory"].(float64), unsafe.Slice((*float64)(unsafe.Pointer(unsafe.SliceData(mapped))), count),
	}
}

// at is an array in shared memory, from a number on.
func (s *shared) at(from, rows, cols int) object {
	return object{"memory": s.number, "offset": 8 * from, "shape": []int{rows, cols}}
}
