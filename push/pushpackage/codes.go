package pushpackage

import (
	"net/http"
	"strconv"
)

// A Code is a return code of TPNS. It is an error itself, so that
//
//	errors.Is(err, pushpackage.CodeTooFast)
//
// looks through any wrapping. Codes that are not listed here work the same: pushpackage.Code(1008026).
type Code int64

// Codes that calls of this package can meet and that one can act on.
const (
	CodeUnparsable       Code = 1008001
	CodeMissingParam     Code = 1008002
	CodeAuthFailed       Code = 1008003
	CodeServiceFailed    Code = 1008004 // may have taken effect
	CodeInvalidParam     Code = 1008007
	CodeUploadFailed     Code = 1008011
	CodeEmptyFile        Code = 1008012
	CodePushNotFound     Code = 1008015 // possibly also right after the push
	CodeBadDate          Code = 1008016
	CodeContentRefused   Code = 1008019
	CodeCertExpired      Code = 1008023
	CodeTooFast          Code = 1008028 // refused before acting
	CodeNotPaid          Code = 1008030
	CodeAppDestroyed     Code = 1008031
	CodeWrongAccessPoint Code = 1008035
	CodeNoTarget         Code = 10010005
	CodeBadPushTime      Code = 10010012
	CodeRepeatedPush     Code = 10010018
)

// Error makes a Code usable as the target of errors.Is.
func (c Code) Error() string {
	s := strconv.FormatInt(int64(c), 10)
	if m := c.Meaning(); m != "" {
		s += " " + m
	}
	return s
}

// Meaning says in English what the code means; empty if it is not documented.
func (c Code) Meaning() string { return known[c].meaning }

// Hint says what to do; empty if nothing helps in general.
func (c Code) Hint() Hint { return known[c].hint }

// A Hint says what is the matter and what to do, for people. A wxpay.Hint converts to it, and back.
type Hint struct{ English, Chinese string }

// Hint says what to do about a refusal; empty if nothing helps in general.
func (e *Error) Hint() Hint {
	switch h := e.RetCode.Hint(); {
	case h != Hint{}:
		return h
	case e.StatusCode == http.StatusForbidden:
		return hintForbidden
	case e.StatusCode >= 500:
		return hintUnknown
	}
	return Hint{}
}

// Hint says what to do about an unknown outcome.
func (e *UnknownError) Hint() Hint { return hintUnknown }

var (
	hintForbidden = Hint{"Access ID and SecretKey do not match, the host is not the application's access point, or the console does not allow this IP address",
		"请核对 Access ID、SecretKey、服务接入点与控制台 IP 白名单"}
	hintUnknown = Hint{"a read or an upload may be repeated; before a push is, look for it", "结果未知：查询与上传可重试；推送请先查询任务，再决定是否重发"}
)

// known is the server's table; meanings are those of api/tpns-return-codes.csv.
var known = map[Code]struct {
	meaning string
	hint    Hint
}{
	CodeUnparsable:       {"The request could not be parsed", Hint{}},
	CodeMissingParam:     {"A required parameter is missing", Hint{}},
	CodeAuthFailed:       {"Authentication failed", Hint{"check Access ID (TPNS_ACCESS_ID) and SecretKey (TPNS_SECRET_KEY), and this machine's clock if Signed", "请核对 Access ID（TPNS_ACCESS_ID）与 SecretKey（TPNS_SECRET_KEY）；使用签名认证时请校准本机时间"}},
	CodeServiceFailed:    {"A service behind the API could not be called", Hint{"the push may have been made: look for it before you send it again", "推送可能已创建，请先查询任务，再决定是否重发"}},
	1008006:              {"Device token is invalid", Hint{}},
	CodeInvalidParam:     {"A parameter failed validation", Hint{}},
	CodeUploadFailed:     {"Storing the uploaded file failed", Hint{"check the format of the file, then upload it again", "请检查文件格式后重新上传"}},
	CodeEmptyFile:        {"The uploaded file is empty", Hint{"the file is empty: check the list", "文件为空，请检查号码包内容"}},
	1008013:              {"The certificate could not be read", Hint{}},
	CodePushNotFound:     {"No push task has this id", Hint{"check pushId; right after the push look again later", "请核对 pushId；任务刚创建时请稍后再查"}},
	CodeBadDate:          {"A date or time parameter has the wrong format", Hint{}},
	CodeContentRefused:   {"Content refused by the content safety check", Hint{"change title or content", "推送内容未通过安全检查，请修改标题或内容"}},
	1008020:              {"The certificate does not fit the bundle id", Hint{}},
	1008021:              {"The p12 file is not in the right format", Hint{}},
	1008022:              {"The p12 password is wrong", Hint{}},
	CodeCertExpired:      {"The iOS push certificate of the environment has expired", Hint{"renew the iOS push certificate in the console", "请在控制台更新 iOS 推送证书"}},
	1008025:              {"The product already has an application for this platform", Hint{}},
	1008026:              {"A batch operation failed for some entries", Hint{}},
	1008027:              {"A batch operation failed for all entries", Hint{}},
	CodeTooFast:          {"Too many requests", Hint{"slow down: one push a second, 200 reads an hour", "推送每秒一次，查询每小时 200 次，请降低频率"}},
	1008029:              {"Device token failed verification", Hint{}},
	CodeNotPaid:          {"The application is not paid for", Hint{"look into the console", "应用未付费，请在控制台检查"}},
	CodeAppDestroyed:     {"The application's resources were destroyed", Hint{"look into the console", "应用资源已销毁，请在控制台检查"}},
	CodeWrongAccessPoint: {"Access ID is wrong or the host is not the application's access point", Hint{"check Access ID (TPNS_ACCESS_ID) and the access point (BaseURL, TPNS_BASE_URL)", "请核对 Access ID（TPNS_ACCESS_ID）与服务接入点（BaseURL，TPNS_BASE_URL）"}},
	1010001:              {"The application has no push resource deployed", Hint{}},
	CodeNoTarget:         {"The push target does not exist", Hint{"perhaps no account of the list is bound to a device: check account_type", "号码包中的账号可能均未绑定设备，请核对 account_type"}},
	CodeBadPushTime:      {"The push time is not acceptable", Hint{"check send_time", "请检查 send_time"}},
	CodeRepeatedPush:     {"The same push was sent before", Hint{"the same content went to the same target within the hour", "一小时内向同一目标推送了相同内容"}},
	10030002:             {"Access ID and Access Key do not match", Hint{}},
	10110008:             {"The token or account asked for does not exist", Hint{}},
}
