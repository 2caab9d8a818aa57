package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/serve"
)

func newServe(env environment) *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Answer another program's requests for gradients, products and metrics",
		Long: `Answer another program's requests for gradients, products and metrics of problems, so that a
method which is written in another language runs on matsense's measurements. Requests are JSON lines on the
standard input, answers are JSON lines on the standard output, and arrays are in memory that both programs
share, or in the lines. docs/protocol.md describes them. The Python package matsense uses this command.

The server ends at the end of its input, also in the middle of a long call, when the program that has started
it is gone, and on SIGTERM. It uses no network.`,
		Example: `  echo '{"id":1,"call":"open","settings":{"n":20,"rank":2}}' | matsense serve`,
		Args:    noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			return serveRequests(c.Context(), env)
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
}

func serveRequests(ctx context.Context, env environment) error {
	if f, isFile := env.in.(*os.File); isFile && !term.IsTerminal(int(f.Fd())) {
		// Ctrl-C goes to all programs of a terminal. The one that has started this one decides what it means.
		signal.Ignore(os.Interrupt)
	}
	env.work.begin()
	defer env.work.end()
	ctx, stop := serve.WhileParentLives(ctx)
	defer stop()
	server := serve.Server{
		Host: env.host(), ExitCode: exitCode,
		Progress: func(out io.Writer, p *experiment.Plan) (experiment.Progress, func()) {
			its := env
			its.out = out
			progress := newRunProgress(its, p, true)
			return progress, progress.end
		},
		Publish: func(out *experiment.Outcome, progress experiment.Progress) error {
			_, _, err := writeReport(out, progress.Notice)
			return err
		},
	}
	err := server.Serve(ctx, env.in, env.out)
	if errors.Is(err, context.Canceled) {
		return errInterrupted
	}
	return err
}
