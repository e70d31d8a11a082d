package hub

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// hub.conf is TOML of the simplest kind: lines of a name, "=" and a text, a number,
// true or false. A reader of all of TOML would make hub.cgi a fiftieth larger.

// readConf reads such lines into what values has for their names: a *string, *int,
// *int64 or *bool each. It returns the names that stand there.
func readConf(text string, values map[string]any) (names []string, err error) {
	text = strings.TrimPrefix(text, "\ufeff") // as some editors begin a file
	if !utf8.ValidString(text) {
		return nil, errors.New("it is no text (UTF-8)")
	}
	var unknown []string
	number := 0
	for line := range strings.Lines(text) {
		number++
		name, value, err := readConfLine(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		switch {
		case name == "":
			continue
		case slices.Contains(names, name):
			return nil, fmt.Errorf("line %d: %s stands there twice", number, name)
		case values[name] == nil:
			unknown = append(unknown, name)
		default:
			if err := setConf(values[name], value); err != nil {
				return nil, fmt.Errorf("line %d: %s %w", number, name, err)
			}
		}
		names = append(names, name)
	}
	if len(unknown) > 0 {
		return nil, errors.New("it knows no " + strings.Join(unknown[:min(len(unknown), 5)], ", "))
	}
	return names, nil
}

var errConfLine = errors.New(`it is not of the form: name = "text", or a number, or true or false`)

// readConfLine reads a line. There is no name in one that says nothing.
func readConfLine(line string) (name string, value any, err error) {
	if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
		return "", nil, nil
	}
	name, rest, found := strings.Cut(line, "=")
	if name = strings.TrimSpace(name); !found || !isConfName(name) {
		return "", nil, errConfLine
	}
	value, rest, good := readConfValue(strings.TrimSpace(rest))
	if rest = strings.TrimSpace(rest); !good || rest != "" && rest[0] != '#' {
		return "", nil, errConfLine
	}
	return name, value, nil
}

func isConfName(name string) bool {
	for _, c := range name {
		if (c < 'a' || c > 'z') && c != '_' {
			return false
		}
	}
	return name != "" && len(name) <= 64
}

// readConfValue reads a value at the beginning of text: a string, an int64 or a bool.
func readConfValue(text string) (value any, rest string, good bool) {
	if text == "" {
		return nil, "", false
	}
	switch text[0] {
	case '\'':
		value, rest, good := strings.Cut(text[1:], "'")
		return value, rest, good
	case '"':
		quoted, err := strconv.QuotedPrefix(text)
		if err != nil {
			return nil, "", false
		}
		value, err := strconv.Unquote(quoted)
		return value, text[len(quoted):], err == nil
	}
	end := strings.IndexAny(text, " \t#")
	if end < 0 {
		end = len(text)
	}
	switch word := text[:end]; word {
	case "true", "false":
		return word == "true", text[end:], true
	default:
		number, err := strconv.ParseInt(word, 10, 64)
		return number, text[end:], err == nil
	}
}

// setConf gives a value its place.
func setConf(place, value any) error {
	switch p := place.(type) {
	case *string:
		text, ok := value.(string)
		if *p = text; !ok {
			return errors.New("is a text, in quotation marks")
		}
	case *bool:
		is, ok := value.(bool)
		if *p = is; !ok {
			return errors.New("is true or false")
		}
	case *int, *int64:
		number, ok := value.(int64)
		if !ok {
			return errors.New("is a number")
		}
		if small, is := p.(*int); is {
			*small = int(max(-1<<31, min(number, 1<<31-1)))
		} else {
			*place.(*int64) = number
		}
	}
	return nil
}
