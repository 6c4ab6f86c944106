"""The command line: `titip`, its commands, its screens, and the demo."""
