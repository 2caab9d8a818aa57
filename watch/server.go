package watch

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// Server serves the pages of a directory.
type Server struct {
	library *library
	token   string
	cookie  string
	hosts   []string // names that a browser may call the server by, beside numbers
	now     func() time.Time

	mu      sync.Mutex
	once    string    // a code that opens the pages once; empty if there is none
	expires time.Time // when the code ends
	asked   time.Time // when a page was asked for last
	cache   map[string]*cached
}

// cached is a page that was made, with when it may be made again: a page that takes long to make is made
// seldom, so that watching takes a fifth of a core at most.
type cached struct {
	sync.Mutex
	answer
	due time.Time
}

// answer is a page as it is sent.
type answer struct {
	rendered
	zipped []byte
	tag    string
}

// mostCached is how many pages are remembered.
const mostCached = 64

// Options say how a directory is served.
type Options struct {
	// Dir is the directory.
	Dir string
	// Listen is the address that is listened on, as host:port.
	Listen string
	// Hosts are names of this machine, by which browsers may call the server as well.
	Hosts []string
	// Silence is how long a process may give no sign of life; 0 means [DefaultSilence].
	Silence time.Duration
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// New returns a server with a new token.
func New(o Options) *Server {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Silence == 0 {
		o.Silence = DefaultSilence
	}
	host, port, _ := net.SplitHostPort(o.Listen)
	s := &Server{library: newLibrary(o.Dir, o.Silence, o.Now), token: secret(), cookie: "matsense-" + port,
		hosts: []string{"localhost"}, now: o.Now, cache: map[string]*cached{}}
	for _, name := range append(slices.Clone(o.Hosts), host) {
		if name != "" {
			s.hosts = append(s.hosts, strings.ToLower(name))
		}
	}
	return s
}

// secret returns 128 random bits.
func secret() string {
	b := make([]byte, 16)
	rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// Query is the query of the address that opens the pages.
func (s *Server) Query() string { return "?token=" + s.token }

// QueryOnce is the query of an address that opens the pages once within a minute. Everybody on a machine can
// see with which address a browser was started.
func (s *Server) QueryOnce() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.once, s.expires = secret(), s.now().Add(time.Minute)
	return "?open=" + s.once
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	for key, value := range map[string]string{
		"Content-Security-Policy":      "default-src 'none'; frame-ancestors 'none'",
		"X-Content-Type-Options":       "nosniff",
		"X-Frame-Options":              "DENY",
		"Referrer-Policy":              "no-referrer",
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
		"Cache-Control":                "no-store",
	} {
		h.Set(key, value)
	}
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		h.Set("Allow", "GET, HEAD")
		refuse(w, http.StatusMethodNotAllowed, "These pages can only be read.")
	case !s.knows(r.Host):
		refuse(w, http.StatusForbidden, fmt.Sprintf("This server is not called %q: open the address that it "+
			"printed, or name the host with --listen HOST:PORT.", r.Host))
	case !s.welcome(r):
		s.admit(w, r)
	default:
		s.serve(w, r)
	}
}

// refuse answers with one sentence.
func refuse(w http.ResponseWriter, status int, sentence string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	fmt.Fprintln(w, sentence)
}

// knows says whether the server may be called by a name. A page from elsewhere can have its own name point to
// this machine, and would then count as of the same origin; numbers and this machine's names cannot be
// another's.
func (s *Server) knows(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.Trim(host, "[]")
	return net.ParseIP(host) != nil || slices.Contains(s.hosts, strings.ToLower(host))
}

// welcome says whether a request has the cookie that admit gave.
func (s *Server) welcome(r *http.Request) bool {
	for _, c := range r.CookiesNamed(s.cookie) {
		if equal(c.Value, s.token) {
			return true
		}
	}
	return false
}

func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// admit gives who has the token a cookie, and leads to the page without the token in its address.
func (s *Server) admit(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if !equal(q.Get("token"), s.token) && !s.opens(q.Get("open")) {
		refuse(w, http.StatusForbidden, "The token is missing or wrong: open the address that matsense printed "+
			"when it started, with all of its token.")
		return
	}
	// Lax, so that the address may also be followed from a terminal in a browser, which is another site.
	http.SetCookie(w, &http.Cookie{Name: s.cookie, Value: s.token, Path: "/", HttpOnly: true,
		SameSite: http.SameSiteLaxMode})
	http.Redirect(w, r, (&url.URL{Path: localPath(r.URL.Path)}).String(), http.StatusSeeOther)
}

