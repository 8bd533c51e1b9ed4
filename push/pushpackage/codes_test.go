package pushpackage

import (
	"encoding/csv"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay/api"
)

// The meanings are those of the documents, code by code, and there are no others.
func TestMeanings(t *testing.T) {
	t.Parallel()
	file, err := api.FS.Open("tpns-return-codes.csv")
	require.NoError(t, err)
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	require.NoError(t, err)
	require.Equal(t, []string{"code", "meaning"}, rows[0][:2])
	documented := map[Code]bool{}
	for _, row := range rows[1:] {
		n, err := strconv.ParseInt(row[0], 10, 64)
		require.NoError(t, err)
		switch n {
		case 0, 10100, 10101: // success, and two that only the vendor's Java samples make up
			assert.Empty(t, Code(n).Meaning(), n)
		default:
			assert.Equal(t, row[1], Code(n).Meaning(), n)
			documented[Code(n)] = true
		}
	}
	assert.GreaterOrEqual(t, len(documented), 30)
	for code := range known {
		assert.True(t, documented[code], code)
	}
}

func TestCodeConstants(t *testing.T) {
	t.Parallel()
	for want, code := range map[int64]Code{
		1008001: CodeUnparsable, 1008002: CodeMissingParam, 1008003: CodeAuthFailed, 1008004: CodeServiceFailed,
		1008007: CodeInvalidParam, 1008011: CodeUploadFailed, 1008012: CodeEmptyFile, 1008015: CodePushNotFound,
		1008016: CodeBadDate, 1008019: CodeContentRefused, 1008023: CodeCertExpired, 1008028: CodeTooFast,
		1008030: CodeNotPaid, 1008031: CodeAppDestroyed, 1008035: CodeWrongAccessPoint, 10010005: CodeNoTarget,
		10010012: CodeBadPushTime, 10010018: CodeRepeatedPush,
	} {
		assert.EqualValues(t, want, code)
		assert.Contains(t, code.Error(), strconv.FormatInt(want, 10)+" ")
	}
	assert.Equal(t, "4711", Code(4711).Error())
}

// Where there is something to do about an error it is said in both languages, and in its text.
func TestHints(t *testing.T) {
	t.Parallel()
	hinted := 0
	for code := range known {
		h := code.Hint()
		assert.Equal(t, h.English == "", h.Chinese == "", code)
		assert.Equal(t, h, (&Error{StatusCode: 200, RetCode: code}).Hint(), code)
		if h.English != "" {
			hinted++
			assert.ErrorContains(t, &Error{StatusCode: 200, RetCode: code}, "; "+h.English)
		}
	}
	assert.Equal(t, 14, hinted)
	assert.Equal(t, "推送内容未通过安全检查，请修改标题或内容", CodeContentRefused.Hint().Chinese)
	assert.Equal(t, "推送可能已创建，请先查询任务，再决定是否重发", CodeServiceFailed.Hint().Chinese)
	assert.Equal(t, "请核对 Access ID（TPNS_ACCESS_ID）与 SecretKey（TPNS_SECRET_KEY）；使用签名认证时请校准本机时间", (&Error{StatusCode: 403, RetCode: 1008003}).Hint().Chinese)
	assert.Equal(t, "请核对 Access ID、SecretKey、服务接入点与控制台 IP 白名单", (&Error{StatusCode: 403}).Hint().Chinese)
	assert.Contains(t, (&Error{StatusCode: 502}).Hint().Chinese, "结果未知")
	assert.Contains(t, (&UnknownError{}).Hint().Chinese, "结果未知")
	assert.Empty(t, (&Error{StatusCode: 404}).Hint())
}
