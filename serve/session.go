package serve

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/experiment/config"
)

// Protocol is the version of the protocol.
const Protocol = 1

// Server answers requests.
type Server struct {
	// Host is the machine.
	Host experiment.Host
	// ExitCode returns the exit code that the command has for an error.
	ExitCode func(error) int
	// Progress tells of a run by lines of out, as `matsense run --json` does, until end is called.
	Progress func(out io.Writer, p *experiment.Plan) (progress experiment.Progress, end func())
	// Publish writes the figures and the report of a run that has ended.
	Publish func(*experiment.Outcome, experiment.Progress) error
}

// Serve answers the requests of an input on an output until the input ends, ctx is done, or the output cannot
// be written, and frees everything. It returns ctx's error if ctx ended it, the error of the output, or nil.
// A call under way is ended early. Serve may leave a goroutine behind that waits for the input.
func (s Server) Serve(ctx context.Context, in io.Reader, out io.Writer) error {
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true)) // memory whose file was cut off: see [memory]
	t := &session{
		Server: s, ctx: inner, out: &lineWriter{w: out},
		memories: map[int]*memory{}, problems: map[int]*problem{},
	}
	in, closeInput := polled(in)
	defer closeInput()
	t.lines = readLines(in, cancel, t.cancels)
	defer t.close()
	err := t.answerUntil(func([]byte) bool { return false })
	if errors.Is(err, errEnded) {
		return ctx.Err()
	}
	return err
}

// session is one program's requests, and what it has opened.
type session struct {
	Server
	ctx   context.Context
	lines <-chan line
	out   io.Writer
	spare *answer // of the request before, for its memory

	memories                map[int]*memory
	problems                map[int]*problem
	lastMemory, lastProblem int // the numbers that were given last

	cancelRun atomic.Pointer[context.CancelFunc] // of the run under way; nil if there is none
}

// lineWriter writes whole lines, one at a time: a run tells of itself in a goroutine of its own.
type lineWriter struct {
	mu sync.Mutex
	w  io.Writer
}

// Write implements io.Writer.
func (l *lineWriter) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(line)
}

// cancels carries out a line that cancels the run under way, and says whether the line is one. It is called
// while the run goes on.
func (s *session) cancels(text []byte) bool {
	if string(bytes.TrimSpace(text)) != `{"cancel":true}` {
		return false
	}
	if cancel := s.cancelRun.Load(); cancel != nil {
		(*cancel)()
	}
	return true
}

// errEnded says that the input has ended, or that the session is to end.
var errEnded = errors.New("the session has ended")

// answerUntil answers requests until ends is true of a line that names no call: a call that asks the other
// program something waits for its reply in this way. The error is errEnded if the session has to end before,
// or that of the output.
func (s *session) answerUntil(ends func(text []byte) bool) error {
	for {
		select {
		case <-s.ctx.Done():
			return errEnded
		case l, more := <-s.lines:
			if !more {
				return errEnded
			}
			h, err := head{}, l.err
			if err == nil {
				h, err = headOf(l.text)
			}
			if err == nil && h.Call == "" && ends(l.text) {
				return nil
			}
			if err := s.answer(h, err, l.text); err != nil {
				return err
			}
		}
	}
}

// answer answers one request, or says why it cannot be read. The error is that of the output, or errEnded if
// the call was ended early.
func (s *session) answer(h head, err error, text []byte) error {
	a := s.spare
	if s.spare = nil; a == nil {
		a = new(answer)
	}
	a.begin(h.ID)
	if err == nil {
		err = s.do(h.Call, text, a)
	}
	if err != nil {
		if s.ctx.Err() != nil && errors.Is(err, context.Canceled) {
			return errEnded
		}
		a.begin(h.ID)
		a.text("error", err.Error())
		a.whole("exit_code", s.ExitCode(err))
	}
	return s.write(a)
}

// write writes an answer, or an event, and keeps its memory.
func (s *session) write(a *answer) error {
	_, err := s.out.Write(a.end())
	s.spare = a
	return err
}

// do carries out a call.
func (s *session) do(name string, text []byte, a *answer) (err error) {
	c, known := calls[name]
	switch {
	case name == "":
		return config.Usagef(`a request has a member "call" with the name of a call`)
	case !known:
		return config.Usagef("unknown call %q; did you mean %q?", name,
			config.Nearest(name, slices.Sorted(maps.Keys(calls))))
	}
	defer func() {
		failed := recover()
		fault, isFault := failed.(interface{ Addr() uintptr })
		switch {
		case isFault && s.isShared(fault.Addr()):
			err = config.Usagef("the shared memory cannot be used any more: its file was made shorter")
		case failed != nil:
			panic(failed)
		}
	}()
	return c(s, text, a)
}

// close frees everything.
func (s *session) close() {
	for _, p := range s.problems {
		_ = p.close() // the session has ended, and nobody could be told
	}
	for _, m := range s.memories {
		m.close()
	}
}

// call carries out a request and appends the members of its answer. The text is only valid until another line
// is read.
type call func(s *session, text []byte, a *answer) error

// calls are all calls.
var calls map[string]call

func init() { // calls that read requests themselves use the table
	calls = map[string]call{
		"hello":          (*session).hello,
		"share":          (*session).share,
		"unshare":        (*session).unshare,
		"open":           (*session).open,
		"close":          (*session).closeProblem,
		"start":          (*session).start,
		"value_and_grad": (*session).valueAndGrad,
		"solve":          (*session).solve,
		"value":          (*session).value,
		"observations":   (*session).observations,
		"apply":          (*session).apply,
		"adjoint":        (*session).adjoint,
		"spectral":       (*session).spectral,
		"metrics":        (*session).metrics,
		"matrices":       (*session).matrices,
		"bandwidth":      (*session).bandwidth,
	}
}

// hello tells the version of the protocol and of the program.
func (s *session) hello(text []byte, a *answer) error {
	var r struct {
		head
		Protocol int `json:"protocol"`
	}
	if err := decode(text, &r); err != nil {
		return err
	}
	if r.Protocol != Protocol {
		return config.Usagef("protocol: this is matsense %s, which speaks version %d of the protocol, not %d: "+
			"install the same version of both programs", s.Host.Version, Protocol, r.Protocol)
	}
	a.whole("protocol", Protocol)
	a.text("version", s.Host.Version)
	return nil
}

// problemOf decodes a request of a call on a problem, and returns the problem of the number that it has.
func (s *session) problemOf(text []byte, request any, number *int) (*problem, error) {
	if err := decode(text, request); err != nil {
		return nil, err
	}
	return numbered(s.problems, "problem", *number)
}

// numbered returns the thing of a number that an answer has told.
func numbered[T any](things map[int]*T, kind string, number int) (*T, error) {
	if thing := things[number]; thing != nil {
		return thing, nil
	}
	open := "none is open"
	if len(things) > 0 {
		open = "open are " + fmt.Sprint(slices.Sorted(maps.Keys(things)))
	}
	return nil, config.Usagef("%s: there is no %[1]s %d: %s", kind, number, open)
}