// opens says whether a code opens the pages, which it does once.
func (s *Server) opens(code string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.once == "" || !equal(code, s.once) || s.now().After(s.expires) {
		return false
	}
	s.once = ""
	return true
}

// localPath is a path on this server: two slashes at the beginning would name another one.
func localPath(path string) string { return "/" + strings.Trim(path, "/\\") }

// serve answers with a page.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.asked = s.now()
	s.mu.Unlock()
	rel := strings.Trim(r.URL.Path, "/")
	if rel == "" {
		rel = "."
	}
	p, err := s.page(rel)
	switch {
	case errors.Is(err, fs.ErrNotExist) && rel != ".":
		refuse(w, http.StatusNotFound, fmt.Sprintf("There is no run and no sweep at %s.", shown(rel)))
		return
	case err != nil:
		refuse(w, http.StatusServiceUnavailable, shown(err.Error())+".")
		return
	}
	h := w.Header()
	h.Set("Content-Security-Policy", p.policy+"; frame-ancestors 'none'")
	h.Set("ETag", p.tag)
	if slices.Contains(r.Header.Values("If-None-Match"), p.tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Vary", "Accept-Encoding")
	body := p.body
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		body = p.zipped
	}
	h.Set("Content-Length", fmt.Sprint(len(body)))
	_, _ = w.Write(body) // who has gone need not be told
}

// page makes a page, or takes the one that was made a moment ago.
func (s *Server) page(rel string) (answer, error) {
	s.mu.Lock()
	c := s.cache[rel]
	if c == nil {
		if len(s.cache) >= mostCached {
			clear(s.cache)
		}
		c = new(cached)
		s.cache[rel] = c
	}
	s.mu.Unlock()
	c.Lock()
	defer c.Unlock()
	began := s.now()
	if c.tag == "" || !began.Before(c.due) {
		p, err := s.library.render(rel)
		if err != nil {
			s.mu.Lock()
			delete(s.cache, rel)
			s.mu.Unlock()
			return answer{}, err
		}
		sum := sha256.Sum256(p.body)
		if tag := fmt.Sprintf(`"%x"`, sum[:16]); tag != c.tag {
			c.answer = answer{*p, zipped(p.body), tag}
		}
		now := s.now()
		c.due = now.Add(max(leastRest, 4*now.Sub(began)))
	}
	return c.answer, nil
}

// leastRest is the least time between two makings of a page, less than that between two requests of a
// browser.
const leastRest = 500 * time.Millisecond

func zipped(text []byte) []byte {
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestSpeed) // a level that there is
	_, _ = z.Write(text)                            // a buffer takes all
	_ = z.Close()
	return b.Bytes()
}

// Serve answers requests until ctx is done.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	server := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute,
		WriteTimeout: 5 * time.Minute, MaxHeaderBytes: 1 << 16, ErrorLog: log.New(io.Discard, "", 0)}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	err := server.Serve(l)
	if errors.Is(err, http.ErrServerClosed) && ctx.Err() != nil {
		return nil
	}
	return err
}

// Drain waits until open pages have had the time to ask for what there is in the end. If no page was asked
// for yet, it waits for the first one up to a given time.
func (s *Server) Drain(ctx context.Context, first time.Duration) {
	// An open page asks a second after the last answer.
	const pause, moment = 50 * time.Millisecond, 2 * time.Second
	const recent, most = 5 * time.Second, 10 * time.Second
	began := s.now()
	for ctx.Err() == nil {
		s.mu.Lock()
		asked := s.asked
		s.mu.Unlock()
		now := s.now()
		switch {
		case asked.IsZero() && now.Sub(began) >= first:
			return
		case !asked.IsZero() && asked.Before(began.Add(-recent)): // nobody looks any more
			return
		case now.Sub(began) >= most+first:
			return
		case asked.After(began) && now.Sub(began) >= moment && now.Sub(asked) >= pause:
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}
