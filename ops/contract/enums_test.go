package contract

import (
	"cmp"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"strconv"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"
)

// packageOf is where the constants of a document stand.
func packageOf(document string) string {
	elsewhere := map[string]string{"certificates.yaml": ".", "tpns.yaml": "push/pushpackage"}
	return cmp.Or(elsewhere[document], "services/"+strings.TrimSuffix(document, ".yaml"))
}

// withoutConstant are values that need none, by a part of their place in the document and the value.
var withoutConstant = map[string]string{
	"/schemas/EventPlanState ":              "package deliveryplan reads it as PlanState (DP-5)",
	"/schemas/EventAuditState ":             "the same, as AuditState",
	"/NotificationAck/":                     "package notify answers by status",
	"/NotifySignatureType ":                 "package auth knows the one it accepts",
	"/properties/algorithm ":                "the same",
	"/~1v3~1certificates/":                  "the SDK loads RSA certificates alone (CT-1)",
	"/tag_rules/":                           "a push to tags goes to no package; PushParams.Extra has room for it",
	"/tag_list/":                            "the same",
	"/audience_type all":                    "goes to no package",
	"/audience_type tag":                    "the same",
	"/audience_type token":                  "the same; also token_list",
	"/audience_type account":                "the same; also account_list",
	"/PushRecordRange/properties/pushType ": "none of them is for packages",
}

// TestEveryEnumValueIsAConstant looks for every value of every enumeration among the constants of its package.
func TestEveryEnumValueIsAConstant(t *testing.T) {
	t.Parallel()
	found, unused := 0, maps.Clone(withoutConstant)
	for _, doc := range documents(t) {
		constants := stringConstants(t, os.DirFS("../../"+packageOf(doc.Name)))
		err := doc.Spec.WalkSchemas(func(at string, s *openapi3.SchemaRef) error {
			for _, v := range Known(s.Value) {
				value, ok := v.(string)
				place := strings.TrimSuffix(at, "/schema") + " " + value
				switch {
				case !ok: // numbers explain themselves in comments
				case constants[value]:
					found++
				case !excused(place, unused):
					t.Errorf("%s%s is no constant of package %s", doc.Name, place, packageOf(doc.Name))
				}
			}
			return nil
		})
		require.NoError(t, err)
	}
	require.Empty(t, unused, "these are constants or in no document")
	t.Logf("%d values are constants", found)
}

func excused(place string, unused map[string]string) bool {
	for part := range withoutConstant {
		if strings.Contains(place, part) {
			delete(unused, part)
			return true
		}
	}
	return false
}

// stringConstants are the values of a package's string constants.
func stringConstants(t *testing.T, dir fs.FS) map[string]bool {
	t.Helper()
	files, err := fs.Glob(dir, "*.go")
	require.NoError(t, err)
	constants := map[string]bool{}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := fs.ReadFile(dir, name)
		require.NoError(t, err)
		file, err := parser.ParseFile(token.NewFileSet(), path.Base(name), text, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, decl := range file.Decls {
			if group, ok := decl.(*ast.GenDecl); ok && group.Tok == token.CONST {
				collect(group, constants)
			}
		}
	}
	return constants
}

func collect(group *ast.GenDecl, constants map[string]bool) {
	for _, spec := range group.Specs {
		for _, value := range spec.(*ast.ValueSpec).Values {
			if lit, ok := value.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if text, err := strconv.Unquote(lit.Value); err == nil {
					constants[text] = true
				}
			}
		}
	}
}
