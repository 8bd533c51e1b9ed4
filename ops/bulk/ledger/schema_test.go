package ledger

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// raw opens the file of a ledger as any other program would.
func raw(t *testing.T, path string) *sql.Conn {
	t.Helper()
	db, err := connect(path, "mode=rwc", 1)
	require.NoError(t, err)
	conn, err := db.Conn(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close(); db.Close() })
	return conn
}

func exec(t *testing.T, conn *sql.Conn, text string, args ...any) {
	t.Helper()
	_, err := conn.ExecContext(t.Context(), text, args...)
	require.NoError(t, err, text)
}

// someItems makes a ledger that has an item in every state.
func someItems(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.ledger")
	l, err := Create(path, Head{Name: "x"})
	require.NoError(t, err)
	f, err := l.AddFile(File{Name: "a.csv", Digest: "1"})
	require.NoError(t, err)
	var entries []Entry
	for line := int64(1); line <= 6; line++ {
		entries = append(entries, Entry{Line: line, Rows: 1, Key: [20]byte{byte(line % 6)}})
	}
	entries[5].Key = entries[0].Key
	require.NoError(t, l.Stage(f.ID, entries, nil))
	require.NoError(t, l.FileStaged(f.ID, 6))
	require.NoError(t, l.Begin(t.Context(), id(f.ID, 2), []byte("kept")))
	for line, state := range map[int64]State{3: Done, 4: Rejected, 5: Unknown} {
		require.NoError(t, l.Begin(t.Context(), id(f.ID, line), []byte("kept")))
		require.NoError(t, l.End(t.Context(), id(f.ID, line), Outcome{State: state, Code: "123", Reason: "why", Good: 1}))
	}
	require.NoError(t, l.Close())
	return path
}

// An older ledger is brought up step by step. A step that fails leaves all as it was before that step.
func TestMigrate(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.ledger")
	conn := raw(t, path)
	exec(t, conn, `CREATE TABLE old (a INTEGER); INSERT INTO old VALUES (7); PRAGMA user_version = 1`)
	steps := []string{
		`ALTER TABLE old ADD COLUMN b INTEGER; UPDATE old SET b = a + 1`,
		`CREATE TABLE new (c INTEGER); INSERT INTO new SELECT b FROM old; DROP TABLE nowhere`,
	}
	is := func() int {
		n, err := versionOf(t.Context(), conn)
		require.NoError(t, err)
		return n
	}
	require.NoError(t, migrate(t.Context(), path, conn, 1, steps))
	require.Equal(t, 1, is())
	require.ErrorContains(t, migrate(t.Context(), path, conn, 3, steps), "nowhere")
	require.Equal(t, 2, is(), "the first step is made, and the second is not")
	var b, tables int
	require.NoError(t, conn.QueryRowContext(t.Context(), `SELECT b, (SELECT count(*) FROM sqlite_schema) FROM old`).Scan(&b, &tables))
	require.Equal(t, [2]int{8, 1}, [2]int{b, tables})
	steps[1] = `CREATE TABLE new (c INTEGER); INSERT INTO new SELECT b FROM old`
	require.NoError(t, migrate(t.Context(), path, conn, 3, steps))
	require.Equal(t, 3, is())
	require.NoError(t, conn.QueryRowContext(t.Context(), `SELECT c FROM new`).Scan(&b))
	require.Equal(t, 8, b)
	wrong, ok := errors.AsType[*VersionError](migrate(t.Context(), path, conn, 2, steps))
	require.True(t, ok, "it is newer")
	assert.Equal(t, VersionError{path, 3, 2}, *wrong)
	assert.Len(t, migrations, version-1)
}

