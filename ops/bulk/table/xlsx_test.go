package table_test

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay/ops/bulk/table"
)

const (
	spreadsheet = `http://schemas.openxmlformats.org/spreadsheetml/2006/main`
	office      = `http://schemas.openxmlformats.org/officeDocument/2006/relationships`
)

// parts are those of a workbook as Excel writes it, with two sheets.
func parts(sheet, strings string) map[string]string {
	xml := `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` + "\r\n"
	return map[string]string{
		"_rels/.rels": xml + `<Relationships><Relationship Id="rId1" Type="` + office + `/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
		"xl/workbook.xml": xml + `<workbook xmlns="` + spreadsheet + `" xmlns:r="` + office + `"><workbookPr/><sheets><sheet name="名单 &amp; more" sheetId="1" r:id="rId1"/>` +
			`<sheet name="Other" sheetId="2" r:id="rId2"/></sheets></workbook>`,
		"xl/_rels/workbook.xml.rels": xml + `<Relationships><Relationship Id="rId2" Type="` + office + `/worksheet" Target="/xl/worksheets/sheet2.xml"/>` +
			`<Relationship Id="rId1" Type="` + office + `/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="rId3" Type="` + office + `/sharedStrings" Target="sharedStrings.xml"/>` +
			`<Relationship Id="rId4" Type="` + office + `/styles" Target="styles.xml"/></Relationships>`,
		"xl/styles.xml": xml + `<styleSheet><numFmts count="1"><numFmt numFmtId="176" formatCode="[$-804]yyyy&quot;年&quot;m&quot;月&quot;"/><numFmt numFmtId="177" formatCode="&quot;days&quot;0.00"/></numFmts>` +
			`<cellStyleXfs><xf numFmtId="14"/></cellStyleXfs><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="176"/><xf numFmtId="177"/></cellXfs></styleSheet>`,
		"xl/sharedStrings.xml":     xml + `<sst>` + strings + `</sst>`,
		"xl/worksheets/sheet1.xml": xml + `<worksheet xmlns="` + spreadsheet + `"><dimension ref="A1:B2"/><sheetData>` + sheet + `</sheetData><controls><xdr:row>7</xdr:row><c r="A9"><v>1</v></c></controls></worksheet>`,
		"xl/worksheets/sheet2.xml": xml + `<worksheet><sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>` + two + `</t></is></c></row></sheetData></worksheet>`,
	}
}

func zipped(t testing.TB, parts map[string]string) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestSpeed) })
	for name, text := range parts {
		w, err := z.Create(name)
		require.NoError(t, err)
		_, err = io.WriteString(w, text)
		require.NoError(t, err)
	}
	require.NoError(t, z.Close())
	return b.String()
}

