package main

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"math/big"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/wechatpay-apiv3/wechatpay-go/utils"
	"github.com/wxpay-go/wxpay/auth"
	"github.com/wxpay-go/wxpay/internal/regular"
	"github.com/wxpay-go/wxpay/ops/bulk/postgres"
)

// A finding is one line of the doctor.
type finding struct {
	Check  string `json:"check"` // stable
	State  string `json:"state"` // ok, warn or fail
	About  string `json:"about,omitzero"`
	Detail string `json:"detail"`
	Remedy string `json:"remedy,omitzero"`

	exit int // of a fail
}

// A doctor looks at everything and goes on after what is wrong.
type doctor struct {
	*app
	ok, warn, fail int
	exits          map[int]bool
	failed         map[string]bool // checks
	err            error           // stdout could not be written
}

func (a *app) doctorCommand() *cobra.Command {
	var timeout time.Duration
	c := &cobra.Command{
		Use:   "doctor",
		Short: a.t("look whether keys, clock, network and platform fit together", "检查密钥、时钟、网络与平台是否就绪"),
		Long: a.t(`Look whether keys, clock, network and platform fit together, one line each: ok, warn or fail, with what to do.
It shows no secret and changes nothing; the platform is asked for an echo of a text (security/echo).

Exit codes: 0 nothing failed, 4 keys, signature, clock or permission, 2 the set-up, 5 the network.`,
			`检查密钥、时钟、网络与平台是否就绪，每项一行：ok、warn 或 fail，并给出处理办法。
不显示任何密钥，也不产生业务影响；仅请求平台原样返回一段文本（security/echo）。

退出码：0 没有 fail；4 密钥、签名、时钟或权限问题；2 配置问题；5 网络问题。`),
		RunE: func(c *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(c.Context(), timeout)
			defer cancel()
			d := &doctor{app: a, exits: map[int]bool{}, failed: map[string]bool{}}
			d.look(ctx)
			return d.end()
		},
	}
	c.Flags().DurationVar(&timeout, "timeout", 30*time.Second, a.t("`TIME` that all of it may take", "全部检查的最长时间 `TIME`"))
	return c
}

func (d *doctor) tell(f finding) {
	switch f.State {
	case "ok":
		d.ok++
	case "warn":
		d.warn++
	default:
		d.fail++
		d.exits[f.exit], d.failed[f.Check] = true, true
	}
	f.Detail, f.Remedy = oneLine(printable(f.Detail)), oneLine(printable(f.Remedy))
	err := d.emit("check", f, func(w io.Writer) {
		fmt.Fprintf(w, "%s  %-12s %s", d.colored(f.State), f.Check, f.Detail)
		if f.Remedy != "" {
			fmt.Fprintf(w, "\n      %-12s → %s", "", f.Remedy)
		}
		fmt.Fprintln(w)
	})
	d.err = errors.Join(d.err, err)
}

// colored is the state, as wide as all of them.
func (d *doctor) colored(state string) string {
	text := fmt.Sprintf("%-4s", state)
	if d.env("NO_COLOR") != "" || !terminal(d.stdout) {
		return text
	}
	color := map[string]string{"ok": "32", "warn": "33", "fail": "31"}[state]
	return "\x1b[" + color + "m" + text + "\x1b[0m"
}

func (d *doctor) good(check, english, chinese string) {
	d.tell(finding{Check: check, State: "ok", Detail: d.t(english, chinese)})
}

func (d *doctor) doubt(check, english, chinese, remedyEnglish, remedyChinese string) {
	d.tell(finding{Check: check, State: "warn", Detail: d.t(english, chinese), Remedy: d.t(remedyEnglish, remedyChinese)})
}

func (d *doctor) bad(exit int, check, english, chinese, remedyEnglish, remedyChinese string) {
	d.tell(finding{Check: check, State: "fail", Detail: d.t(english, chinese), Remedy: d.t(remedyEnglish, remedyChinese), exit: exit})
}

