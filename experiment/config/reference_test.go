package config

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// TestReferences: every publication of the catalog has what a citation needs, in the form that it needs.
func TestReferences(t *testing.T) {
	key, arXiv := regexp.MustCompile(`^[a-z0-9-]+$`), regexp.MustCompile(`^\d{4}\.\d{4,5}$`)
	pages := regexp.MustCompile(`^\d+(–\d+)?$`)
	all := References()
	if len(all) < 20 {
		t.Errorf("%d publications", len(all))
	}
	for _, r := range all {
		if !key.MatchString(r.Key) || r.Title == "" || len(r.Authors) == 0 || r.Year < 1900 {
			t.Errorf("%+v", r)
		}
		for _, a := range r.Authors {
			if family, given, found := strings.Cut(a, ", "); !found || family == "" || given == "" {
				t.Errorf("%s: the author %q", r.Key, a)
			}
		}
		if r.ArXiv != "" && !arXiv.MatchString(r.ArXiv) || r.Pages != "" && !pages.MatchString(r.Pages) ||
			strings.Contains(r.DOI, "/doi") || r.DOI != "" && !strings.HasPrefix(r.DOI, "10.") {
			t.Errorf("%s: arXiv %q, pages %q, DOI %q", r.Key, r.ArXiv, r.Pages, r.DOI)
		}
		if kinds := []string{r.Journal, r.Proceedings, r.Publisher}; len(slices.DeleteFunc(kinds,
			func(s string) bool { return s == "" })) > 1 || (r.Proceedings == "") != (r.Short == "") {
			t.Errorf("%s appeared in two places, or its proceedings lack a short name", r.Key)
		}
		if strings.ContainsFunc(r.BibTeX(), func(c rune) bool { return c > unicode.MaxASCII }) {
			t.Errorf("BibTeX is not ASCII:\n%s", r.BibTeX())
		}
		if strings.Count(r.BibTeX(), "{") != strings.Count(r.BibTeX(), "}") {
			t.Errorf("braces do not match:\n%s", r.BibTeX())
		}
	}
}

// TestOneKeyOnePublication: two publications of the catalog never have one key.
func TestOneKeyOnePublication(t *testing.T) {
	titles := map[string]string{}
	for _, e := range Catalog() {
		for _, r := range e.References {
			if title, known := titles[r.Key]; known && title != r.Title {
				t.Errorf("%s is %q and %q", r.Key, title, r.Title)
			}
			titles[r.Key] = r.Title
		}
	}
}

func TestSource(t *testing.T) {
	for name, want := range map[string]string{
		"gd":                  "Stöger and Soltanolkotabi, arXiv 2106.15013",
		"polyak-gd":           "Polyak, Introduction to Optimization (1987); Hazan and Kakade, arXiv 1905.00313",
		"imbalanced-gd":       "after Xiong, Ding and Du, arXiv 2310.01769",
		"prec-gd":             "Zhang, Fattahi and Zhang, NeurIPS 2021",
		"momentum":            "Polyak, USSR Computational Mathematics and Mathematical Physics 4 (1964)",
		"nesterov":            "Nesterov, Introductory Lectures on Convex Optimization (2004)",
		"apgd":                "Liu, Han, Tang, Tang and Wang, arXiv 2502.00463; Jia, Feng, Meng and Sun, NeurIPS 2024",
		"polar":               "Wei, Zhang, Li and He, arXiv 2510.01175",
		"mirror-descent":      "Wu and Rebeschini, arXiv 2105.13831",
		"adam":                "Kingma and Ba, arXiv 1412.6980",
		"label-noise-gd":      "Gatmiry et al., arXiv 2306.13239",
		"zeroth-order-newton": "after Yu, Wang, Huang, Lei and Lee, arXiv 2406.19617",
		"zeroth-order":        "after Yu, Wang, Huang, Lei and Lee, arXiv 2406.19617",
		"pauli":               "Gross, Liu, Flammia, Becker and Eisert, arXiv 0909.3304",
		"dense":               "",
	} {
		i := slices.IndexFunc(Catalog(), func(e Entry) bool { return e.Name == name })
		if i < 0 {
			t.Errorf("no %s", name)
		} else if got := Catalog()[i].Source(); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestBibTeX(t *testing.T) {
	const want = `@article{k,
  author        = {Vaskevi{\v c}ius, A. and M{\"u}ller, B.},
  title         = {{On A \& B}},
  journal       = {J.},
  volume        = {3},
  pages         = {1--9},
  year          = {2001},
  doi           = {10.1/x_y},
  eprint        = {1234.5678},
  archiveprefix = {arXiv},
}
`
	got := Reference{
		Key: "k", Authors: []string{"Vaskevičius, A.", "Müller, B."}, Title: "On A & B", Journal: "J.",
		Volume: "3", Pages: "1–9", Year: 2001, DOI: "10.1/x_y", ArXiv: "1234.5678",
	}.BibTeX()
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
