package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"sync"
	"time"

	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/experiment/reproduce"
	"github.com/matsense/matsense/sensing"
)

// event is a line that --json prints. The types in this file are all events that there are; docs/json.md and
// docs/events.schema.json follow from them and from the tag about, which says what a member is.
type event interface {
	// event is the name of the event.
	event() string
}

// stamp is what every line begins with.
type stamp struct {
	Event   string `json:"event" about:"what the line is"`
	Time    string `json:"time" about:"when it was printed, RFC 3339 in UTC with milliseconds"`
	Version string `json:"version" about:"the program's version"`
}

// printJSON prints an event in one write.
func printJSON(w io.Writer, e event) {
	line := marshaled(stamp{e.event(), time.Now().UTC().Format("2006-01-02T15:04:05.000Z"), versionOnce()})
	if members := marshaled(e); len(members) > len("{}") {
		line = append(append(line[:len(line)-1], ','), members[1:]...)
	}
	_, _ = w.Write(append(line, '\n')) // output keeps the error
}

var versionOnce = sync.OnceValue(version)

func marshaled(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("matsense: a line that is no JSON: %v", err))
	}
	return text
}

// settings are settings by their keys, with values of their types. A number that is not finite is null.
type settings map[string]any

func (s settings) put(key string, value any) {
	if x, ok := value.(float64); ok && (math.IsNaN(x) || math.IsInf(x, 0)) {
		value = nil
	}
	s[key] = value
}

// settingsOf returns the settings that apply to a configuration.
func settingsOf(c *config.Config) settings {
	s := settings{}
	for _, f := range c.Applied() {
		s.put(f.Key, f.Value())
	}
	return s
}

type noticeEvent struct {
	Message string `json:"message" about:"what the user should know"`
}

type errorEvent struct {
	Message  string `json:"message" about:"what went wrong; several mistakes stand in lines of their own"`
	ExitCode int    `json:"exit_code" about:"the exit code of the process"`
}

// placeMembers say where a run computes.
type placeMembers struct {
	Backend   string            `json:"backend" about:"cpu, cuda or emulator"`
	Device    string            `json:"device" about:"the processor or the GPU"`
	Storage   string            `json:"storage" about:"rows in memory or generated"`
	Precision string            `json:"precision" about:"the arithmetic"`
	Memory    experiment.Number `json:"memory_planned_bytes" about:"memory that the run needs for data"`
}

func placeOf(p *experiment.Plan) placeMembers {
	return placeMembers{p.Backend.Name(), p.Backend.Device(), p.Storage, p.Config.Precision,
		experiment.Number(p.Bytes)}
}

type runPlanEvent struct {
	Dir  string `json:"dir" about:"directory of the run; empty if --out does not name one"`
	From int    `json:"from_iteration" about:"the iteration that the run begins with"`
	To   int    `json:"to_iteration" about:"its last iteration"`
	placeMembers
	Available experiment.Number `json:"memory_available_bytes" about:"memory that the device has left"`
	Cards     []cardMembers     `json:"cards" about:"memory of each of several GPUs; empty for one device"`
	secondsMembers
	Settings settings `json:"settings" about:"all settings that apply, by their keys"`
}

// cardMembers say what a run needs on one of several GPUs, and what the GPU has left.
type cardMembers struct {
	Device    string            `json:"device" about:"cuda:0, cuda:1 and so on"`
	Memory    experiment.Number `json:"memory_planned_bytes" about:"memory that the run needs there"`
	Available experiment.Number `json:"memory_available_bytes" about:"memory that the GPU has left"`
}

func cardsOf(p *experiment.Plan) []cardMembers {
	cards := []cardMembers{}
	for _, c := range p.Cards {
		bytes, available := experiment.Number(c.Bytes), experiment.Number(c.Available)
		cards = append(cards, cardMembers{c.Device, bytes, available})
	}
	return cards
}

// secondsMembers are null if the device cannot tell.
type secondsMembers struct {
	Making    *float64 `json:"seconds_making_estimated" about:"to make the measurements; null: unknown"`
	Step      *float64 `json:"seconds_per_step_estimated" about:"for one step; null: unknown"`
	Measuring *float64 `json:"seconds_per_sample_estimated" about:"for one sample; null: unknown"`
	All       *float64 `json:"seconds_estimated" about:"for all that is left of the run; null: unknown"`
	Counted   bool     `json:"seconds_counted" about:"they follow from counted work and were not measured"`
}

type beginEvent struct {
	Dir  string `json:"dir" about:"directory of the run"`
	From int    `json:"from_iteration" about:"the iteration that the run begins with"`
	To   int    `json:"to_iteration" about:"its last iteration"`
	placeMembers
	Settings settings `json:"settings" about:"all settings that apply, by their keys"`
}