func TestWorkbook(t *testing.T) {
	t.Parallel()
	head := `<row r="2"><c r="B2" t="s"><v>0</v></c><c r="C2" t="inlineStr"><is><t>日期</t></is></c></row>`
	strings := `<si><t>手机号</t></si><si><r><rPr><b/></rPr><t>138</t></r><r><t xml:space="preserve">0013</t></r><r><t>8000</t></r><rPh><t>x</t></rPh></si><si><t><![CDATA[` + two + `]]></t></si>`
	sheet := head +
		`<row r="3"><c r="B3" t="s"><v>1</v></c><c r="C3" s="1"><v>46354</v></c></row>` + // rich text; a date
		`<row r="4"/>` +
		`<row r="5"><c t="str" r="B5"><f>A1&amp;"&gt;"</f><v>` + two + `</v></c><c r="C5" s="2"><v>46354.5</v></c></row>` +
		`<row r="6"><c/><c><v>13800138000</v></c></row>` + // places by order
		`<row r="7"><c r="B7"><v>1.3800138E10</v></c></row>` +
		`<row r="8"><c r="B8" t="s"><v>2</v></c><c r="C8" t="d"><v>2026-11-28T09:30:00.000</v></c></row>`
	columns := append(phone(), table.Column{Name: "at", Headers: []string{"日期"}, Kind: table.Moment})
	f, err := table.Open(write(t, "book.xlsx", zipped(t, parts(sheet, strings))), table.Options{Columns: columns})
	require.NoError(t, err)
	rows, faults := read(t, f)
	assert.Empty(t, faults)
	assert.Equal(t, "3 "+one+" 2026-11-28T00:00:00+08:00\n5 "+two+" 2026-11-28T12:00:00+08:00\n6 "+one+" \n7 "+one+" \n8 "+two+" 2026-11-28T09:30:00+08:00\n", cells(rows))
	assert.Equal(t, "XLSX", f.Encoding())
	assert.Equal(t, []string{"", "手机号", "日期"}, f.Header())
	other, err := table.Open(f.Name(), table.Options{Columns: phone(), Sheet: "Other", Encoding: f.Encoding()})
	require.NoError(t, err)
	rows, _ = read(t, other)
	assert.Equal(t, "1 "+two+"\n", cells(rows))
	_, err = table.Open(f.Name(), table.Options{Columns: phone(), Sheet: "x"})
	assert.ErrorContains(t, err, "has no sheet of that name; it has 名单 & more, Other")
	_, err = table.Open(f.Name(), table.Options{Columns: phone(), Encoding: "gbk"})
	assert.ErrorContains(t, err, "has no encoding to choose")
}

func TestCellsOfAWorkbook(t *testing.T) {
	t.Parallel()
	columns := []table.Column{{Name: "id", Kind: table.ID}, {Name: "phone", Kind: table.Phone}, {Name: "yuan", Kind: table.Yuan}, {Name: "text", Kind: table.Text}}
	for name, tt := range map[string]struct{ column, cell, want, fault string }{
		"15 digits":             {"A", `<c r="A2"><v>123456789012345</v></c>`, "123456789012345", ""},
		"16 digits":             {"A", `<c r="A2"><v>6217000012345678</v></c>`, "", "of more than 15 digits"},
		"19 digits, exponent":   {"A", `<c r="A2"><v>6.2170000123456783E+18</v></c>`, "", "of more than 15 digits"},
		"scientific text":       {"B", `<c r="B2" t="inlineStr"><is><t>1.38E+10</t></is></c>`, "", "scientific"},
		"number with an error":  {"C", `<c r="C2"><v>12.300000000000001</v></c>`, "1230", ""},
		"number, three decimal": {"C", `<c r="C2"><v>12.345</v></c>`, "", "more than two decimals"},
		"negative":              {"C", `<c r="C2"><v>-12.3</v></c>`, "", "negative"},
		"error":                 {"D", `<c r="D2" t="e"><v>#N/A</v></c>`, "", "error of a formula"},
		"escapes":               {"D", `<c r="D2" t="inlineStr"><is><t>a&lt;b&#x4e2d;_x000A_&#13;c_x</t></is></c>`, "a<b中\n\rc_x", ""},
		"boolean":               {"D", `<c r="D2" t="b"><v>1</v></c>`, "TRUE", ""},
		"not a date":            {"C", `<c r="C2" s="3"><v>46354</v></c>`, "4635400", ""},
		"neutralised":           {"D", `<c r="D2" t="inlineStr"><is><t>'=x</t></is></c>`, "=x", ""},
		"no date but a phone":   {"B", `<c r="B2" s="1"><v>13800138000</v></c>`, one, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var sheet strings.Builder
			for i, c := range columns {
				sheet.WriteString(fmt.Sprintf(`<c r="%c1" t="inlineStr"><is><t>%s</t></is></c>`, 'A'+i, c.Name))
			}
			f, err := table.Open(write(t, "book.xlsx", zipped(t, parts(`<row r="1">`+sheet.String()+`</row><row r="2">`+tt.cell+`</row>`, ""))), table.Options{Columns: columns})
			require.NoError(t, err)
			rows, faults := read(t, f)
			if tt.fault != "" {
				require.Len(t, faults, 1)
				assert.Equal(t, 2, faults[0].Line)
				assert.Contains(t, faults[0].Reason, tt.fault)
				assert.Equal(t, columns[tt.column[0]-'A'].Name, faults[0].Column)
				return
			}
			assert.Empty(t, faults)
			require.Len(t, rows, 1)
			assert.Equal(t, tt.want, rows[0].Cells[tt.column[0]-'A'])
		})
	}
}

