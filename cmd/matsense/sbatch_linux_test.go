package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestSbatchScripts: what Slurm's scripts make of the job's time limit and of the exit code of matsense. The
// commands are stand-ins; scripts/slurm-check asks a real Slurm.
func TestSbatchScripts(t *testing.T) {
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("no bash")
	}
	// stand-in for matsense: it tells its arguments, waits, and ends like matsense when it is interrupted.
	const matsense = "#!/bin/bash\necho \"arguments: $*\"\ntrap 'exit 130' TERM\nsleep $SECONDS_OF_WORK &\n" +
		"wait $!\nexit $CODE\n"
	minute, day := 60, 24*3600
	for _, c := range []struct {
		name        string
		begun, left int    // seconds: since the job's begin, and until its end
		squeue      string // its output, if not the times
		work        string // seconds
		code        string
		signal      bool
		least, most int // seconds of --stop-after; 0 for none
		requeued    bool
		says        string
	}{
		{"a day", 0, day, "", "0", "0", false, day - 182, day - 180, false, ""},
		{"interrupted early by somebody", 0, day, "", "0", "130", false, day - 182, day - 180, false, ""},
		// Symptom: a job shorter than three minutes was interrupted at once, and was queued again for ever.
		{"a minute", 0, minute, "", "0", "0", false, 43, 45, false, ""},
		{"the time is up", 57, 17, "", "2", "130", false, 1, 1, true, "the time is up: queueing again"},
		{"no progress", 57, 17, "", "2", "1", false, 1, 1, false, ""},
		{"bad usage", 57, 17, "", "2", "2", false, 1, 1, false, ""},
		{"stopped by Slurm", 57, 17, "", "9", "0", true, 1, 1, false, ""},
		{"no limit", 0, 0, "1795873375 N/A UNLIMITED", "0", "130", false, 0, 0, false, ""},
		{"squeue fails", 0, 0, "FAILS", "0", "130", false, 0, 0, false, "this job will not be queued again"},
	} {
		for script, job := range map[string]string{"run.sbatch": "12", "sweep.sbatch": "12_3"} {
			t.Run(script+", "+c.name, func(t *testing.T) {
				t.Parallel()
				bin := t.TempDir()
				for name, text := range map[string]string{
					"matsense": matsense,
					"squeue":   "#!/bin/bash\n[ \"$TIMES\" != FAILS ] || exit 1\necho \"$TIMES\"\n",
					"scontrol": "#!/bin/bash\necho \"scontrol $*\"\n",
				} {
					if err := os.WriteFile(filepath.Join(bin, name), []byte(text), 0o755); err != nil {
						t.Fatal(err)
					}
				}
				times := c.squeue
				if now := int(time.Now().Unix()); times == "" {
					times = fmt.Sprint(now-c.begun, now+c.left, " 1:00")
				}
				p := exec.Command("bash", "../../deploy/slurm/"+script, "s.yaml", filepath.Join(bin, "out"))
				p.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "SLURM_JOB_ID=12",
					"TIMES="+times, "CODE="+c.code, "SECONDS_OF_WORK="+c.work)
				if script == "sweep.sbatch" {
					p.Env = append(p.Env, "SLURM_JOB_ID=15", "SLURM_ARRAY_JOB_ID=12", "SLURM_ARRAY_TASK_ID=3")
				}
				p.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
				out := lockedBuffer{told: make(chan struct{})}
				p.Stdout, p.Stderr = &out, &out
				if err := p.Start(); err != nil {
					t.Fatal(err)
				}
				want, _ := strconv.Atoi(c.code)
				if c.signal {
					for !strings.Contains(out.String(), "arguments: ") {
						time.Sleep(10 * time.Millisecond)
					}
					time.Sleep(1500 * time.Millisecond) // the time of --stop-after is up
					if err := syscall.Kill(-p.Process.Pid, syscall.SIGTERM); err != nil {
						t.Fatal(err)
					}
					want = exitInterrupted
				}
				_ = p.Wait()
				text := out.String()
				stop := 0
				if m := regexp.MustCompile(`--stop-after (\d+)s`).FindStringSubmatch(text); m != nil {
					stop, _ = strconv.Atoi(m[1])
				}
				if p.ProcessState.ExitCode() != want || stop < c.least || stop > c.most ||
					strings.Contains(text, "scontrol requeue "+job+"\n") != c.requeued ||
					strings.Contains(text, "scontrol") != c.requeued || !strings.Contains(text, c.says) {
					t.Errorf("exit code %d, want %d; --stop-after %d s, want %d to %d:\n%s",
						p.ProcessState.ExitCode(), want, stop, c.least, c.most, text)
				}
			})
		}
	}
}
