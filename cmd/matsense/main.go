// Command matsense recovers low-rank matrices from few linear measurements with overparameterized gradient
// methods from small random starts, and shows how they get there.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/gpu/cuda"
	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/internal/machine"
)

// The exit codes.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitDiverged    = 3
	exitInterrupted = 130
	exitPipe        = 141 // nobody reads the output any more
)

// environment is everything that commands use of the system, so that tests can run them in-process.
type environment struct {
	in       io.Reader
	out, err io.Writer
	terminal bool                    // err is a terminal that can take back its last line
	columns  func() int              // width of that terminal; 0: unknown
	silence  time.Duration           // the longest time without a line of progress; 0: 30 s
	memory   func() (float64, error) // bytes available
	limit    func() string           // what bounds them, if not the machine; nil says nothing
	gpus     func() ([]driver.Info, error)
	free     func(index int) (int64, error) // bytes free on a GPU, which is opened to find out
	cuda     bool                           // a GPU could be expected: that there is none is worth telling
	work     *work                          // what an interrupt finds; nil without a process of its own
	browse   func(address string) bool      // opens a browser, and says whether it has; nil: never
}

var (
	errDiverged    = errors.New("the run diverged")
	errInterrupted = errors.New("the run was interrupted")
	errDiffers     = errors.New("the run done again differs")
)

func main() {
	// The rows of measurements are one large block without pointers, which costs the collector nothing; what
	// else lives is small. Letting garbage grow to the size of the block would double the memory that is
	// needed.
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(10)
	}
	machine.RespectQuota()
	env := environment{
		in: os.Stdin, out: os.Stdout, err: os.Stderr,
		terminal: term.IsTerminal(int(os.Stderr.Fd())) && os.Getenv("TERM") != "dumb",
		columns: func() int {
			columns, _, _ := term.GetSize(int(os.Stderr.Fd()))
			return columns
		},
		memory: func() (float64, error) {
			m, err := machine.FindMemory()
			return m.Available, err
		},
		limit:  memoryLimit,
		gpus:   sync.OnceValues(cuda.Devices), // which takes a moment
		free:   freeOnGPU,
		cuda:   cuda.Built && machine.HasNVIDIA(),
		work:   new(work),
		browse: browse,
	}
	ctx, stop := interruptible(&env)
	defer stop()
	os.Exit(run(ctx, env, os.Args[1:]))
}

// output remembers the first error of writing to the user, so that a full disk or a closed pipe is not taken
// for success.
type output struct {
	io.Writer
	failed error
}

func (o *output) Write(p []byte) (int, error) {
	n, err := o.Writer.Write(p)
	if err != nil && o.failed == nil {
		o.failed = fmt.Errorf("the output could not be written: %w", err)
	}
	return n, err
}

// run runs one command line and returns its exit code.
func run(ctx context.Context, env environment, args []string) int {
	out := &output{Writer: env.out}
	env.out = out
	root := newRoot(env)
	root.SetArgs(args)
	root.SetOut(env.out)
	root.SetErr(env.err)
	err := checkCommand(root, args)
	if err == nil {
		err = root.ExecuteContext(ctx)
	}
	if err == nil {
		err = out.failed
	}
	if errors.Is(err, syscall.EPIPE) && out.failed != nil { // nobody reads the output any more
		return exitPipe
	}
	code := exitCode(err)
	if err == nil || errors.Is(err, errDiverged) || errors.Is(err, errInterrupted) ||
		errors.Is(err, errDiffers) {
		return code // the command has printed everything
	}
	if asJSON(args) {
		printJSON(env.out, errorEvent{err.Error(), code})
		if out.failed != nil { // nobody could read the line before
			fmt.Fprintln(env.err, "matsense:", out.failed)
		}
		return code
	}
	for _, line := range strings.Split(err.Error(), "\n") {
		fmt.Fprintln(env.err, "matsense:", line)
	}
	return code
}

// exitCode is the only place that decides it.
func exitCode(err error) int {
	var usage *config.UsageError
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &usage):
		return exitUsage
	case errors.Is(err, errDiverged):
		return exitDiverged
	case errors.Is(err, errInterrupted), errors.Is(err, context.Canceled):
		return exitInterrupted
	}
	return exitFailed
}

func newRoot(env environment) *cobra.Command {
	root := &cobra.Command{
		Use:   "matsense",
		Short: "Recover low-rank matrices from few measurements, and see how gradient descent gets there",
		Long: `matsense recovers low-rank matrices from few linear measurements with overparameterized
gradient methods started near zero, and shows how they get there: alignment, saddle avoidance, refinement.`,
		Example: `  matsense run
  matsense reproduce alpha
  source <(matsense completion bash)`,
		Version:       version(),
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          noArguments,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	cobra.EnableCommandSorting = false
	root.SetVersionTemplate(versionPage())
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetFlagErrorFunc(flagError)
	root.SetHelpFunc(func(c *cobra.Command, _ []string) { fmt.Fprint(env.out, helpOf(c)) })
	root.AddCommand(newRun(env), newSweep(env), newReproduce(env), newPlot(env), newView(env), newVerify(env),
		newCite(env), newList(env), newDevices(env), newBench(env), newServe(env), newLicences(env),
		newCompletion(env))
	return root
}

// flagError makes a usage error of a flag that cannot be read.
func flagError(c *cobra.Command, err error) error {
	text := err.Error()
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) {
		name := unknown.GetSpecifiedName()
		// Flags have no short names: the user left out a dash.
		if short := unknown.GetSpecifiedShortnames(); short != "" {
			name = short
		}
		var names []string
		c.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		text += fmt.Sprintf("; did you mean --%s?", config.Nearest(name, names))
	}
	return config.Usagef("%s", text)
}

// checkCommand refuses an unknown command, before its flags are taken for the root's.
func checkCommand(root *cobra.Command, args []string) error {
	if len(args) > 1 && args[0] == "help" {
		return checkCommand(root, args[1:])
	}
	if len(args) == 0 || strings.HasPrefix(args[0], "-") {
		return nil
	}
	names := []string{"help", cobra.ShellCompRequestCmd, cobra.ShellCompNoDescRequestCmd}
	for _, c := range root.Commands() {
		names = append(names, c.Name())
	}
	if slices.Contains(names, args[0]) {
		return nil
	}
	return config.Usagef("unknown command %q; did you mean %q?", args[0], config.Nearest(args[0], names))
}

// noArguments refuses arguments.
func noArguments(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return config.Usagef("%s takes no argument %q", c.CommandPath(), args[0])
}

// asJSON says whether the user asked for JSON lines, even if the other flags cannot be read.
func asJSON(args []string) bool {
	for _, a := range args {
		value, found := strings.CutPrefix(a, "--json")
		if on, err := strconv.ParseBool(strings.TrimPrefix(value, "=")); found &&
			(value == "" || err == nil && on) {
			return true
		}
	}
	return false
}

// notice prints a note for the user.
func (env environment) notice(text string, asJSON bool) {
	if asJSON {
		printJSON(env.out, noticeEvent{text})
	} else {
		fmt.Fprintln(env.err, "note:", text)
	}
}
