package pushlists

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"

	"github.com/wxpay-go/wxpay/media"
	"github.com/wxpay-go/wxpay/ops/bulk/table"
)

// pack makes the zip of a list, each account once: the same rows give the same bytes. It is in memory, so that no copy
// of the accounts is left on a disk.
func pack(name string, rows []table.Row) (*media.Source, error) {
	var packed bytes.Buffer
	archive := zip.NewWriter(&packed)
	list, err := archive.CreateHeader(&zip.FileHeader{Name: "accounts.txt", Method: zip.Deflate})
	if err != nil {
		return nil, fmt.Errorf("pushlists: zip: %w", err)
	}
	there := make(map[string]struct{}, len(rows))
	for _, row := range rows {
		account := row.Cells[0]
		if _, twice := there[account]; twice {
			continue
		}
		there[account] = struct{}{}
		if _, err := io.WriteString(list, account+"\n"); err != nil {
			return nil, fmt.Errorf("pushlists: zip: %w", err)
		}
	}
	if err := archive.Close(); err != nil {
		return nil, fmt.Errorf("pushlists: zip: %w", err)
	}
	return media.Bytes(name, packed.Bytes()), nil
}