// What is no ledger, or one of a newer program, is named and stays as it is.
func TestForeignFiles(t *testing.T) {
	t.Parallel()
	newer := func(t *testing.T, path string) { exec(t, raw(t, path), `PRAGMA user_version = 2`) }
	for name, tt := range map[string]struct {
		make    func(t *testing.T, path string)
		version bool
	}{
		"empty": {func(t *testing.T, path string) { require.NoError(t, os.WriteFile(path, nil, 0o600)) }, false},
		"text": {func(t *testing.T, path string) {
			require.NoError(t, os.WriteFile(path, []byte(strings.Repeat("a,b\n", 5000)), 0o600))
		}, false},
		"folder":  {func(t *testing.T, path string) { require.NoError(t, os.Mkdir(path, 0o700)) }, false},
		"another": {func(t *testing.T, path string) { exec(t, raw(t, path), `CREATE TABLE t (a); PRAGMA user_version = 1`) }, false},
		"link": {func(t *testing.T, path string) {
			if err := os.Symlink(someItems(t), path); err != nil {
				t.Skip(err)
			}
		}, false},
		"marked alone": {func(t *testing.T, path string) {
			exec(t, raw(t, path), fmt.Sprintf(`CREATE TABLE t (a); PRAGMA user_version = 1; PRAGMA application_id = %d`, application))
		}, false},
		"head is no JSON": {func(t *testing.T, path string) {
			require.NoError(t, os.Rename(someItems(t), path))
			exec(t, raw(t, path), `UPDATE job SET head = 'x'`)
		}, false},
		"no head": {func(t *testing.T, path string) {
			require.NoError(t, os.Rename(someItems(t), path))
			exec(t, raw(t, path), `DELETE FROM job`)
		}, false},
		"newer": {func(t *testing.T, path string) {
			require.NoError(t, os.Rename(someItems(t), path))
			newer(t, path)
			exec(t, raw(t, path), `PRAGMA wal_checkpoint(TRUNCATE)`)
		}, true},
		"newer in the log": {func(t *testing.T, path string) {
			require.NoError(t, os.Rename(someItems(t), path))
			exec(t, raw(t, path), `PRAGMA wal_autocheckpoint = 0`)
			newer(t, path)
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "x.ledger")
			tt.make(t, path)
			_, log := os.Stat(path + "-wal") // what stands in it SQLite puts into its place
			before, _ := os.ReadFile(path)
			for _, open := range []func(string) (*SQLite, error){Open, Look} {
				l, err := open(path)
				require.Error(t, err)
				require.Nil(t, l)
				_, isDamaged := errors.AsType[*DamagedError](err)
				_, isVersion := errors.AsType[*VersionError](err)
				assert.Equal(t, [2]bool{!tt.version, tt.version}, [2]bool{isDamaged, isVersion}, "%T %v", err, err)
				assert.NotContains(t, err.Error(), "\n")
			}
			after, _ := os.ReadFile(path)
			assert.True(t, log == nil || bytes.Equal(before, after), "it was changed")
			assert.Nil(t, Held(path), "the lock is given back")
		})
	}
}

// An item that says another thing than was written is found before anything is sent, whichever column it is and
// whatever it says now.
func TestSeal(t *testing.T) {
	t.Parallel()
	path := someItems(t)
	conn := raw(t, path)
	// To change items behind the back of the seal it has to be a column like any other.
	items := schema[strings.Index(schema, "CREATE TABLE items"):strings.Index(schema, "CREATE TABLE kept")]
	exec(t, conn, `CREATE TABLE copy AS SELECT * FROM items; DROP TABLE items;`+strings.Replace(items, `GENERATED ALWAYS AS (`+seal+`) STORED`, ``, 1)+`INSERT INTO items SELECT * FROM copy`)
	require.NoError(t, healthy(t.Context(), path, conn))
	changes := []string{
		`step = step + 1`, `tries = tries + 1`, `due = 5`, `rows = 2`, `good = 3`, `good = NULL WHERE good = 1`, `bad = 3`, `twin = 9`, `twin = NULL WHERE twin > 0`, `reason = 9`,
		`code = 'x'`, `request_id = 'x'`, `key = NULL WHERE key IS NOT NULL`, `content = NULL WHERE key IS NOT NULL`, `id = id + 100`, `state = 'done'`, `state = NULL`,
	}
	for from := range 6 {
		for to := -1; to < 128; to++ {
			if from != to {
				changes = append(changes, fmt.Sprintf(`state = %d WHERE state = %d`, to, from))
			}
		}
	}
	for _, change := range changes {
		exec(t, conn, `BEGIN`)
		if result, err := conn.ExecContext(t.Context(), `UPDATE items SET `+change); err == nil {
			n, err := result.RowsAffected()
			require.NoError(t, err)
			require.NotZero(t, n, change)
			_, is := errors.AsType[*DamagedError](healthy(t.Context(), path, conn))
			assert.True(t, is, change)
		} else {
			assert.ErrorContains(t, err, "NOT NULL", change)
		}
		exec(t, conn, `ROLLBACK`)
	}
	require.NoError(t, healthy(t.Context(), path, conn))
}

