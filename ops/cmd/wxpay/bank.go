package main

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	"github.com/wxpay-go/wxpay/services/bankpackages"
)

func (a *app) bankTasks() *cobra.Command {
	var p bankpackages.ListTasksParams
	var status string
	c := &cobra.Command{
		Use:     "tasks",
		Short:   a.t("the files of a bank package and what became of them", "查询号码包的导入任务"),
		Example: "  wxpay bank tasks --package 8473295 --status PROCESSING",
		RunE: func(c *cobra.Command, _ []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			p.Status = bankpackages.TaskStatus(status)
			var sums struct {
				Tasks   int64 `json:"tasks"`
				Pending int64 `json:"pending"`
				Success int64 `json:"success_count"`
				Fail    int64 `json:"fail_count"`
			}
			for task, err := range bankpackages.New(client).AllTasks(c.Context(), p) {
				if err != nil {
					return read(err)
				}
				sums.Tasks++
				sums.Success += task.SuccessCount
				sums.Fail += task.FailCount
				if task.Status != bankpackages.TaskFinished {
					sums.Pending++
				}
				if err := a.emit("task", task, func(w io.Writer) {
					fmt.Fprintf(w, "%-20s  %-10s  %s  %8d  %8d  %s\n", printable(task.TaskID), printable(string(task.Status)), clock(task.CreateTime.Time), task.SuccessCount, task.FailCount, printable(task.Filename))
				}); err != nil {
					return err
				}
			}
			a.note("%s", a.t(
				fmt.Sprintf("%d tasks, %d of them not finished; %d numbers matched, %d did not", sums.Tasks, sums.Pending, sums.Success, sums.Fail),
				fmt.Sprintf("共 %d 个任务，%d 个未完成；匹配成功 %d 个号码，失败 %d 个", sums.Tasks, sums.Pending, sums.Success, sums.Fail)))
			return a.emit("sums", sums, nil)
		},
	}
	c.Flags().StringVar(&p.PackageID, "package", "", a.t("`ID` of the package", "号码包 `ID`"))
	c.Flags().StringVar(&status, "status", "", a.t("only tasks in this `STATUS`: PROCESSING or FINISHED", "只看该 `STATUS` 的任务：PROCESSING 或 FINISHED"))
	c.Flags().StringVar(&p.Filename, "file", "", a.t("only the task of the file of this `NAME`", "只看文件名为 `NAME` 的任务"))
	a.need(c, "package")
	return c
}

// clock is a time for people, in the zone of this machine.
func clock(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format(time.DateTime)
}
