package config

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Reference is a publication that a member of the catalog comes from. The catalog's sources, citations and
// BibTeX are made from it.
type Reference struct {
	// Key is the key of its BibTeX entry: letters, digits and dashes.
	Key string
	// Authors are the authors, each as "Family, Given".
	Authors []string
	Title   string
	Year    int
	// Journal, Proceedings or Publisher says where it appeared: an article, a paper at a conference, or a
	// book. All are empty for a preprint.
	Journal, Proceedings, Publisher string
	// Short is a short name of the proceedings, as in NeurIPS.
	Short                 string
	Volume, Number, Pages string
	ArXiv, DOI            string // the numbers alone
}

// manyAuthors is how many authors are named before "et al." stands for all but the first.
const manyAuthors = 5

// String names the authors and where the publication is found, in the fewest words that find it.
func (r Reference) String() string {
	var families []string
	for _, a := range r.Authors {
		family, _, _ := strings.Cut(a, ",")
		families = append(families, family)
	}
	last := len(families) - 1
	authors := families[0]
	switch {
	case last >= manyAuthors:
		authors += " et al."
	case last > 0:
		authors = strings.Join(families[:last], ", ") + " and " + families[last]
	}
	switch {
	case r.ArXiv != "":
		return fmt.Sprintf("%s, arXiv %s", authors, r.ArXiv)
	case r.Journal != "":
		return fmt.Sprintf("%s, %s %s (%d)", authors, r.Journal, r.Volume, r.Year)
	case r.Proceedings != "":
		return fmt.Sprintf("%s, %s %d", authors, r.Short, r.Year)
	}
	title, _, _ := strings.Cut(r.Title, ":")
	return fmt.Sprintf("%s, %s (%d)", authors, title, r.Year)
}

// BibTeX returns the publication as an entry of a .bib file, in ASCII.
func (r Reference) BibTeX() string {
	kind, where := "misc", ""
	switch {
	case r.Journal != "":
		kind, where = "article", "journal"
	case r.Proceedings != "":
		kind, where = "inproceedings", "booktitle"
	case r.Publisher != "":
		kind, where = "book", "publisher"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "@%s{%s,\n", kind, r.Key)
	field := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "  %-13s = {%s},\n", name, value)
		}
	}
	field("author", latex(strings.Join(r.Authors, " and ")))
	field("title", "{"+latex(r.Title)+"}") // braces keep capitals
	if where != "" {
		field(where, latex(r.Journal+r.Proceedings+r.Publisher))
	}
	field("volume", r.Volume)
	field("number", r.Number)
	field("pages", strings.ReplaceAll(r.Pages, "–", "--"))
	field("year", fmt.Sprint(r.Year))
	field("doi", r.DOI)
	if r.ArXiv != "" {
		field("eprint", r.ArXiv)
		field("archiveprefix", "arXiv")
	}
	b.WriteString("}\n")
	return b.String()
}

// accents are letters as LaTeX writes them. Classic BibTeX sorts and shortens names in ASCII alone.
var accents = strings.NewReplacer(
	"&", `\&`, "á", `{\'a}`, "à", `{\`+"`"+`a}`, "ä", `{\"a}`, "ć", `{\'c}`, "č", `{\v c}`, "ç", `{\c c}`,
	"é", `{\'e}`, "è", `{\`+"`"+`e}`, "ê", `{\^e}`, "ë", `{\"e}`, "í", `{\'i}`, "ł", `{\l}`, "ñ", `{\~n}`,
	"ó", `{\'o}`, "ô", `{\^o}`, "ö", `{\"o}`, "ø", `{\o}`, "š", `{\v s}`, "ß", `{\ss}`, "ú", `{\'u}`,
	"ü", `{\"u}`, "ž", `{\v z}`, "Ö", `{\"O}`, "Ü", `{\"U}`, "Š", `{\v S}`, "Č", `{\v C}`,
)

// latex writes a text for LaTeX.
func latex(text string) string { return accents.Replace(text) }

// Source names the publications that a member comes from; "" if it comes from none.
func (e Entry) Source() string {
	var texts []string
	for _, r := range e.References {
		texts = append(texts, r.String())
	}
	text := strings.Join(texts, "; ")
	if e.After && text != "" {
		text = "after " + text
	}
	return text
}