// end says how many of each there were. What can be told apart by exit code is told: keys first, since nothing else
// matters without them.
func (d *doctor) end() error {
	sums := struct {
		OK   int `json:"ok"`
		Warn int `json:"warn"`
		Fail int `json:"fail"`
	}{d.ok, d.warn, d.fail}
	if err := errors.Join(d.err, d.emit("sums", sums, nil)); err != nil {
		return err
	}
	for _, exit := range []int{exitAuth, exitUsage, exitStopped} {
		if d.exits[exit] {
			return fail(exit, fmt.Sprintf("%d of %d checks failed", d.fail, d.ok+d.warn+d.fail), fmt.Sprintf("%d 项检查中有 %d 项未通过", d.ok+d.warn+d.fail, d.fail))
		}
	}
	return nil
}

// look goes from what lies on this machine to what the platform says.
func (d *doctor) look(ctx context.Context) {
	s := d.setup()
	d.sources(s)
	d.store(ctx)
	if s.err != nil {
		d.notTried("echo")
		return
	}
	hosts := d.reach(ctx, d.hosts())
	tpns := d.reach(ctx, d.tpnsHosts(s))
	onlyTPNS := s.from["TPNS"] != "" && s.from["WXPAY"] == ""
	if !onlyTPNS {
		d.caller()
		key := d.privateKey()
		d.certificate(key)
		d.apiKey()
		d.platformKey(key)
		d.clock(hosts(d))
		d.echo(ctx)
	}
	if s.from["TPNS"] != "" {
		if found := tpns(d); onlyTPNS {
			d.clock(found)
		}
		d.tpnsLogin(ctx)
	}
}

// sources says where the set-up comes from.
func (d *doctor) sources(s *setup) {
	if s.err != nil {
		text := oneLine(s.err.Error())
		d.bad(exitUsage, "setup", text, "配置文件有误："+text, "wxpay help environment shows what a profile looks like", "配置文件的写法见 wxpay help environment")
		return
	}
	places := map[string][2]string{
		"profile":     {"the profile " + s.file, "配置文件 " + s.file},
		"environment": {"the environment", "环境变量"},
	}
	for _, platform := range []string{"WXPAY", "TPNS"} {
		place, ok := places[s.from[platform]]
		if !ok {
			continue
		}
		var names []string
		for _, v := range variables() {
			if v.platform == platform && d.lookup(v.name) != "" {
				names = append(names, v.name)
			}
		}
		d.good("setup", strings.Join(names, ", ")+" from "+place[0], strings.Join(names, "、")+" 来自"+place[1])
	}
	if len(s.from) == 0 {
		d.bad(exitUsage, "setup", "nothing is set", "没有任何配置", "wxpay help environment shows what to set", "需要设置的内容见 wxpay help environment")
	}
	if len(s.unused) > 0 {
		names := strings.Join(s.unused, ", ")
		d.doubt("setup", names+" are set elsewhere too and do not count", names+" 在别处也有设置，但不生效", "leave them out, so that nobody takes them for what is used", "请删除多余设置，以免误解")
	}
}

// store looks at the store of WXPAY_STORE, if that is set.
func (d *doctor) store(ctx context.Context) {
	const check = "store"
	said := d.env("WXPAY_STORE")
	if said == "" {
		return
	}
	shown, ok := shownURL(said)
	if !ok {
		d.bad(exitUsage, check, "WXPAY_STORE is no URL such as postgres://host:5432/database", "WXPAY_STORE 的格式应为 postgres://host:5432/database", "mend it, or leave it out", "请更正或删除")
		return
	}
	s, err := postgres.Open(ctx, said)
	if err != nil {
		r := reportOf(ctx, err)
		exit := r.exit
		if exit != exitUsage {
			exit = exitStopped
		}
		d.bad(exit, check, shown+": "+r.said.English, shown+"："+r.said.Chinese, "see that the database runs and lets this machine in, and that wxpay store migrate has made the tables", "请确认数据库正在运行、允许本机登录，且已执行 wxpay store migrate")
		return
	}
	defer s.Close()
	workers, err := s.Workers(ctx)
	if err != nil {
		d.bad(exitStopped, check, shown+": "+oneLine(err.Error()), shown+"："+oneLine(err.Error()), "see whether the database runs", "请确认数据库正在运行")
		return
	}
	d.good(check, fmt.Sprintf("%s, workers alive: %d", shown, len(workers)), fmt.Sprintf("%s，存活的 worker 共 %d 个", shown, len(workers)))
}

