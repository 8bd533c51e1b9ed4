package main

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A folder in which no job can be kept is refused before anything else is said.
func TestFoldersThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 1)
	path := d.debits("a.csv", "a")
	file := d.write("file", "x")
	bad := []string{file, filepath.Join(file, "below")}
	if runtime.GOOS == "linux" {
		bad = append(bad, "/proc/wxpay") // where nothing can be made, whoever one is
	}
	closed := t.TempDir()
	if runtime.GOOS != "windows" && os.Geteuid() != 0 {
		locked, sealed := filepath.Join(closed, "locked"), filepath.Join(closed, "sealed")
		require.NoError(t, os.Mkdir(locked, 0o500))
		require.NoError(t, os.Mkdir(sealed, 0))
		t.Cleanup(func() { _ = os.Chmod(sealed, 0o700) })
		bad = append(bad, locked, sealed)
	}
	for _, dir := range bad {
		for lang, word := range map[string]string{"en": "cannot be used for jobs", "zh": "无法存放任务"} {
			o := d.run("edu", "debit", path, "--appid=wx8888888888888888", "--dir="+dir, "--lang="+lang)
			assert.Equal(t, exitUsage, o.code, "%s: %s", dir, o.stderr)
			text := oneLineOf(t, o.stderr)
			assert.Contains(t, text, word)
			assert.Contains(t, text, "--dir")
		}
	}
	for _, dir := range bad[:2] {
		for _, args := range [][]string{{"jobs", "list"}, {"jobs", "show", "j"}, {"jobs", "resume", "j"}, {"jobs", "forget", "j", "--yes"}, {"edu", "debit", path, "--dry-run"}} {
			o := d.run(append(args, "--dir="+dir, "--lang=zh")...)
			assert.Equal(t, exitUsage, o.code, "%v: %s", args, o.stderr)
			assert.Contains(t, oneLineOf(t, o.stderr), "不是目录")
		}
	}
	assert.Empty(t, d.fake.Requests())
}

// What says how a job was run is damaged: it is said what to do, and doing it goes on with the job.
func TestDamagedRecord(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 1)
	path := d.noticed(d.debits("a.csv", "a"), "--job=j")
	record := filepath.Join(d.out, "j.job")
	for _, text := range []string{"", "{", "[]", `{"version":1,"inputs":[{"file":"x"}]}`} {
		require.NoError(t, os.WriteFile(record, []byte(text), 0o600))
		for lang, word := range map[string]string{"en": "delete it", "zh": "请删除"} {
			for _, args := range [][]string{{"jobs", "resume", "j"}, {"jobs", "show", "j"}, {"edu", "debit", path, "--appid=wx8888888888888888", "--job=j"}} {
				o := d.job(append(args, "--lang="+lang)...)
				assert.Equal(t, exitUsage, o.code, "%q %v: %s", text, args, o.stderr)
				assert.Contains(t, oneLineOf(t, o.stderr), word)
				assert.Contains(t, o.stderr, "--job j --dir "+d.out)
			}
		}
	}
	require.NoError(t, os.Remove(record))
	assert.Equal(t, exitDone, d.debit(path, "--job=j").code)
}
