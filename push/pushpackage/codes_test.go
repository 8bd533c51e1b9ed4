package pushpackage_test

import (
	"encoding/csv"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay/api"
	"github.com/wxpay-go/wxpay/push/pushpackage"
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
	documented := map[pushpackage.Code]bool{}
	for _, row := range rows[1:] {
		n, err := strconv.ParseInt(row[0], 10, 64)
		require.NoError(t, err)
		switch n {
		case 0, 10100, 10101: // success, and two that only the vendor's Java samples make up
			assert.Empty(t, pushpackage.Code(n).Meaning(), n)
		default:
			assert.Equal(t, row[1], pushpackage.Code(n).Meaning(), n)
			documented[pushpackage.Code(n)] = true
		}
	}
	assert.GreaterOrEqual(t, len(documented), 30)
	for _, code := range pushpackage.KnownCodes() {
		assert.True(t, documented[code], code)
	}
}

func TestCodeConstants(t *testing.T) {
	t.Parallel()
	for want, code := range map[int64]pushpackage.Code{
		1008001: pushpackage.CodeUnparsable, 1008002: pushpackage.CodeMissingParam, 1008003: pushpackage.CodeAuthFailed, 1008004: pushpackage.CodeServiceFailed,
		1008007: pushpackage.CodeInvalidParam, 1008011: pushpackage.CodeUploadFailed, 1008012: pushpackage.CodeEmptyFile, 1008015: pushpackage.CodePushNotFound,
		1008016: pushpackage.CodeBadDate, 1008019: pushpackage.CodeContentRefused, 1008023: pushpackage.CodeCertExpired, 1008028: pushpackage.CodeTooFast,
		1008030: pushpackage.CodeNotPaid, 1008031: pushpackage.CodeAppDestroyed, 1008035: pushpackage.CodeWrongAccessPoint, 10010005: pushpackage.CodeNoTarget,
		10010012: pushpackage.CodeBadPushTime, 10010018: pushpackage.CodeRepeatedPush,
	} {
		assert.EqualValues(t, want, code)
		assert.Contains(t, code.Error(), strconv.FormatInt(want, 10)+" ")
	}
	assert.Equal(t, "4711", pushpackage.Code(4711).Error())
}

// Where there is something to do about an error it is said in both languages, and in its text.
func TestHints(t *testing.T) {
	t.Parallel()
	hinted := 0
	for _, code := range pushpackage.KnownCodes() {
		h := code.Hint()
		assert.Equal(t, h.English == "", h.Chinese == "", code)
		assert.Equal(t, h, (&pushpackage.Error{StatusCode: 200, RetCode: code}).Hint(), code)
		if h.English != "" {
			hinted++
			assert.ErrorContains(t, &pushpackage.Error{StatusCode: 200, RetCode: code}, "; "+h.English)
		}
	}
	assert.Equal(t, 14, hinted)
	assert.Equal(t, "推送内容未通过安全检查，请修改标题或内容", pushpackage.CodeContentRefused.Hint().Chinese)
	assert.Equal(t, "推送可能已创建，请先查询任务，再决定是否重发", pushpackage.CodeServiceFailed.Hint().Chinese)
	assert.Equal(t, "请核对 Access ID（TPNS_ACCESS_ID）与 SecretKey（TPNS_SECRET_KEY）；使用签名认证时请校准本机时间", (&pushpackage.Error{StatusCode: 403, RetCode: 1008003}).Hint().Chinese)
	assert.Equal(t, "请核对 Access ID、SecretKey、服务接入点与控制台 IP 白名单", (&pushpackage.Error{StatusCode: 403}).Hint().Chinese)
	assert.Contains(t, (&pushpackage.Error{StatusCode: 502}).Hint().Chinese, "结果未知")
	assert.Contains(t, (&pushpackage.UnknownError{}).Hint().Chinese, "结果未知")
	assert.Empty(t, (&pushpackage.Error{StatusCode: 404}).Hint())
}