// caller is who signs.
func (d *doctor) caller() {
	mch, brand := d.lookup("WXPAY_MCH_ID"), d.lookup("WXPAY_BRAND_ID")
	digits := func(s string) bool { return strings.Trim(s, "0123456789") == "" }
	switch {
	case mch == "" && brand == "":
		d.bad(exitUsage, "caller", "WXPAY_MCH_ID is not set", "未设置 WXPAY_MCH_ID", "set it to the merchant number, or WXPAY_BRAND_ID if a brand calls", "请设置商户号；以品牌身份调用请设置 WXPAY_BRAND_ID")
	case mch != "" && brand != "":
		d.bad(exitUsage, "caller", "WXPAY_MCH_ID and WXPAY_BRAND_ID are both set", "WXPAY_MCH_ID 与 WXPAY_BRAND_ID 同时设置", "leave one out", "请只保留一个")
	case mch != "" && (!digits(mch) || len(mch) > 32):
		d.bad(exitUsage, "caller", "WXPAY_MCH_ID is no merchant number", "WXPAY_MCH_ID 不是商户号", "it has digits only, without blanks or quotes", "商户号只含数字，请去掉空格或引号")
	case mch != "":
		d.good("caller", "merchant "+mch, "商户 "+mch)
	default:
		d.good("caller", "brand "+brand, "品牌 "+brand)
	}
}

// privateKey looks at the key and at who can read it; nil if there is none.
func (d *doctor) privateKey() *rsa.PrivateKey {
	const check = "private_key"
	text, path := d.lookup("WXPAY_PRIVATE_KEY"), d.lookup("WXPAY_PRIVATE_KEY_FILE")
	switch {
	case text != "" && path != "":
		d.bad(exitUsage, check, "WXPAY_PRIVATE_KEY and WXPAY_PRIVATE_KEY_FILE are both set", "WXPAY_PRIVATE_KEY 与 WXPAY_PRIVATE_KEY_FILE 同时设置", "leave one out", "请只保留一个")
		return nil
	case text == "" && path == "":
		d.bad(exitUsage, check, "WXPAY_PRIVATE_KEY_FILE is not set", "未设置 WXPAY_PRIVATE_KEY_FILE", "set it to the path of apiclient_key.pem", "请设置 apiclient_key.pem 的路径")
		return nil
	case path != "":
		f, info, err := regular.Open(path)
		if err != nil {
			d.bad(exitUsage, check, path+": "+cause(err), path+"："+cause(err), "WXPAY_PRIVATE_KEY_FILE has to be the path of apiclient_key.pem", "WXPAY_PRIVATE_KEY_FILE 应为 apiclient_key.pem 的路径")
			return nil
		}
		defer f.Close()
		switch {
		case runtime.GOOS == "windows":
			d.doubt("key_file", path+": who can read it is not checked on Windows", path+"：Windows 上不检查文件权限", "see in its properties that only this user can", "请在文件属性中确认只有当前用户可读")
		case !regular.Private(info):
			d.bad(exitAuth, "key_file", fmt.Sprintf("%s can be read by others (mode %04o)", path, info.Mode().Perm()), fmt.Sprintf("%s 可被其他用户读取（权限 %04o）", path, info.Mode().Perm()), "chmod 600 "+path, "chmod 600 "+path)
		default:
			d.good("key_file", fmt.Sprintf("%s is closed to others (mode %04o)", path, info.Mode().Perm()), fmt.Sprintf("%s 仅本用户可读（权限 %04o）", path, info.Mode().Perm()))
		}
		content, err := io.ReadAll(io.LimitReader(f, 1<<20))
		if err != nil {
			d.bad(exitUsage, check, path+": cannot be read", path+"：无法读取", "look at the file", "请检查该文件")
			return nil
		}
		text = string(content)
	}
	key, err := auth.LoadPrivateKey([]byte(text))
	if err != nil {
		reason := oneLine(err.Error())
		d.bad(exitAuth, check, reason, reason, "take apiclient_key.pem as it was made with the certificate", "请使用与证书一同生成的 apiclient_key.pem")
		return nil
	}
	bits := key.N.BitLen()
	d.good(check, fmt.Sprintf("RSA, %d bits", bits), fmt.Sprintf("RSA %d 位", bits))
	return key
}

