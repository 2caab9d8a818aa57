package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/experiment/sweep"
	"github.com/matsense/matsense/view"
	"github.com/matsense/matsense/watch"
)

// viewOptions are the flags of view.
type viewOptions struct {
	listen    string
	noBrowser bool
	json      bool
}

// listenUsage is the help of --listen.
const listenUsage = "`address` to serve pages at: HOST:PORT, or a port of this machine alone (default 127.0.0.1 " +
	"and a free port)"

func newView(env environment) *cobra.Command {
	var o viewOptions
	c := &cobra.Command{
		Use:   "view DIR",
		Short: "Show the runs and sweeps under a directory in a browser, finished or running",
		Long: `Show the runs and sweeps under a directory in a browser, finished or running, of this machine or of
others that share the disk. A list says how far each is, and leads to its report, whose curves grow while it
runs.

The pages are for who has the address: it has a token. They are served to this machine alone, unless --listen
names another address; from another machine, use the ssh line that is printed. Nothing is written or run.
Ctrl-C ends the server. docs/view.md says more.`,
		Example: `  matsense view runs
  matsense view runs/paper
  matsense view /shared/sweeps --listen 8000 --no-browser`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return config.Usagef("view takes one directory, got %d", len(args))
			}
			return nil
		},
		ValidArgsFunction: directories,
		RunE: func(c *cobra.Command, args []string) error {
			return o.serve(c.Context(), env, args[0])
		},
	}
	f := c.Flags()
	f.SortFlags = false
	f.StringVar(&o.listen, "listen", "", listenUsage)
	f.BoolVar(&o.noBrowser, "no-browser", false, "open no browser")
	f.BoolVar(&o.json, "json", false, "print JSON lines")
	return c
}

// serve shows a directory until the command is interrupted.
func (o viewOptions) serve(ctx context.Context, env environment, dir string) error {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return config.Usagef("there is no directory %s", dir)
	case err != nil:
		return config.Usagef("%s cannot be read: %v", dir, err)
	case !info.IsDir():
		return config.Usagef("%s is a file: name the directory of a run or a sweep, or one above it", dir)
	}
	if _, err := os.ReadDir(dir); err != nil {
		return config.Usagef("%s cannot be read: %v", dir, err)
	}
	l, err := listen(o.listen)
	if err != nil {
		return err
	}
	s := l.server(absolute(dir))
	if o.json {
		printJSON(env.out, viewEvent{dir, l.address() + s.Query()})
	} else {
		fmt.Fprintf(env.out, "%s is shown at\n  %s%s\n%s", dir, l.address(), s.Query(), l.hint())
		fmt.Fprintln(env.out, "Ctrl-C ends it.")
	}
	if env.browse != nil && !o.noBrowser {
		env.browse(l.address() + s.QueryOnce())
	}
	return s.Serve(ctx, l.Listener)
}

// absolute is a path that stays right for a reader who is somewhere else.
func absolute(dir string) string {
	if whole, err := filepath.Abs(dir); err == nil {
		return whole
	}
	return dir
}

// listening is an address that is listened on.
type listening struct {
	net.Listener
	host string // as the user named it
	port string
}

// listen listens on the address of --listen.
func listen(address string) (*listening, error) {
	host, port := "127.0.0.1", "0"
	if _, err := strconv.Atoi(address); err == nil {
		port = address
	} else if address != "" {
		if host, port, err = net.SplitHostPort(address); err != nil {
			return nil, config.Usagef("--listen takes HOST:PORT or a port, like 127.0.0.1:8000 or 8000, got %q",
				address)
		}
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return nil, config.Usagef("--listen: ports go from 0 to 65535, got %q", port)
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, port))
	var unknown *net.DNSError
	switch {
	case err == nil:
		_, port, _ = net.SplitHostPort(l.Addr().String())
		return &listening{l, host, port}, nil
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, config.Usagef("--listen: port %s is in use: choose another", port)
	case errors.Is(err, syscall.EACCES):
		return nil, config.Usagef("--listen: you may not listen on port %s: choose one from 1024 on", port)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, config.Usagef("--listen: this machine does not have the address %s", host)
	case errors.As(err, &unknown):
		return nil, config.Usagef("--listen: no machine is called %s", host)
	}
	return nil, config.Usagef("--listen %s: %v", address, err)
}