// References lists the publications of the whole catalog by their keys, each once.
func References() []Reference {
	byKey := map[string]Reference{}
	for _, e := range Catalog() {
		for _, r := range e.References {
			byKey[r.Key] = r
		}
	}
	compare := func(a, b Reference) int { return cmp.Compare(a.Key, b.Key) }
	return slices.SortedFunc(maps.Values(byKey), compare)
}

// Members lists the catalog's entries of the method, the retraction, the parametrization, the ensemble, the
// observation model, the loss and the start that the configuration names.
func (c *Config) Members() (used []Entry) {
	for _, e := range Catalog() {
		if c.chosen(e.Kind) != e.Name {
			continue
		}
		if e.Kind == "ensemble" && c.observation().Law != nil {
			continue // the observations are drawn by a law of their own
		}
		used = append(used, e)
	}
	return used
}

// The publications of the catalog.
var (
	absil2008 = Reference{
		Key: "absil2008optimization", Authors: []string{"Absil, P.-A.", "Mahony, R.", "Sepulchre, R."},
		Title: "Optimization Algorithms on Matrix Manifolds", Publisher: "Princeton University Press",
		Year: 2008,
	}
	absil2012 = Reference{
		Key: "absil2012projection", Authors: []string{"Absil, P.-A.", "Malick, Jérôme"},
		Title:   "Projection-like Retractions on Matrix Manifolds",
		Journal: "SIAM Journal on Optimization", Volume: "22", Year: 2012, DOI: "10.1137/100802529",
	}
	burer2003 = Reference{
		Key: "burer2003nonlinear", Authors: []string{"Burer, Samuel", "Monteiro, Renato D. C."},
		Title: "A nonlinear programming algorithm for solving semidefinite programs via low-rank " +
			"factorization",
		Journal: "Mathematical Programming", Volume: "95", Number: "2", Pages: "329–357", Year: 2003,
		DOI: "10.1007/s10107-002-0352-8",
	}
	cai2023 = Reference{
		Key: "cai2023curvature", Authors: []string{"Cai, Yang", "Jordan, Michael I.", "Lin, Tianyi",
			"Oikonomou, Argyris", "Vlatakis-Gkaragkounis, Emmanouil V."},
		Title: "Curvature-Independent Last-Iterate Convergence for Games on Riemannian Manifolds",
		Year:  2023, ArXiv: "2306.16617",
	}
	candes2009 = Reference{
		Key: "candes2009exact", Authors: []string{"Candès, Emmanuel J.", "Recht, Benjamin"},
		Title:   "Exact Matrix Completion via Convex Optimization",
		Journal: "Foundations of Computational Mathematics", Volume: "9", Number: "6", Pages: "717–772",
		Year: 2009, DOI: "10.1007/s10208-009-9045-5", ArXiv: "0805.4471",
	}
	chen2015 = Reference{
		Key: "chen2015exact", Authors: []string{"Chen, Yuxin", "Chi, Yuejie", "Goldsmith, Andrea J."},
		Title:   "Exact and Stable Covariance Estimation from Quadratic Sampling via Convex Programming",
		Journal: "IEEE Transactions on Information Theory", Volume: "61", Number: "7", Pages: "4034–4059",
		Year: 2015, ArXiv: "1310.0807",
	}
	ding2021 = Reference{
		Key: "ding2021rank", Authors: []string{"Ding, Lijun", "Jiang, Liwei", "Chen, Yudong", "Qu, Qing",
			"Zhu, Zhihui"},
		Title:       "Rank Overspecified Robust Matrix Recovery: Subgradient Method and Exact Recovery",
		Proceedings: neurIPS, Short: "NeurIPS", Volume: "34", Year: 2021, ArXiv: "2109.11154",
	}
	fan2023 = Reference{
		Key: "fan2023understanding", Authors: []string{"Fan, Jianqing", "Yang, Zhuoran", "Yu, Mengxin"},
		Title:   "Understanding Implicit Regularization in Over-Parameterized Single Index Model",
		Journal: "Journal of the American Statistical Association", Volume: "118", Number: "544",
		Pages: "2315–2328", Year: 2023, ArXiv: "2007.08322",
	}
	gatmiry2023 = Reference{
		Key: "gatmiry2023inductive", Authors: []string{"Gatmiry, Khashayar", "Li, Zhiyuan",
			"Chuang, Ching-Yao", "Reddi, Sashank", "Ma, Tengyu", "Jegelka, Stefanie"},
		Title:       "The Inductive Bias of Flatness Regularization for Deep Matrix Factorization",
		Proceedings: neurIPS, Short: "NeurIPS", Year: 2023, ArXiv: "2306.13239",
	}
	giampouras2025 = Reference{
		Key: "giampouras2025guarantees", Authors: []string{"Giampouras, Paris", "Cai, HanQin", "Vidal, René"},
		Title: "Guarantees of a Preconditioned Subgradient Algorithm for Overparameterized Asymmetric " +
			"Low-rank Matrix Recovery",
		Proceedings: "Proceedings of the 42nd International Conference on Machine Learning", Short: "ICML",
		Year: 2025, ArXiv: "2410.16826",
	}
	gross2010 = Reference{
		Key: "gross2010quantum", Authors: []string{"Gross, David", "Liu, Yi-Kai", "Flammia, Steven T.",
			"Becker, Stephen", "Eisert, Jens"},
		Title:   "Quantum State Tomography via Compressed Sensing",
		Journal: "Physical Review Letters", Volume: "105", Number: "15", Pages: "150401", Year: 2010,
		DOI: "10.1103/PhysRevLett.105.150401", ArXiv: "0909.3304",
	}
	hazan2019 = Reference{
		Key: "hazan2019revisiting", Authors: []string{"Hazan, Elad", "Kakade, Sham"},
		Title: "Revisiting the Polyak step size", Year: 2019, ArXiv: "1905.00313",
	}
	huber1964 = Reference{
		Key: "huber1964robust", Authors: []string{"Huber, Peter J."},
		Title: "Robust estimation of a location parameter", Journal: "The Annals of Mathematical Statistics",
		Volume: "35", Number: "1", Pages: "73–101", Year: 1964, DOI: "10.1214/aoms/1177703732",
	}
	hsieh2023 = Reference{
		Key: "hsieh2023riemannian", Authors: []string{"Hsieh, Ya-Ping", "Karimi, Mohammad Reza",
			"Krause, Andreas", "Mertikopoulos, Panayotis"},
		Title: "Riemannian stochastic optimization methods avoid strict saddle points",
		Year:  2023, ArXiv: "2311.02374",
	}
	jain2013 = Reference{
		Key: "jain2013low", Authors: []string{"Jain, Prateek", "Netrapalli, Praneeth", "Sanghavi, Sujay"},
		Title:       "Low-rank Matrix Completion using Alternating Minimization",
		Proceedings: "Proceedings of the 45th Annual ACM Symposium on Theory of Computing", Short: "STOC",
		Year: 2013, ArXiv: "1212.0467",
	}
	keshavan2010 = Reference{
		Key: "keshavan2010matrix", Authors: []string{"Keshavan, Raghunandan H.", "Montanari, Andrea",
			"Oh, Sewoong"},
		Title:   "Matrix Completion from a Few Entries",
		Journal: "IEEE Transactions on Information Theory", Volume: "56", Number: "6", Pages: "2980–2998",
		Year: 2010, DOI: "10.1109/TIT.2010.2046205", ArXiv: "0901.3150",
	}
	kovacevic2025 = Reference{
		Key: "kovacevic2025spectral", Authors: []string{"Kovačević, Filip", "Zhang, Yihan",
			"Mondelli, Marco"},
		Title: "Spectral Estimators for Multi-Index Models: Precise Asymptotics and Optimal Weak " +
			"Recovery",
		Proceedings: "Proceedings of the 38th Conference on Learning Theory", Short: "COLT", Volume: "291",
		Pages: "3354–3404", Year: 2025, ArXiv: "2502.01583",
	}
	liu2024 = Reference{
		Key: "liu2024symmetric", Authors: []string{"Liu, Huikang", "Wang, Peng", "Huang, Longxiu", "Qu, Qing",
			"Balzano, Laura"},
		Title:       "Symmetric Matrix Completion with ReLU Sampling",
		Proceedings: "Proceedings of the 41st International Conference on Machine Learning", Short: "ICML",
		Volume: "235", Pages: "32015–32040", Year: 2024, ArXiv: "2406.05822",
	}
	liu2025 = Reference{
		Key: "liu2025efficient", Authors: []string{"Liu, Zhiyu", "Han, Zhi", "Tang, Yandong",
			"Tang, Shaojie", "Wang, Yao"},
		Title: "Efficient Over-parameterized Matrix Sensing from Noisy Measurements via Alternating " +
			"Preconditioned Gradient Descent",
		Year: 2025, ArXiv: "2502.00463",
	}
	ma2018 = Reference{
		Key: "ma2018power", Authors: []string{"Ma, Siyuan", "Bassily, Raef", "Belkin, Mikhail"},
		Title: "The Power of Interpolation: Understanding the Effectiveness of SGD in Modern " +
			"Over-parametrized Learning",
		Proceedings: "Proceedings of the 35th International Conference on Machine Learning", Short: "ICML",
		Volume: "80", Pages: "3325–3334", Year: 2018, ArXiv: "1712.06559",
	}
	jia2024 = Reference{
		Key: "jia2024globally", Authors: []string{"Jia, Xixi", "Feng, Fangchen", "Meng, Deyu", "Sun, Defeng"},
		Title:       "Globally Q-linear Gauss-Newton Method for Overparameterized Non-convex Matrix Sensing",
		Proceedings: neurIPS, Short: "NeurIPS", Volume: "37", Year: 2024,
	}
	kingma2015 = Reference{
		Key: "kingma2015adam", Authors: []string{"Kingma, Diederik P.", "Ba, Jimmy"},
		Title: "Adam: A method for stochastic optimization", Year: 2015, ArXiv: "1412.6980",
	}
	ma2022 = Reference{
		Key: "ma2022global", Authors: []string{"Ma, Jianhao", "Fattahi, Salar"},
		Title: "Global Convergence of Sub-gradient Method for Robust Matrix Recovery: Small Initialization, " +
			"Noisy Measurements, and Over-parameterization",
		Year: 2022, ArXiv: "2202.08788",
	}
	nesterov2004 = Reference{
		Key: "nesterov2004introductory", Authors: []string{"Nesterov, Yurii"},
		Title:     "Introductory Lectures on Convex Optimization: A Basic Course",
		Publisher: "Springer", Year: 2004, DOI: "10.1007/978-1-4419-8853-9",
	}
	polyak1964 = Reference{
		Key: "polyak1964some", Authors: []string{"Polyak, Boris T."},
		Title:   "Some methods of speeding up the convergence of iteration methods",
		Journal: "USSR Computational Mathematics and Mathematical Physics", Volume: "4", Number: "5",
		Pages: "1–17", Year: 1964, DOI: "10.1016/0041-5553(64)90137-5",
	}
	polyak1987 = Reference{
		Key: "polyak1987introduction", Authors: []string{"Polyak, Boris T."},
		Title: "Introduction to Optimization", Publisher: "Optimization Software", Year: 1987,
	}
	// Ensembles with E⟨A, Z⟩² = ‖Z‖_F² are nearly isometries on matrices of low rank.
	recht2010 = Reference{
		Key: "recht2010guaranteed", Authors: []string{"Recht, Benjamin", "Fazel, Maryam",
			"Parrilo, Pablo A."},
		Title:   "Guaranteed Minimum-Rank Solutions of Linear Matrix Equations via Nuclear Norm Minimization",
		Journal: "SIAM Review", Volume: "52", Number: "3", Pages: "471–501", Year: 2010,
		DOI: "10.1137/070697835", ArXiv: "0706.4138",
	}
	shalit2012 = Reference{
		Key: "shalit2012online", Authors: []string{"Shalit, Uri", "Weinshall, Daphna", "Chechik, Gal"},
		Title:   "Online Learning in the Embedded Manifold of Low-rank Matrices",
		Journal: "Journal of Machine Learning Research", Volume: "13", Number: "14", Pages: "429–458",
		Year: 2012,
	}
	soltanolkotabi2023 = Reference{
		Key: "soltanolkotabi2023implicit", Authors: []string{"Soltanolkotabi, Mahdi", "Stöger, Dominik",
			"Xie, Changzhi"},
		Title: "Implicit Balancing and Regularization: Generalization and Convergence Guarantees for " +
			"Overparameterized Asymmetric Matrix Sensing",
		Proceedings: "The Thirty Sixth Annual Conference on Learning Theory", Short: "COLT",
		Pages: "5140–5142", Year: 2023, ArXiv: "2303.14244",
	}
	stoeger2021 = Reference{
		Key: "stoeger2021small", Authors: []string{"Stöger, Dominik", "Soltanolkotabi, Mahdi"},
		Title: "Small random initialization is akin to spectral learning: Optimization and generalization " +
			"guarantees for overparameterized low-rank matrix reconstruction",
		Proceedings: neurIPS, Short: "NeurIPS", Volume: "34", Pages: "23831–23843", Year: 2021,
		ArXiv: "2106.15013",
	}
	tong2020 = Reference{
		Key: "tong2020low", Authors: []string{"Tong, Tian", "Ma, Cong", "Chi, Yuejie"},
		Title: "Low-Rank Matrix Recovery with Scaled Subgradient Methods: Fast and Robust Convergence Without " +
			"the Condition Number",
		Year: 2020, ArXiv: "2010.13364",
	}
	tong2021 = Reference{
		Key: "tong2021accelerating", Authors: []string{"Tong, Tian", "Ma, Cong", "Chi, Yuejie"},
		Title:   "Accelerating Ill-Conditioned Low-Rank Matrix Estimation via Scaled Gradient Descent",
		Journal: "Journal of Machine Learning Research", Volume: "22", Number: "150", Pages: "1–63",
		Year: 2021, ArXiv: "2005.08898",
	}
	vandereycken2013 = Reference{
		Key: "vandereycken2013low", Authors: []string{"Vandereycken, Bart"},
		Title:   "Low-Rank Matrix Completion by Riemannian Optimization",
		Journal: "SIAM Journal on Optimization", Volume: "23", Number: "2", Pages: "1214–1236", Year: 2013,
		DOI: "10.1137/110845768", ArXiv: "1209.3834",
	}
	vaskevicius2019 = Reference{
		Key: "vaskevicius2019implicit", Authors: []string{"Vaškevičius, Tomas", "Kanade, Varun",
			"Rebeschini, Patrick"},
		Title:       "Implicit Regularization for Optimal Sparse Recovery",
		Proceedings: neurIPS, Short: "NeurIPS", Volume: "32", Year: 2019, ArXiv: "1909.05122",
	}
	wu2021 = Reference{
		Key: "wu2021implicit", Authors: []string{"Wu, Fan", "Rebeschini, Patrick"},
		Title:       "Implicit Regularization in Matrix Sensing via Mirror Descent",
		Proceedings: neurIPS, Short: "NeurIPS",
		Year: 2021, ArXiv: "2105.13831",
	}
	wei2025 = Reference{
		Key: "wei2025benefits", Authors: []string{"Wei, Yudong", "Zhang, Liang", "Li, Bingcong", "He, Niao"},
		Title: "On the Benefits of Weight Normalization for Overparameterized Matrix Sensing",
		Year:  2025, ArXiv: "2510.01175",
	}
	xiong2024 = Reference{
		Key:     "xiong2024overparameterization",
		Authors: []string{"Xiong, Nuoya", "Ding, Lijun", "Du, Simon S."},
		Title: "How Over-Parameterization Slows Down Gradient Descent in Matrix Sensing: The Curses of " +
			"Symmetry and Initialization",
		Proceedings: "International Conference on Learning Representations", Short: "ICLR", Year: 2024,
		ArXiv: "2310.01769",
	}
	xu2023 = Reference{
		Key: "xu2023power", Authors: []string{"Xu, Xingyu", "Shen, Yandi", "Chi, Yuejie", "Ma, Cong"},
		Title:       "The Power of Preconditioning in Overparameterized Low-Rank Matrix Sensing",
		Proceedings: "International Conference on Machine Learning", Short: "ICML", Volume: "202",
		Pages: "38611–38654", Year: 2023, ArXiv: "2302.01186",
	}
	yu2024 = Reference{
		Key: "yu2024stochastic", Authors: []string{"Yu, Qian", "Wang, Yining", "Huang, Baihe", "Lei, Qi",
			"Lee, Jason D."},
		Title: "Stochastic Zeroth-Order Optimization under Strongly Convexity and Lipschitz Hessian: " +
			"Minimax Sample Complexity",
		Year: 2024, ArXiv: "2406.19617",
	}
	zhang2021 = Reference{
		Key: "zhang2021preconditioned", Authors: []string{"Zhang, Jialun", "Fattahi, Salar",
			"Zhang, Richard Y."},
		Title:       "Preconditioned Gradient Descent for Over-Parameterized Nonconvex Matrix Factorization",
		Proceedings: neurIPS, Short: "NeurIPS", Volume: "34", Year: 2021,
	}
)

const neurIPS = "Advances in Neural Information Processing Systems"