func TestBrokenWorkbooks(t *testing.T) {
	t.Parallel()
	good := `<row r="1"><c r="A1" t="inlineStr"><is><t>` + one + `</t></is></c></row>`
	book := func(change func(map[string]string)) string {
		p := parts(good, "")
		change(p)
		return zipped(t, p)
	}
	sheet := func(text string) func(map[string]string) {
		return func(p map[string]string) { p["xl/worksheets/sheet1.xml"] = text }
	}
	whole := book(func(map[string]string) {})
	for name, tt := range map[string]struct{ text, want string }{
		"cut off":             {whole[:len(whole)/2], "damaged or cut off"},
		"no workbook":         {zipped(t, map[string]string{"a.txt": "x"}), "is a zip archive and no workbook"},
		"ods":                 {zipped(t, map[string]string{"mimetype": "x", "content.xml": "<x/>"}), "OpenDocument"},
		"xlsb":                {zipped(t, map[string]string{"_rels/.rels": `<x><Relationship Type="a/officeDocument" Target="xl/workbook.bin"/></x>`, "xl/workbook.bin": "x"}), ".xlsb"},
		"sheet cut off":       {book(sheet(`<worksheet><sheetData>` + good)), "damaged or cut off"},
		"sheet cut in a tag":  {book(sheet(`<worksheet><sheetData>` + good + `<row r="2"`)), "damaged or cut off"},
		"no data":             {book(sheet(`<worksheet></worksheet>`)), "damaged or cut off"},
		"document type":       {book(sheet(`<!DOCTYPE x [<!ENTITY a "b">]><worksheet/>`)), "damaged or cut off"},
		"rows out of order":   {book(sheet(`<worksheet><sheetData><row r="2"/><row r="1"/></sheetData></worksheet>`)), "damaged or cut off"},
		"row too far":         {book(sheet(`<worksheet><sheetData><row r="99999999"/></sheetData></worksheet>`)), "damaged or cut off"},
		"column too far":      {book(sheet(`<worksheet><sheetData><row r="1"><c r="ZZZZ1"><v>1</v></c></row></sheetData></worksheet>`)), "damaged or cut off"},
		"no such string":      {book(sheet(`<worksheet><sheetData><row r="1"><c r="A1" t="s"><v>9</v></c></row></sheetData></worksheet>`)), "damaged or cut off"},
		"an endless text":     {book(sheet(`<worksheet><sheetData>` + strings.Repeat(" ", 2<<20))), "larger than any"},
		"an endless tag":      {book(sheet(`<worksheet><sheetData><row a="` + strings.Repeat(" ", 2<<20))), "larger than any"},
		"sheet without parts": {book(func(p map[string]string) { delete(p, "xl/worksheets/sheet1.xml") }), "damaged or cut off"},
		"no rows":             {book(sheet(`<worksheet><sheetData/></worksheet>`)), "is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, err := table.Open(write(t, "book.xlsx", tt.text), table.Options{Columns: phone()})
			if err == nil {
				for _, fault := range f.Rows(t.Context()) {
					if fault != nil {
						err = fault
					}
				}
			}
			require.ErrorContains(t, err, tt.want)
			assert.NotContains(t, err.Error(), one)
		})
	}
}

