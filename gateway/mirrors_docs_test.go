package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// What docs/mirrors.md quotes, in italics, is what the code says. URL, WHY, a
// channel, a nick and a number stand for others.
func TestDocumentationQuotesWhatIsSaid(t *testing.T) {
	varies := regexp.MustCompile(`https?://\S+|(?:OLD-|NEW-)?URL|WHY|#chan|\b[Bb]ob\b|\bmy\.site\b|\b\d+\b|\b(?:are|them)\b|…|\. `)
	quotesWhatIsSaid(t, "docs/mirrors.md", varies, 30)
}

// quotesWhatIsSaid holds the quotes of a document; varies is what stands for
// something else in them, and least how many parts there are between that.
func quotesWhatIsSaid(t *testing.T, document string, varies *regexp.Regexp, least int) {
	t.Helper()
	raw, err := os.ReadFile("../" + document)
	if err != nil {
		t.Fatal(err)
	}
	said := literals(t, "../channels/*.go", "*.go")
	shown := regexp.MustCompile("(?s)```.*?```")
	italics := regexp.MustCompile(`\*([^*]+)\*`)
	found := 0
	prose := strings.ReplaceAll(shown.ReplaceAllString(string(raw), ""), "**", "")
	for _, quote := range italics.FindAllStringSubmatch(prose, -1) {
		text := strings.Join(strings.Fields(quote[1]), " ")
		if !strings.Contains(text, " ") {
			continue // a word, not what is said
		}
		for _, part := range varies.Split(text, -1) {
			if part = strings.Trim(part, " .,:"); len(part) > 3 {
				found++
				if !saidSomewhere(said, part) {
					t.Errorf("%s has %q: nothing in the code says %q", document, text, part)
				}
			}
		}
	}
	if found < least {
		t.Errorf("only %d parts of texts were found", found)
	}
}

// literals are the strings in Go files but tests.
func literals(t *testing.T, patterns ...string) (texts []string) {
	t.Helper()
	for _, pattern := range patterns {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(file, func(n ast.Node) bool {
				if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
					if text, err := strconv.Unquote(lit.Value); err == nil {
						texts = append(texts, text)
					}
				}
				return true
			})
		}
	}
	return texts
}

// saidSomewhere says that a literal has these words, or that one has their
// beginning and another the rest, as where a sentence is put together.
func saidSomewhere(said []string, words string) bool {
	if inOne(said, words) {
		return true
	}
	for at := 3; at < len(words)-3; at++ {
		if inOne(said, strings.TrimSpace(words[:at])) && inOne(said, strings.TrimSpace(words[at:])) {
			return true
		}
	}
	return false
}

// inOne says that one literal has these words, with a capital or without.
func inOne(said []string, words string) bool {
	lower := strings.ToLower(words[:1]) + words[1:]
	return slices.ContainsFunc(said, func(text string) bool {
		return strings.Contains(text, words) || strings.Contains(text, lower)
	})
}