// certificate compares the caller's certificate with key and serial number.
func (d *doctor) certificate(key *rsa.PrivateKey) {
	const check = "certificate"
	path, serial := d.lookup("WXPAY_CERTIFICATE_FILE"), d.lookup("WXPAY_SERIAL_NO")
	if path == "" && serial == "" {
		d.bad(exitUsage, check, "neither WXPAY_CERTIFICATE_FILE nor WXPAY_SERIAL_NO is set", "未设置 WXPAY_CERTIFICATE_FILE 或 WXPAY_SERIAL_NO", "set WXPAY_CERTIFICATE_FILE to the path of apiclient_cert.pem", "请将 WXPAY_CERTIFICATE_FILE 设为 apiclient_cert.pem 的路径")
		return
	}
	if path == "" {
		d.good(check, "serial number "+serial+"; without WXPAY_CERTIFICATE_FILE only the echo below shows whether it fits the key", "序列号 "+serial+"；未设置 WXPAY_CERTIFICATE_FILE，能否与私钥匹配以下面的 echo 为准")
		return
	}
	cert, err := auth.LoadCertificateFile(path)
	if err != nil {
		reason := oneLine(err.Error())
		d.bad(exitUsage, check, reason, reason, "WXPAY_CERTIFICATE_FILE has to be the path of apiclient_cert.pem", "WXPAY_CERTIFICATE_FILE 应为 apiclient_cert.pem 的路径")
		return
	}
	inside := utils.GetCertificateSerialNumber(*cert)
	left := time.Until(cert.NotAfter)
	day := cert.NotAfter.Local().Format(time.DateOnly)
	fine := true
	worse := func(exit int, english, chinese, remedyEnglish, remedyChinese string) {
		fine = false
		d.bad(exit, check, english, chinese, remedyEnglish, remedyChinese)
	}
	if key != nil && !key.PublicKey.Equal(cert.PublicKey) {
		worse(exitAuth, "the private key does not belong to the certificate", "私钥与证书不匹配", "take apiclient_key.pem and apiclient_cert.pem of the same download", "请使用同一次申请得到的 apiclient_key.pem 与 apiclient_cert.pem")
	}
	if serial != "" && !sameSerial(serial, inside) {
		worse(exitAuth, "WXPAY_SERIAL_NO is not that of the certificate, which is "+inside, "WXPAY_SERIAL_NO 与证书不一致，证书序列号为 "+inside, "leave WXPAY_SERIAL_NO out", "请删除 WXPAY_SERIAL_NO")
	}
	switch {
	case left < 0:
		worse(exitAuth, "the certificate has expired on "+day, "证书已于 "+day+" 过期", "make a new one on the merchant platform", "请在商户平台更换 API 证书")
	case time.Until(cert.NotBefore) > 0:
		worse(exitAuth, "the certificate is not valid yet", "证书尚未生效", "look at this machine's clock", "请检查本机时间")
	case left < 30*24*time.Hour:
		fine = false
		d.doubt(check, "the certificate expires on "+day, "证书将于 "+day+" 过期", "make a new one on the merchant platform in time", "请及时在商户平台更换 API 证书")
	}
	if mch := d.lookup("WXPAY_MCH_ID"); mch != "" && cert.Subject.CommonName != "" && strings.Trim(cert.Subject.CommonName, "0123456789") == "" && cert.Subject.CommonName != mch {
		fine = false
		d.doubt(check, "the certificate is that of merchant "+cert.Subject.CommonName, "证书属于商户 "+cert.Subject.CommonName, "see that WXPAY_MCH_ID and the certificate belong together", "请核对 WXPAY_MCH_ID 与证书是否对应")
	}
	switch {
	case !fine:
	case key == nil:
		d.good(check, "serial number "+inside+", valid until "+day, "序列号 "+inside+"，有效期至 "+day)
	default:
		d.good(check, "serial number "+inside+", belongs to the private key, valid until "+day, "序列号 "+inside+"，与私钥匹配，有效期至 "+day)
	}
}

// sameSerial compares serial numbers in whatever spelling; a spelling that is none is left to the platform.
func sameSerial(a, b string) bool {
	number := func(s string) *big.Int {
		s = strings.TrimPrefix(strings.ToUpper(strings.ReplaceAll(strings.TrimPrefix(s, "serial="), ":", "")), "0X")
		n, ok := new(big.Int).SetString(s, 16)
		if !ok {
			return new(big.Int)
		}
		return n
	}
	return number(a).Cmp(number(b)) == 0
}

