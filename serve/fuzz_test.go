package serve_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/matsense/matsense/solver"
)

// counted collects answers. As an input it has no lines, and ends when it has collected as many answers as
// there are requests: a long call is not ended by the end of the input.
type counted struct {
	bytes.Buffer
	lines, most int
	reached     chan struct{}
}

func (c *counted) Write(p []byte) (int, error) {
	c.lines++
	if c.lines == c.most {
		close(c.reached)
	}
	return c.Buffer.Write(p)
}

func (c *counted) Read([]byte) (int, error) {
	select {
	case <-c.reached:
	case <-time.After(time.Minute):
	}
	return 0, io.EOF
}

// FuzzRequests: whatever the lines of the input are, each has one answer, which is a JSON object with the id
// of the request or null, and the server goes on to the end of the input.
func FuzzRequests(f *testing.F) {
	for _, seed := range []string{
		``, "\n", `x`, `{}`, `[]`, `{"id":[1,{"a":null}],"call":"hello","protocol":1}`,
		`{"id":1,"call":"hello","protocol":1e99}`,
		`{"id":1,"call":"share","path":"nowhere","bytes":80}`,
		`{"id":1,"call":"unshare","memory":1}`,
		`{"id":1,"call":"open","settings":{"n":3,"rank":1,"alpha":"1e-3","parametrization":"uv"},"members":2}`,
		`{"id":1,"call":"open","settings":{"n":4,"rank":1,"parametrization":"deep","depth":3}}`,
		`{"id":1,"call":"open","settings":{"n":4,"rank":1,"ensemble":"pauli","measurements":7,"n":[]}}`,
		`{"id":1,"call":"start","problem":1,"settings":{"alpha":0.1,"init":"spectral"},"out":[{"as":"base64"}]}`,
		`{"id":1,"call":"value_and_grad","problem":1,"factor":[[{"data":[[1,2],[3,4],[5,"NaN"]]}]],"grad":[[{}]]}`,
		`{"id":1,"call":"value","problem":1,"factor":[[{"shape":[3,1],"base64":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}]]}`,
		`{"id":1,"call":"value","problem":1,"factor":[[{"memory":1,"offset":-8,"shape":[3,1]}]]}`,
		`{"id":1,"call":"value","problem":1,"factor":[[{"shape":[3,4611686018427387904],"data":[]}]]}`,
		`{"id":1,"call":"observations","problem":1,"out":{"memory":0}}`,
		`{"id":1,"call":"apply","problem":1,"left":{"data":[1,2,3]},"right":{"data":[1,2,3]}}`,
		`{"id":1,"call":"apply","problem":1,"matrix":{"data":[[1,2,3],[1,2,3],[1,2,3]]}}`,
		`{"id":1,"call":"adjoint","problem":1,"weights":{"data":[1,2,3,4,5]},"x":{"data":[1,2,3]},"transpose":true}`,
		`{"id":1,"call":"spectral","problem":1,"k":3,"left":{"as":"base64"}}`,
		`{"id":1,"call":"metrics","problem":1,"factor":[{"data":[1,0,0]}]}` + "\n" + `{"id":2,"call":"close","problem":1}`,
		`{"id":1,"call":"metrics","problem":1,"factor":[{"data":[1e300,-1e300,"Infinity"]}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, lines []byte) {
		t.Chdir(t.TempDir()) // where a path of a request leads nowhere
		s := server()
		s.Host.Memory = func(solver.Backend) (float64, error) { return 2e6, nil }
		open := `{"id":0,"call":"open","settings":{"n":3,"rank":1,"measurements":5,"device":"cpu"}}` + "\n"
		var written [][]byte // blank lines are passed over
		for line := range bytes.SplitSeq(lines, []byte("\n")) {
			if len(bytes.TrimSpace(line)) > 0 {
				written = append(written, line)
			}
		}
		requests := len(written)
		if len(lines) > 0 && lines[len(lines)-1] != '\n' {
			lines = append(lines, '\n')
		}
		out := counted{most: requests + 1, reached: make(chan struct{})}
		in := io.MultiReader(strings.NewReader(open+string(lines)), &out)
		if err := s.Serve(context.Background(), in, &out); err != nil {
			t.Fatal(err)
		}
		answers := bytes.Split(bytes.TrimSuffix(out.Bytes(), []byte("\n")), []byte("\n"))
		if len(answers) != requests+1 {
			t.Fatalf("%d requests have %d answers:\n%s", requests, len(answers)-1, out.Bytes())
		}
		for i, line := range written {
			var request, answer struct {
				ID any `json:"id"`
			}
			if err := json.Unmarshal(answers[i+1], &answer); err != nil {
				t.Fatalf("%s\nis answered by %s: %v", line, answers[i+1], err)
			}
			if err := json.Unmarshal(line, &request); err != nil {
				continue
			}
			want, _ := json.Marshal(request.ID)
			if got, _ := json.Marshal(answer.ID); !bytes.Equal(got, want) {
				t.Fatalf("%s\nis answered with the id %s", line, got)
			}
		}
	})
}
