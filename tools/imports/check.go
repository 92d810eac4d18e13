package main

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

// check returns one line for each import below root that no rule allows.
func check(root string, rules []rule) ([]string, error) {
	module, err := moduleName(root)
	if err != nil {
		return nil, err
	}
	var findings []string
	err = filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return skip(root, file, d.Name())
		}
		if !strings.HasSuffix(file, ".go") {
			return nil
		}
		rel, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		found, err := checkFile(file, filepath.ToSlash(rel), module, rules)
		findings = append(findings, found...)
		return err
	})
	return findings, err
}

func moduleName(root string) (string, error) {
	b, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		return "", fmt.Errorf("read module name: %w", err)
	}
	for line := range strings.Lines(string(b)) {
		if name, ok := strings.CutPrefix(line, "module "); ok {
			return strings.TrimSpace(name), nil
		}
	}
	return "", fmt.Errorf("read module name: go.mod has no module line")
}

// skip leaves out what the go command leaves out, too: fixtures, hidden folders, other modules.
func skip(root, folder, name string) error {
	if folder == root {
		return nil
	}
	if name == "testdata" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") {
		return filepath.SkipDir
	}
	if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
		return filepath.SkipDir
	}
	return nil
}

func checkFile(file, rel, module string, rules []rule) ([]string, error) {
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, file, nil, parser.ImportsOnly)
	if err != nil {
		return nil, fmt.Errorf("parse %s: %w", rel, err)
	}
	folder := path.Dir(rel)
	r := ruleOf(folder, rules)
	var findings []string
	for _, i := range parsed.Imports {
		name, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			return nil, fmt.Errorf("parse %s: %w", rel, err)
		}
		if why := forbidden(name, module, folder, r, strings.HasSuffix(rel, "_test.go")); why != "" {
			findings = append(findings, fmt.Sprintf("%s:%d: %s", rel, set.Position(i.Pos()).Line, why))
		}
	}
	return findings, nil
}

// ruleOf returns the rule of the nearest folder; nil if none is stated.
func ruleOf(folder string, rules []rule) *rule {
	var best *rule
	for i, r := range rules {
		if within(folder, r.folder) && (best == nil || len(r.folder) > len(best.folder)) {
			best = &rules[i]
		}
	}
	return best
}

func forbidden(name, module, folder string, r *rule, test bool) string {
	ours, isOurs := strings.CutPrefix(name, module+"/")
	if !isOurs {
		if r != nil && !test && matches(name, r.never) {
			return fmt.Sprintf("%s must not import %s", folder, name)
		}
		return ""
	}
	switch {
	case r == nil:
		return fmt.Sprintf("%s has no rule in tools/imports, yet it imports %s", folder, ours)
	case within(ours, r.folder), matches(ours, r.may), test && matches(ours, r.tests):
		return ""
	}
	return fmt.Sprintf("%s must not import %s", folder, ours)
}

func matches(name string, patterns []string) bool {
	for _, p := range patterns {
		if tree, ok := strings.CutSuffix(p, "/..."); ok && within(name, tree) || name == p {
			return true
		}
	}
	return false
}

func within(name, folder string) bool {
	return name == folder || strings.HasPrefix(name, folder+"/")
}