func (d *doctor) apiKey() {
	const check = "apiv3_key"
	key := d.lookup("WXPAY_APIV3_KEY")
	switch {
	case len(key) == 32:
		d.good(check, "32 bytes", "32 字节")
	case key != "":
		d.bad(exitUsage, check, fmt.Sprintf("WXPAY_APIV3_KEY has %d bytes instead of 32", len(key)), fmt.Sprintf("WXPAY_APIV3_KEY 为 %d 字节，应为 32 字节", len(key)), "copy it without blanks and quotes, as it was set on the merchant platform", "请填写在商户平台设置的 APIv3 密钥，不含空格与引号")
	case d.publicKeySet():
		d.good(check, "WXPAY_APIV3_KEY is not set; nothing here needs it, notifications do", "未设置 WXPAY_APIV3_KEY；本命令不需要，接收通知才需要")
	default:
		d.bad(exitUsage, check, "WXPAY_APIV3_KEY is not set, and there is no platform public key", "未设置 WXPAY_APIV3_KEY，也没有微信支付公钥", "set WXPAY_PUBLIC_KEY_ID and WXPAY_PUBLIC_KEY_FILE, or WXPAY_APIV3_KEY to load certificates", "请设置 WXPAY_PUBLIC_KEY_ID 与 WXPAY_PUBLIC_KEY_FILE，或设置 WXPAY_APIV3_KEY 以下载平台证书")
	}
}

func (d *doctor) publicKeySet() bool {
	return d.lookup("WXPAY_PUBLIC_KEY") != "" || d.lookup("WXPAY_PUBLIC_KEY_FILE") != "" || d.lookup("WXPAY_PUBLIC_KEY_ID") != ""
}

// platformKey is how answers are known to be the platform's.
func (d *doctor) platformKey(private *rsa.PrivateKey) {
	const check = "key_mode"
	if !d.publicKeySet() {
		if d.lookup("WXPAY_APIV3_KEY") != "" {
			d.good(check, "platform certificates, which are loaded when needed", "平台证书模式，需要时自动下载")
		}
		return
	}
	text, path, id := d.lookup("WXPAY_PUBLIC_KEY"), d.lookup("WXPAY_PUBLIC_KEY_FILE"), d.lookup("WXPAY_PUBLIC_KEY_ID")
	var key *rsa.PublicKey
	var err error
	switch {
	case text != "" && path != "":
		err = errors.New("WXPAY_PUBLIC_KEY and WXPAY_PUBLIC_KEY_FILE are both set; leave one out")
	case text != "":
		key, err = auth.LoadPublicKey([]byte(text))
	case path != "":
		key, err = auth.LoadPublicKeyFile(path)
	default:
		err = errors.New("WXPAY_PUBLIC_KEY_ID is set, and WXPAY_PUBLIC_KEY_FILE is not")
	}
	switch {
	case err != nil:
		reason := oneLine(err.Error())
		d.bad(exitAuth, check, reason, reason, "WXPAY_PUBLIC_KEY_FILE has to be the path of pub_key.pem from the merchant platform", "WXPAY_PUBLIC_KEY_FILE 应为商户平台下载的 pub_key.pem 的路径")
	case !strings.HasPrefix(id, auth.PublicKeyPrefix):
		d.bad(exitUsage, check, "WXPAY_PUBLIC_KEY_ID is not of the form "+auth.PublicKeyPrefix+"…", "WXPAY_PUBLIC_KEY_ID 的格式应为 "+auth.PublicKeyPrefix+"…", "it stands beside the public key on the merchant platform", "请在商户平台“微信支付公钥”处查看")
	case private != nil && private.PublicKey.Equal(key):
		d.bad(exitAuth, check, "the platform public key is the merchant's own", "所填微信支付公钥其实是商户自己的公钥", "download pub_key.pem from the merchant platform; it cannot be made of apiclient_key.pem", "请在商户平台下载 pub_key.pem，不能由 apiclient_key.pem 导出")
	default:
		d.good(check, "platform public key "+id+fmt.Sprintf(", RSA, %d bits", key.N.BitLen()), "微信支付公钥 "+id+fmt.Sprintf("，RSA %d 位", key.N.BitLen()))
	}
}
