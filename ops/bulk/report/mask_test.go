package report

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay/ops/bulk/table"
)

func TestMask(t *testing.T) {
	t.Parallel()
	order := &table.Column{Name: "out_trade_no", Kind: table.ID}
	phone, id := &table.Column{Name: "phone_number", Kind: table.Phone}, &table.Column{Name: "openid", Kind: table.ID}
	for _, c := range []struct {
		column     *table.Column
		cell, want string
	}{
		{phone, "13800000000", "138****0000"},
		{phone, " +86 138-0000-0000", "138****0000"},
		{phone, "008613800000000", "138****0000"},
		{phone, "１３８００００００００", "138****0000"},
		{phone, "'+8613800000000", "138****0000"},
		{phone, "12345", "****"},
		{phone, "张三", "****"},
		{phone, "", ""},
		{id, "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o", "oUp****S6o"},
		{id, "13800000000", "****"},
		{id, "张三", "****"},
		{nil, "张三", "****"},
		{nil, "VIP", "****"},
		{nil, "  ", ""},
		{&table.Column{Name: "description", Kind: table.Text}, "张三 十一月", "****"},
		{&table.Column{Name: "birthday", Kind: table.Moment}, "1980-01-01", "****"},
		{&table.Column{Name: "amount_fen", Kind: table.Fen}, "1990", "1990"},
		{&table.Column{Name: "amount", Kind: table.Yuan}, "19.90", "19.90"},
		{&table.Column{Name: "out_trade_no", Kind: table.ID}, "EDU2026110100000000001", "EDU2026110100000000001"},
		{&table.Column{Name: "out_trade_no", Kind: table.ID}, "edu-13800000000-11", "edu-138****0000-11"},
		{order, "13800138000-13900139000", "138****8000-139****9000"},
		{order, "13800138000/13900139000,13700137000", "138****8000/139****9000,137****7000"},
		{order, "+8613800138000", "+86138****8000"},
		{order, "edu8613800138000", "edu86138****8000"},
		{order, "edu008613800138000x", "edu0086138****8000x"},
		{order, "edu13800138000x", "edu138****8000x"},
		{order, "20261129-138-0013-8000", "20261129-138****8000"},
		{order, "20261129_138_0013_8000_1", "20261129_138****8000_1"},
		{order, "１３８００１３８０００", "138****8000"},
		{order, "2026112913800138000", "2026112913800138000"}, // a day and a phone, or a moment and a count
		{order, "20261129138001", "20261129138001"},
		{order, "138001380001", "138001380001"},
		{order, "12800138000", "12800138000"},
	} {
		require.Equal(t, c.want, mask(c.column, c.cell), c.cell)
	}
}