// progressEvent tells, some time after the last event, what a run is doing.
type progressEvent struct {
	Activity  string  `json:"activity" about:"data, measurements, estimate or steps"`
	Iteration int     `json:"iteration" about:"number of steps taken"`
	To        int     `json:"to_iteration" about:"the run's last iteration"`
	Seconds   float64 `json:"seconds" about:"time since the run was begun"`
}

// sampleEvent has the members of a sample.
type sampleEvent struct{ experiment.Metrics }

type summaryEvent struct {
	Dir string `json:"dir" about:"directory of the run"`
	*experiment.Summary
}

type figureEvent struct {
	Path string `json:"path" about:"a figure that was written"`
}

type reportEvent struct {
	Path string `json:"path" about:"a report that was written"`
}

// viewEvent says where a browser finds a directory's pages.
type viewEvent struct {
	Dir     string `json:"dir" about:"the directory that is shown"`
	Address string `json:"address" about:"where, with the token"`
}

type sweepPlanEvent struct {
	Dir      string            `json:"dir" about:"directory of the sweep"`
	Runs     int               `json:"runs" about:"number of runs of this part"`
	AllRuns  int               `json:"runs_of_all_parts" about:"number of runs of the sweep"`
	Done     *int              `json:"done" about:"number of runs of this part that --dry-run finds done; else null"`
	Groups   int               `json:"groups" about:"number of its groups, which share measurements"`
	AtOnce   int               `json:"groups_at_once" about:"number of small groups under way at one time"`
	Together int               `json:"together" about:"largest number of runs in one batch"`
	Memory   experiment.Number `json:"memory_planned_bytes" about:"memory for the data at one time"`
	Shard    int               `json:"shard" about:"number of this part, from 1"`
	Shards   int               `json:"shards" about:"number of parts"`
	NamedBy  *string           `json:"shard_named_by" about:"flag, slurm or kubernetes; null: nothing named a part"`
	Seconds  *float64          `json:"seconds_estimated" about:"for the whole part; null: unknown"`
	Counted  bool              `json:"seconds_counted" about:"they follow in part from counted work"`
	Apart    []string          `json:"devices_apart" about:"devices that each take runs of their own"`
}

// sweepProgressEvent tells, some time after the last event, what a sweep is doing.
type sweepProgressEvent struct {
	Done     int     `json:"done" about:"number of runs that have ended"`
	Runs     int     `json:"runs" about:"number of runs of this part"`
	Activity string  `json:"activity" about:"data, measurements, estimate or steps"`
	Members  int     `json:"under_way" about:"number of runs that take steps now"`
	Least    int     `json:"least_iteration" about:"the least iteration of the runs under way"`
	Greatest int     `json:"greatest_iteration" about:"the greatest iteration of the runs under way"`
	Seconds  float64 `json:"seconds" about:"time since the sweep was begun"`
}

type sweptRunEvent struct {
	Run        int               `json:"run" about:"number of the run"`
	Settings   settings          `json:"settings" about:"the settings that differ between runs, by their keys"`
	Status     string            `json:"status" about:"how the run ended, or failed"`
	Error      string            `json:"error" about:"why it failed; empty otherwise"`
	Iterations int               `json:"iterations" about:"number of steps to the last good iterate"`
	TrainLoss  experiment.Number `json:"train_loss" about:"of that iterate; null: unknown"`
	TestError  experiment.Number `json:"test_error" about:"of that iterate; null: unknown"`
	HeldOut    experiment.Number `json:"held_out_rmse" about:"of that iterate; null: unknown"`
	Seconds    experiment.Number `json:"seconds" about:"time spent stepping"`
}

type interruptedEvent struct {
	Dir   string `json:"dir" about:"directory of the sweep"`
	Runs  int    `json:"runs" about:"number of runs of this part"`
	Kept  int    `json:"kept" about:"number of runs that are recorded"`
	Saved int    `json:"saved" about:"number of runs under way whose states are saved"`
}

type doneEvent struct {
	Dir      string `json:"dir" about:"directory of the sweep"`
	Runs     int    `json:"runs" about:"number of runs of this part"`
	Failed   int    `json:"failed" about:"how many of them failed"`
	Diverged int    `json:"diverged" about:"how many of them diverged"`
}

type mergedEvent struct {
	Dir     string `json:"dir" about:"directory of the sweep"`
	Runs    int    `json:"runs" about:"number of runs in the tables"`
	Missing []int  `json:"missing" about:"the numbers of the runs that are missing"`
}

