package bulk_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Every block of Go in the papers is part of the examples, which compile and run.
func TestPapers(t *testing.T) {
	t.Parallel()
	example, err := os.ReadFile("example_test.go")
	require.NoError(t, err)
	for _, path := range []string{"../../docs/bulk.md", "../../docs/bulk.zh-CN.md"} {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		blocks := strings.Split(string(text), "```go\n")[1:]
		assert.Len(t, blocks, 2, path)
		for _, block := range blocks {
			code, _, _ := strings.Cut(block, "```\n")
			assert.Contains(t, string(example), code, path)
		}
	}
}
