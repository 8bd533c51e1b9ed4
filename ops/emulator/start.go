package emulator

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/wxpay-go/wxpay/wxpaytest"
)

// A Step is one action by which what exists at the start comes about, such as add-card.
type Step struct {
	Action string
	Args   map[string]string
}

// ReadStart reads steps from YAML or JSON: a list of actions with their arguments.
//
//   - add-card: {code_mode: SYSTEM_ALLOCATE, card_id: card-1}
//   - take-card: {card_id: card-1, openid: o1}
func ReadStart(path string) ([]Step, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var list []map[string]map[string]any
	if err := yaml.Unmarshal(text, &list); err != nil {
		return nil, fmt.Errorf("%s is not a list of actions such as \"- add-card: {code_mode: SYSTEM_ALLOCATE}\": %s", path, firstLine(err))
	}
	var steps []Step
	for i, item := range list {
		if len(item) != 1 {
			return nil, fmt.Errorf("%s: entry %d is not one action with its arguments", path, i+1)
		}
		for name, given := range item {
			step := Step{name, map[string]string{}}
			for arg, v := range given {
				switch v := v.(type) {
				case nil:
				case map[string]any, []any:
					return nil, fmt.Errorf("%s: entry %d: %s of %s is a list or an object; it is text or a number", path, i+1, arg, name)
				default:
					step.Args[arg] = fmt.Sprint(v)
				}
			}
			steps = append(steps, step)
		}
	}
	return steps, nil
}

func firstLine(err error) string {
	return strings.Join(strings.Fields(strings.TrimPrefix(err.Error(), "yaml: ")), " ")
}

// start lets the steps happen.
func start(fake *wxpaytest.Server, steps []Step) error {
	for i, step := range steps {
		if _, err := act(context.Background(), fake, step); err != nil {
			return fmt.Errorf("start: entry %d: %w", i+1, err)
		}
	}
	return nil
}

// ErrUnknown is something that there is not.
var ErrUnknown = errors.New("is not known")

// act lets one action happen and returns what came of it.
func act(ctx context.Context, fake *wxpaytest.Server, step Step) (any, error) {
	var names []string
	for _, a := range fake.Actions() {
		if a.Name != step.Action {
			names = append(names, a.Name)
			continue
		}
		for _, arg := range slices.Sorted(maps.Keys(step.Args)) {
			if !slices.ContainsFunc(a.Params, func(p wxpaytest.Param) bool { return p.Name == arg }) {
				return nil, fmt.Errorf("%s has no argument %q; it has %s", a.Name, arg, strings.Join(paramsOf(a), ", "))
			}
		}
		made, err := a.Do(ctx, step.Args)
		if err != nil {
			return nil, errors.New(strings.TrimPrefix(err.Error(), "wxpaytest: "))
		}
		return made, nil
	}
	slices.Sort(names)
	return nil, fmt.Errorf("action %q %w; there are %s", step.Action, ErrUnknown, strings.Join(names, ", "))
}

func paramsOf(a wxpaytest.Action) (names []string) {
	for _, p := range a.Params {
		names = append(names, p.Name)
	}
	return names
}

// Do lets one action happen, such as advance with a duration, and returns what came of it.
func (e *Emulator) Do(ctx context.Context, step Step) (any, error) {
	made, err := act(ctx, e.Fake(), step)
	e.callbacks.Poke()
	return made, err
}
