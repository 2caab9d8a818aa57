package main

// advised are the settings that a summary advises.
func advised(summary object) map[string]any {
	advice, _ := summary["advice"].(map[string]any)
	settings, _ := advice["settings"].(map[string]any)
	return settings
}