// What is asked for again and again goes by the index of what is not finished, however much is.
func TestPlans(t *testing.T) {
	t.Parallel()
	conn := raw(t, someItems(t))
	for name, tt := range map[string]struct {
		text string
		args []any
	}{
		"due":  {dueQuery, []any{1, 2, 3, 4, 5}},
		"next": {nextQuery, []any{1, 2, 3, 4}},
	} {
		rows, err := conn.QueryContext(t.Context(), `EXPLAIN QUERY PLAN `+tt.text, tt.args...)
		require.NoError(t, err)
		var plan []string
		for rows.Next() {
			var a, b, c int
			var step string
			require.NoError(t, rows.Scan(&a, &b, &c, &step))
			plan = append(plan, step)
		}
		require.NoError(t, rows.Close())
		assert.Contains(t, plan[0], "USING INDEX items_unfinished (id>? AND id<?)", name)
		assert.NotContains(t, strings.Join(plan, "\n"), "TEMP B-TREE", name)
	}
}

// A quota inside of SQLite is as good as a full disk: the change that does not fit is an error, and all later ones are.
func TestFullQuota(t *testing.T) {
	t.Parallel()
	path := someItems(t)
	l, err := Open(path)
	require.NoError(t, err)
	defer l.Close()
	require.NoError(t, l.write(t.Context(), func(c *change) error {
		_, err := c.conn.ExecContext(context.Background(), `PRAGMA max_page_count = 20`)
		return err
	}))
	err = l.Begin(t.Context(), id(1, 1), make([]byte, 200_000))
	require.ErrorIs(t, err, ErrFull)
	for _, write := range []func() error{
		func() error { return l.Begin(t.Context(), id(1, 1), nil) },
		func() error { return l.End(t.Context(), id(1, 2), Outcome{State: Done}) },
		func() error { return l.Stage(1, []Entry{{Line: 9, Rows: 1, Key: [20]byte{9}}}, nil) },
		func() error { return l.Tick(Tick{At: time.Now()}) },
		func() error { return l.Wake(1, true, time.Now()) },
	} {
		require.ErrorIs(t, write(), ErrFull)
	}
	sums, err := l.Sums()
	require.NoError(t, err)
	assert.Equal(t, Sums{Rows: 6, Staged: 1, Sending: 1, Done: 1, Rejected: 1, Unknown: 1, Skipped: 1, Good: 3}, sums)
	require.NoError(t, l.Close())
	l, err = Open(path)
	require.NoError(t, err)
	require.NoError(t, l.Begin(t.Context(), id(1, 1), nil), "there is room again")
	require.NoError(t, l.Close())
}

// The head is what a stranger may learn of a ledger; it does not change its spelling by accident.
func TestHead(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal(Head{Name: "n", Operation: "o", Sender: "s", Settings: map[string]string{"k": "v"}, Salt: []byte{1}, Check: []byte{2}, Created: time.Unix(0, 0).UTC()})
	require.NoError(t, err)
	assert.JSONEq(t, `{"Name":"n","Operation":"o","Sender":"s","Settings":{"k":"v"},"Salt":"AQ==","Check":"Ag==","Created":"1970-01-01T00:00:00Z"}`, string(text))
}
