package mchtransfer

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wxpay-go/wxpay/wxpaytest/internal/engine"
)

// A scene is what a kind of transfer has to report, and what the user may read; nil: anything.
type scene struct{ entries, texts []string }

// sceneOf returns what the official pages say of a scene. Nothing sure is known of the others.
func sceneOf(id string) scene {
	switch id {
	case "1000":
		return scene{[]string{"活动名称", "奖励说明"}, []string{"活动奖励", "现金奖励"}}
	case "1002":
		return scene{[]string{"补贴类型"}, []string{"行政补贴", "行政奖励"}}
	case "1004":
		return scene{[]string{"保险产品备案编号", "保险名称", "保险操作单号"}, []string{"保险理赔款"}}
	case "1010":
		return scene{[]string{"回收商品名称"}, []string{"二手回收货款"}}
	case "1011":
		return scene{[]string{"赔付原因"}, []string{"退款", "商家赔付"}}
	}
	return scene{}
}

// Amounts in fen, as the documents decided.
const (
	leastNamed   = 30
	mostNameless = 200_000 - 1
	mostInPacket = 20_000
)

// checkBill refuses what the document says of members together.
func checkBill(o engine.Object) error {
	amount, named := o.Number("transfer_amount"), o.Text("user_name") != ""
	switch {
	case named && amount < leastNamed:
		return engine.BadParam("user_name", "is not taken under 0.3 yuan")
	case !named && amount > mostNameless:
		return engine.BadParam("user_name", "is required from 2,000 yuan")
	case o.Child("user_recv_style").Text("type") == "RED_PACKET" && amount > mostInPacket:
		return engine.Invalid("a red packet holds at most 200 yuan")
	}
	return checkScene(o)
}

func checkScene(o engine.Object) error {
	of := sceneOf(o.Text("transfer_scene_id"))
	if text := o.Text("user_recv_perception"); text != "" && of.texts != nil && !slices.Contains(of.texts, text) {
		return engine.Invalid("user_recv_perception is not open for the scene, which has %s", strings.Join(of.texts, ", "))
	}
	list, _ := o["transfer_scene_report_infos"].([]any)
	var types []string
	for _, v := range list {
		info, _ := v.(engine.Object)
		types = append(types, info.Text("info_type"))
	}
	wanted := slices.Sorted(slices.Values(of.entries))
	if slices.Sort(types); of.entries != nil && !slices.Equal(types, wanted) {
		return engine.BadParam("transfer_scene_report_infos", fmt.Sprintf("does not fit the scene, which wants these entries, each once: %s", strings.Join(of.entries, ", ")))
	}
	return nil
}
