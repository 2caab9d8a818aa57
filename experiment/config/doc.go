// Package config has the settings of a run, and the catalog of what they can name: methods, retractions,
// parametrizations, ensembles, observation models, losses and starts.
//
// A [Config] is filled in from flags and from YAML ([ReadConfig]). [Config.Check] finds every mistake, fills
// in what depends on other settings, and reads the headers of data files; [Config.Load] then makes the
// [sensing.Problem], drawn or from the user's files. What a configuration names it makes as well:
// [Config.NewMethod], [Config.NewParametrization], [Config.NewEnsemble] and [Config.NewStart].
//
// A member of a family is one entry of its file: methods.go, retractions.go, parametrizations.go,
// ensembles.go, observations.go, losses.go, starts.go. The entry says everything about the member; no other
// place asks for it by name.
//
// [Config.Advise] says which settings would mend a run that failed. [Config.Fingerprint] is a hash of what
// decides the bits of a trajectory.
package config