// claimMembers are those of an experiment's claim and of the rule that judges it.
type claimMembers struct {
	Name        string `json:"name" about:"name of the experiment"`
	Claim       string `json:"claim" about:"the paper's claim"`
	Compared    string `json:"compared" about:"what the verdict looks at"`
	AgreesIf    string `json:"agrees_if" about:"when the verdict agrees"`
	DisagreesIf string `json:"disagrees_if" about:"when the verdict disagrees; otherwise it cannot be told"`
	Untested    string `json:"untested" about:"what of the paper is not tested"`
}

func claimOf(e reproduce.Experiment) claimMembers {
	return claimMembers{e.Name, e.Claim, e.Compared, e.AgreesIf, e.DisagreesIf, e.Untested}
}

type experimentEvent struct {
	claimMembers
	About string `json:"about" about:"what it does"`
}

type verdictEvent struct {
	claimMembers
	Verdict  reproduce.Status `json:"verdict" about:"agrees, disagrees or cannot be told"`
	Findings []string         `json:"findings" about:"the numbers behind the verdict, in words"`
}

// differenceMembers are those of a number that differs.
type differenceMembers struct {
	File      string            `json:"file" about:"the file that has the number"`
	Iteration int               `json:"iteration" about:"the iteration of the iterate"`
	Name      string            `json:"name" about:"a column of trajectory.csv, or an entry of a matrix"`
	Recorded  experiment.Number `json:"recorded" about:"the number in the file; null: unknown"`
	Repeated  experiment.Number `json:"repeated" about:"the number of the run done again; null: unknown"`
	Relative  experiment.Number `json:"relative" about:"their difference relative to the larger one"`
}

// differenceEvent is told as soon as it is known.
type differenceEvent struct {
	Run *int `json:"run" about:"number of the run in its sweep; null: DIR holds one run"`
	differenceMembers
}

type verifiedEvent struct {
	Dir       string             `json:"dir" about:"directory of the run or of the sweep"`
	Identical bool               `json:"identical" about:"everything that was compared is the same, to the bit"`
	Runs      int                `json:"runs" about:"number of runs that were done again"`
	Different []int              `json:"different" about:"the numbers of the runs of a sweep that differ"`
	Samples   int                `json:"samples" about:"number of measured iterates that were compared"`
	Files     []string           `json:"files" about:"the files of the factor that were compared"`
	Greatest  *differenceMembers `json:"greatest_difference" about:"the greatest by relative size; null: none"`
	Endings   []string           `json:"endings" about:"how the run ended, and ended again, if that differs"`
	MadeBy    string             `json:"made_by" about:"the version of the program that made the run"`
	Reasons   []string           `json:"reasons" about:"documented reasons why the last bits differ"`
}

type referenceEvent struct {
	Key     string   `json:"key" about:"key of the BibTeX entry"`
	For     []string `json:"for" about:"what it stands behind, as in method gd; software for the program"`
	Authors []string `json:"authors" about:"the authors, as family, given"`
	Title   string   `json:"title" about:"the title"`
	Year    int      `json:"year" about:"the year"`
	ArXiv   string   `json:"arxiv" about:"number on arXiv; empty if there is none"`
	DOI     string   `json:"doi" about:"DOI; empty if it is not known"`
	BibTeX  string   `json:"bibtex" about:"the BibTeX entry"`
}

// catalogEvent is a member of the catalog, or a metric; the event's name is its kind.
type catalogEvent struct {
	kind   string
	Name   string `json:"name" about:"its name, as settings give it"`
	About  string `json:"about" about:"what it is"`
	Source string `json:"source" about:"where it comes from; empty if it has no source"`
}

type cpuEvent struct {
	Device       string  `json:"device" about:"cpu"`
	Processor    string  `json:"processor" about:"the processor's name"`
	Architecture string  `json:"architecture" about:"its architecture, as Go names it"`
	Cores        int     `json:"cores" about:"number of cores that are used"`
	CoresLimit   string  `json:"cores_limited_by" about:"what limits the cores; empty if nothing does"`
	CoresInAll   int     `json:"cores_of_machine" about:"number of cores of the machine"`
	Memory       float64 `json:"memory_bytes" about:"memory of the machine"`
	Available    float64 `json:"memory_available_bytes" about:"memory that is available"`
	MemoryLimit  string  `json:"memory_limited_by" about:"what limits the memory; empty if nothing does"`
}

type gpuEvent struct {
	Device          string `json:"device" about:"cuda:0, cuda:1 and so on"`
	Name            string `json:"name" about:"the GPU's name"`
	Driver          string `json:"driver" about:"the driver's version"`
	Capability      string `json:"capability" about:"compute capability, as in 9.0"`
	Memory          int64  `json:"memory_bytes" about:"memory of the GPU"`
	Available       int64  `json:"memory_available_bytes" about:"memory that is free; −1: unknown"`
	Multiprocessors int    `json:"multiprocessors" about:"number of multiprocessors"`
	Unusable        string `json:"unusable" about:"why it cannot be used; empty if it can"`
}

