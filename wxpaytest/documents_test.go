package wxpaytest_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay/api"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

// The server knows exactly the calls of the documents.
func TestEveryDocumentedCall(t *testing.T) {
	t.Parallel()
	path, method := regexp.MustCompile(`^  (/v3/\S+):$`), regexp.MustCompile(`^    (get|post|patch|delete|put):$`)
	left := []string{
		"POST /v3/push/revoke_push_msg",                   // withdrawn by the vendor
		"POST /v3/statistics/get_push_group_stat_channel", // not yet here
	}
	var documented []string
	for _, name := range []string{"bankpackages", "certificates", "edupapay", "membercard", "security", "tpns"} {
		text, err := api.FS.ReadFile(name + ".yaml")
		require.NoError(t, err)
		at := ""
		for line := range strings.Lines(string(text)) {
			line = strings.TrimRight(line, "\n")
			if found := path.FindStringSubmatch(line); found != nil {
				at = found[1]
			} else if found := method.FindStringSubmatch(line); found != nil && at != "" {
				documented = append(documented, strings.ToUpper(found[1])+" "+at)
			} else if line != "" && line[0] != ' ' {
				at = "" // paths ended
			}
		}
	}
	require.Greater(t, len(documented), 50)
	documented = slices.DeleteFunc(documented, func(s string) bool { return slices.Contains(left, s) })
	assert.ElementsMatch(t, documented, wxpaytest.Routes())
}