// Few bytes of a workbook that stand for many are refused, by their line where only one is so, before they take memory
// or time.
func TestBombs(t *testing.T) { // alone, since it measures
	head := `<row r="1"><c t="inlineStr"><is><t>phone_number</t></is></c></row><row r="2"><c t="inlineStr"><is><t>` + one + `</t></is></c></row>`
	big := strings.Repeat("7", 1<<20-100)
	share := `<si><t>` + big + `</t></si>`
	for name, tt := range map[string]struct {
		sheet, strings, want string
		most                 uint64 // MiB that are taken in all, garbage too
	}{
		"one string in many cells":      {`<row r="3">` + strings.Repeat(`<c t="s"><v>0</v></c>`, 1000) + `</row>`, share, ":3: is longer than 1 MiB", 40},
		"in one cell many times":        {`<row r="3">` + strings.Repeat(`<c r="A3" t="s"><v>0</v></c>`, 2000) + `</row>`, share, "larger than any", 40},
		"in many rows":                  {strings.Repeat(`<row><c r="B1" t="s"><v>0</v></c></row>`, 2000), share, "larger than any", 1200},
		"inline strings":                {`<row r="3">` + strings.Repeat(`<c t="inlineStr"><is><t>`+big[:1<<19]+`</t></is></c>`, 40) + `</row>`, "", ":3: is longer than 1 MiB", 400},
		"rich text":                     {`<row r="3"><c t="inlineStr"><is>` + strings.Repeat(`<r><t>`+big[:1<<19]+`</t></r>`, 40) + `</is></c></row>`, "", "larger than any", 40},
		"rich text of a shared string":  {"", `<si>` + strings.Repeat(`<r><t>`+big[:1<<19]+`</t></r>`, 40) + `</si>`, "larger than any", 40},
		"many shared strings":           {"", strings.Repeat(`<si><t>`+big[:520<<10]+`</t></si>`, 258), "larger than any", 2000},
		"how to pronounce it":           {`<row r="3"><c t="s"><v>0</v></c></row>`, `<si><t>` + two + `</t>` + strings.Repeat(`<rPh><t>`+big+`</t></rPh>`, 40) + `</si>`, "", 1000},
		"rows with a cell far away":     {strings.Repeat(`<row><c t="s"><v>0</v></c><c r="XFD1"><v>0</v></c></row>`, 1060), `<si><t>` + big[:1_000_000] + `</t></si>`, "larger than any", 1200},
		"a value with a million ends":   {`<row r="3" a="` + strings.Repeat(">", 1<<20-1000) + `"><c><v>` + two + `</v></c></row>`, "", "", 40},
		"a comment with a million ends": {`<!--` + strings.Repeat(">", 1<<20-1000) + `-->`, "", "", 40},
	} {
		t.Run(name, func(t *testing.T) {
			path := write(t, "bomb.xlsx", zipped(t, parts(head+tt.sheet, tt.strings)))
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			f, err := table.Open(path, table.Options{Columns: phone()})
			if err == nil {
				for _, fault := range f.Rows(t.Context()) {
					if fault != nil && !strings.Contains(fault.Error(), "more cells than the header") {
						err = fault
						break
					}
				}
			}
			runtime.ReadMemStats(&after)
			taken := (after.TotalAlloc - before.TotalAlloc) >> 20
			t.Log(taken, "MiB")
			assert.Less(t, taken, tt.most)
			if tt.want == "" {
				assert.NoError(t, err)
			} else {
				assert.ErrorContains(t, err, tt.want)
			}
		})
	}
	var sheets strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&sheets, `<sheet name="s%d" r:id="rId1"/>`, i)
	}
	p := parts(head, "")
	p["xl/workbook.xml"] = `<workbook><sheets>` + sheets.String() + `</sheets></workbook>`
	_, err := table.Open(write(t, "sheets.xlsx", zipped(t, p)), table.Options{Columns: phone(), Sheet: "other"})
	require.ErrorContains(t, err, "it has s0, s1,")
	assert.Less(t, len(err.Error()), 500)
	f, err := table.Open(write(t, "sheets.xlsx", zipped(t, p)), table.Options{Columns: phone(), Sheet: "s999"})
	require.NoError(t, err)
	rows, _ := read(t, f)
	assert.Equal(t, "2 "+one+"\n", cells(rows))
}
