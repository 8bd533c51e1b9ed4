package main

import "github.com/spf13/cobra"

// Commands that are jobs, or about them.

func (a *app) memberJobs() []*cobra.Command   { return nil }
func (a *app) bankJobs() []*cobra.Command     { return nil }
func (a *app) eduJobs() []*cobra.Command      { return nil }
func (a *app) pushJobs() []*cobra.Command     { return nil }
func (a *app) jobsCommands() []*cobra.Command { return nil }