type togetherEvent struct {
	Device    string   `json:"device" about:"cuda:all"`
	GPUs      []string `json:"gpus" about:"the GPUs that it takes, which share the rows of a run"`
	Available int64    `json:"memory_available_bytes_each" about:"memory that is free on each; −1: unknown"`
}

type emulatorEvent struct {
	Device string `json:"device" about:"emulator"`
}

type missingEvent struct {
	Device string `json:"device" about:"cuda"`
	Reason string `json:"reason" about:"why there is none"`
}

type autoEvent struct {
	Device string `json:"device" about:"the device that --device auto considers"`
	Reason string `json:"reason" about:"why"`
	Unless string `json:"unless,omitempty" about:"when auto takes the cpu all the same"`
}

type skippedEvent struct {
	Kind      string          `json:"kind" about:"the measurements: f32 rows, rank-one, …"`
	Entries   sensing.Entries `json:"entries,omitempty" about:"number format of rows"`
	Precision string          `json:"precision" about:"the arithmetic"`
	Storage   string          `json:"storage" about:"measurements in memory or generated"`
	Runs      int             `json:"runs" about:"number of runs that share the measurements"`
	Reason    string          `json:"reason" about:"why it was not measured"`
}

type benchEvent struct {
	Ensemble     string          `json:"ensemble" about:"the ensemble"`
	N            int             `json:"n" about:"the matrix is n × n"`
	Measurements int             `json:"measurements" about:"number m of measurements"`
	FactorRank   int             `json:"factor_rank" about:"columns of a factor"`
	Runs         int             `json:"runs" about:"number of runs that share the measurements"`
	Backend      string          `json:"backend" about:"cpu, cuda or emulator"`
	Device       string          `json:"device" about:"the processor or the GPU"`
	Entries      sensing.Entries `json:"entries,omitempty" about:"number format of rows"`
	Precision    string          `json:"precision" about:"the arithmetic"`
	Storage      string          `json:"storage" about:"measurements in memory or generated"`
	Seconds      []float64       `json:"seconds" about:"of each round's step of all runs"`
	Median       float64         `json:"seconds_median" about:"the median of them"`
	Flops        float64         `json:"flops_per_second" about:"operations a second of the median step"`
	Bandwidth    float64         `json:"bandwidth_bytes_per_second" about:"at which the device reads memory"`
	Rate         *float64        `json:"bytes_per_second,omitempty" about:"at which the step reads measurements"`
	Limit        *float64        `json:"seconds_limit,omitempty" about:"the least time of a step on this device"`
	Bound        string          `json:"bound,omitempty" about:"what bounds the step: reading, multiply-adds or gathers"`
	Fraction     *float64        `json:"fraction_of_limit,omitempty" about:"the limit divided by the step's time"`
}

func (noticeEvent) event() string        { return "notice" }
func (errorEvent) event() string         { return "error" }
func (runPlanEvent) event() string       { return "plan" }
func (beginEvent) event() string         { return "begin" }
func (progressEvent) event() string      { return "progress" }
func (sampleEvent) event() string        { return "sample" }
func (summaryEvent) event() string       { return "summary" }
func (figureEvent) event() string        { return "figure" }
func (reportEvent) event() string        { return "report" }
func (viewEvent) event() string          { return "view" }
func (sweepPlanEvent) event() string     { return "plan" }
func (sweepProgressEvent) event() string { return "progress" }
func (sweptRunEvent) event() string      { return "run" }
func (interruptedEvent) event() string   { return "interrupted" }
func (doneEvent) event() string          { return "done" }
func (mergedEvent) event() string        { return "merged" }
func (experimentEvent) event() string    { return "experiment" }
func (verdictEvent) event() string       { return "verdict" }
func (differenceEvent) event() string    { return "difference" }
func (verifiedEvent) event() string      { return "verified" }
func (referenceEvent) event() string     { return "reference" }
func (e catalogEvent) event() string     { return e.kind }
func (cpuEvent) event() string           { return "device" }
func (gpuEvent) event() string           { return "device" }
func (togetherEvent) event() string      { return "device" }
func (emulatorEvent) event() string      { return "device" }
func (missingEvent) event() string       { return "missing" }
func (autoEvent) event() string          { return "auto" }
func (skippedEvent) event() string       { return "skipped" }
func (benchEvent) event() string         { return "bench" }
