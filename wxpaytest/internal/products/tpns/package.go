package tpns

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"unicode/utf8"
)

const mostUnpacked = 1_000_000_000

// readPackage counts the accounts of a package.
func readPackage(name string, body []byte) (int, error) {
	switch ext := strings.ToLower(path.Ext(name)); ext {
	case ".txt", ".csv":
		return countAccounts(body, ext == ".csv")
	case ".zip":
	default:
		return 0, errors.New("the file is none of .zip, .txt and .csv")
	}
	z, err := zip.NewReader(bytes.NewReader(body), int64(len(body)))
	if err != nil {
		return 0, errors.New("the file is not a zip")
	}
	if len(z.File) != 1 || strings.Contains(z.File[0].Name, "/") || !slices.Contains([]string{".txt", ".csv"}, strings.ToLower(path.Ext(z.File[0].Name))) {
		return 0, errors.New("a zip holds exactly one .txt or .csv and no folder")
	}
	f, err := z.File[0].Open()
	if err != nil {
		return 0, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, mostUnpacked))
	if err != nil {
		return 0, err
	}
	return countAccounts(text, strings.EqualFold(path.Ext(z.File[0].Name), ".csv"))
}

func countAccounts(text []byte, csv bool) (int, error) {
	n, refused := 0, "\x00\ufeff"
	if csv {
		refused += `,"` // one column, and nobody says how quotes are read
	}
	for line := range bytes.Lines(text) {
		line = bytes.TrimRight(line, "\r\n")
		if c := utf8.RuneCount(line); !utf8.Valid(line) || c < 2 || c > 100 || bytes.ContainsAny(line, refused) {
			return 0, fmt.Errorf("line %d is not one account of 2 to 100 characters in UTF-8", n+1)
		}
		n++
	}
	return n, nil
}