// local says whether only this machine can reach the address.
func (l *listening) local() bool {
	a, ok := l.Addr().(*net.TCPAddr)
	return ok && a.IP.IsLoopback()
}

// server returns a server for a directory.
func (l *listening) server(dir string) *watch.Server {
	o := watch.Options{Dir: dir, Listen: net.JoinHostPort(l.host, l.port)}
	if name, err := os.Hostname(); err == nil && !l.local() {
		short, _, _ := strings.Cut(name, ".")
		o.Hosts = []string{name, short}
	}
	return watch.New(o)
}

// address is the address to open, without the token.
func (l *listening) address() string {
	host := l.host
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		if name, err := os.Hostname(); err == nil {
			host = name
		}
	}
	return "http://" + net.JoinHostPort(host, l.port) + "/"
}

// hint says how to open the address from another machine.
func (l *listening) hint() string {
	if !l.local() {
		return "Who has the address can read the pages, and the connection is not encrypted.\n"
	}
	host, _ := os.Hostname()
	// The client's address and port, and the address and port of this machine as the client knows it.
	if ends := strings.Fields(os.Getenv("SSH_CONNECTION")); len(ends) == 4 {
		host = ends[2]
	}
	if u, err := user.Current(); err == nil {
		host = u.Username + "@" + host
	}
	return fmt.Sprintf("From another machine, type there and open the same address:\n  ssh -L %s:%s %s\n", l.port,
		net.JoinHostPort(l.host, l.port), view.ShellWord(host))
}

// viewFlags are the flags of run and sweep that show what they do.
type viewFlags struct {
	on     bool
	listen string
}

func (v *viewFlags) flag(c *cobra.Command, what string) {
	c.Flags().BoolVar(&v.on, "view", false, "show the "+what+" in a browser until it ends")
	c.Flags().StringVar(&v.listen, "listen", "", listenUsage+", with --view")
}

// check returns the problem of the flags, or an empty text.
func (v *viewFlags) check() string {
	if v.listen != "" && !v.on {
		return "--listen is for --view"
	}
	return ""
}

// shown is a run or a sweep that is shown while it goes on. Its methods may be called on nil.
type shown struct {
	env     environment
	l       *listening
	server  *watch.Server
	opened  bool // a browser was opened
	release func()
}

// open listens, before any work is done; nil without --view.
func (v *viewFlags) open(env environment) (*shown, error) {
	if !v.on {
		return nil, nil
	}
	l, err := listen(v.listen)
	if err != nil {
		return nil, err
	}
	return &shown{env: env, l: l}, nil
}

// begin shows the directory of a run or a sweep that has begun.
func (s *shown) begin(dir string, tell func(e event, text string)) {
	if s == nil {
		return
	}
	dir = absolute(dir)
	s.server = s.l.server(dir)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = s.server.Serve(ctx, s.l) // a server that fails must not harm the run
	}()
	s.release = func() {
		cancel()
		<-ended
	}
	address := s.l.address() + s.server.Query()
	tell(viewEvent{dir, address}, "shown at "+address)
	if s.env.browse != nil {
		s.opened = s.env.browse(s.l.address() + s.server.QueryOnce())
	}
}

// end lets open pages show how it ended. A browser that was opened has some seconds to come.
func (s *shown) end() {
	if s == nil {
		return
	}
	if s.server != nil {
		first := time.Duration(0)
		if s.opened {
			first = 10 * time.Second
		}
		s.server.Drain(context.Background(), first)
		s.release()
	}
	_ = s.l.Close() // the server has closed it, if there was one
}

// shownRun is the progress of a run that is shown.
type shownRun struct {
	*runProgress
	shown *shown
}

// Begin implements experiment.Progress.
func (s shownRun) Begin(dir string, from, to int) {
	s.runProgress.Begin(dir, from, to)
	s.shown.begin(dir, s.tell)
}

// shownSweep is the progress of a sweep that is shown.
type shownSweep struct {
	*sweepProgress
	shown *shown
	dir   string
}

// Begin implements sweep.Progress.
func (s shownSweep) Begin(runs, done int) {
	s.sweepProgress.Begin(runs, done)
	s.shown.begin(s.dir, s.tell)
}

var (
	_ experiment.Progress = shownRun{}
	_ sweep.Progress      = shownSweep{}
)
