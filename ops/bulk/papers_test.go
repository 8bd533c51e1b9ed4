package bulk_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The operation that the papers show is the one of the example, which compiles and runs.
func TestOperationOfThePapers(t *testing.T) {
	t.Parallel()
	example, err := os.ReadFile("example_test.go")
	require.NoError(t, err)
	for _, path := range []string{"../../docs/bulk.md", "../../docs/bulk.zh-CN.md"} {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		_, code, found := strings.Cut(string(text), "```go\n")
		require.True(t, found, path)
		code, _, _ = strings.Cut(code, "```\n")
		assert.True(t, strings.Contains(string(example), code), "%s shows another operation", path)
	}
}
