package main

import "github.com/spf13/cobra"

func (a *app) doctorCommand() *cobra.Command     { return &cobra.Command{Use: "doctor"} }
func (a *app) memberShow() *cobra.Command        { return &cobra.Command{Use: "show"} }
func (a *app) bankTasks() *cobra.Command         { return &cobra.Command{Use: "tasks"} }
func (a *app) eduContracts() *cobra.Command      { return &cobra.Command{Use: "contracts"} }
func (a *app) pushSend() *cobra.Command          { return &cobra.Command{Use: "send"} }
func (a *app) pushRecord() *cobra.Command        { return &cobra.Command{Use: "record"} }
func (a *app) pushCancel() *cobra.Command        { return &cobra.Command{Use: "cancel"} }
func (a *app) apiCommand() *cobra.Command        { return &cobra.Command{Use: "api METHOD PATH"} }
func (a *app) explainCommand() *cobra.Command    { return &cobra.Command{Use: "explain CODE|REQUEST-ID"} }
func (a *app) versionCommand() *cobra.Command    { return &cobra.Command{Use: "version"} }
func (a *app) completionCommand() *cobra.Command { return &cobra.Command{Use: "completion SHELL"} }
func (a *app) manCommand() *cobra.Command        { return &cobra.Command{Use: "man DIR"} }
