package contract

import (
	"context"

	"github.com/wxpay-go/wxpay/media"
	"github.com/wxpay-go/wxpay/services/bankpackages"
)

func bankpackagesCalls(x *exchange) map[string]call {
	s := bankpackages.New(client(x))
	return map[string]call{
		"createTask": func(ctx context.Context, in input) (any, error) {
			return s.CreateTask(ctx, bankpackages.CreateTaskParams{
				PackageID: in.values["package_id"],
				BankType:  in.text("meta", "bank_type"),
				File:      media.Bytes(in.text("meta", "filename"), []byte(in.text("file"))),
				Serial:    platformID,
			})
		},
		"listTasks": lists(s.ListTasks),
	}
}
