// Package lenient is a stand-in until the real one lands.
package lenient

import "encoding/json"

func Unmarshal(data []byte, v any) (odd []string, err error) { return nil, json.Unmarshal(data, v) }
