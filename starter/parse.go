package main

import (
	"encoding/json"
	"errors"
	"io"

	"github.com/spf13/cobra"

	"starkeep/starter/failure"
	"starkeep/statement"
)

func newParse() *cobra.Command {
	var from source
	c := &cobra.Command{
		Use:   "parse [FILE]",
		Short: "Check statements without running them",
		Long: `Check statements without running them. For each one a line of JSON is printed:

  {"ok":true,"kind":"backup","canonical":"BACKUP DATABASE …"}
  {"ok":false,"line":1,"column":8,"error":"…"}

Secrets are masked. A placeholder like <name> is an error. The exit code is 2 if any statement is wrong.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 1 {
				if from.file != "" {
					return failure.Usagef("give one file")
				}
				from.file = args[0]
			}
			text, given, err := from.read(c)
			if err != nil {
				return err
			}
			if !given {
				return failure.Usagef("no statements: give -e, a file, or a pipe")
			}
			return parse(c.OutOrStdout(), text)
		},
	}
	from.flags(c)
	return c
}

// parsed is a line that parse prints.
type parsed struct {
	OK        bool   `json:"ok"`
	Kind      string `json:"kind,omitempty"`
	Canonical string `json:"canonical,omitempty"`
	Line      int    `json:"line,omitempty"`
	Column    int    `json:"column,omitempty"`
	Error     string `json:"error,omitempty"`
}

func parse(out io.Writer, text string) error {
	lines := json.NewEncoder(out)
	lines.SetEscapeHTML(false) // canonical statements are for people too
	wrong := false
	for _, r := range statement.ParseEach(text) {
		line := parsed{OK: r.Err == nil}
		if line.OK {
			line.Kind, line.Canonical = r.Statement.Kind(), r.Statement.String()
		} else {
			wrong = true
			line.Error = r.Err.Error()
			var e *statement.Error
			if errors.As(r.Err, &e) {
				line.Line, line.Column = e.Position.Line, e.Position.Column
			}
		}
		if err := lines.Encode(line); err != nil {
			return err
		}
	}
	if wrong {
		return exit(failure.BadStatement)
	}
	return nil
}
