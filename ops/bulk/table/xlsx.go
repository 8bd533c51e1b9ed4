package table

import "os"

func (f *File) workbook(file *os.File, step func(line int, cells []string, wrong *wrong) bool) *wrong {
	return &wrong{"is a workbook", ""}
}
