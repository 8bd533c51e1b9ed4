package report

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay/ops/bulk/table"
)

func TestMask(t *testing.T) {
	t.Parallel()
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
	} {
		require.Equal(t, c.want, mask(c.column, c.cell), c.cell)
	}
}
