package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/peterh/liner"

	"starkeep/statement"
)

const (
	promptFirst = "starkeep> "
	promptNext  = "       -> "
	promptHelp  = grammar + `
Statements end with ; or, to print rows vertically, with \G. BACKUP and RESTORE begin a job and come back at once, unless the
session was begun with --wait.
exit, quit or Ctrl-D leaves; Ctrl-C clears the line, and stops waiting for a job (which goes on).
`
)

// asker asks a person for a line.
type asker interface {
	Prompt(text string) (string, error)
	AppendHistory(line string)
}

func (r runner) interactive() error {
	// main's handling would end everything at the first Ctrl-C: here that ends one statement.
	signal.Reset(os.Interrupt, syscall.SIGTERM)
	l := liner.NewLiner()
	l.SetCtrlCAborts(true)
	l.SetMultiLineMode(true)
	h := history{path: historyFile()}
	h.load(l.AppendHistory)
	_, _ = fmt.Fprintln(r.errs, `Starkeep; "help" explains, "exit" leaves.`)
	err := r.converse(l, h)
	if cerr := l.Close(); err == nil {
		err = cerr
	}
	return err
}

// converse runs statements until the person leaves; errors are told and do not end it.
func (r runner) converse(ask asker, h history) error {
	var lines []string
	for {
		prompt := promptFirst
		if len(lines) > 0 {
			prompt = promptNext
		}
		line, err := ask.Prompt(prompt)
		switch {
		case errors.Is(err, liner.ErrPromptAborted):
			if len(lines) == 0 {
				_, _ = fmt.Fprintln(r.errs, "exit or Ctrl-D leaves")
			}
			lines = nil
			continue
		case errors.Is(err, io.EOF):
			_, _ = fmt.Fprintln(r.errs)
			return nil
		case err != nil:
			return fmt.Errorf("read a line: %w", err)
		}
		if len(lines) == 0 {
			word, _, _ := strings.Cut(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(line), ";")), " ")
			switch strings.ToLower(word) {
			case "":
				continue
			case "exit", "quit", `\q`:
				return nil
			case "help", `\h`, "?": // of anything: it fits on a page
				_, _ = fmt.Fprint(r.errs, promptHelp)
				continue
			}
		}
		lines = append(lines, line)
		text := strings.Join(lines, "\n")
		if !statement.Complete(text) {
			continue
		}
		ask.AppendHistory(strings.Join(lines, " "))
		lines = nil
		for _, st := range statement.ParseEach(text) {
			if st.Err != nil {
				r.tell(st.Err)
				break
			}
			h.add(st.Statement)
			if err := r.interruptible(st); err != nil {
				r.tell(err)
				break
			}
		}
	}
}

// interruptible runs one statement; Ctrl-C ends the waiting for it and comes back to the prompt.
func (r runner) interruptible(st statement.Result) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	return r.one(ctx, st)
}

// history keeps statements for later sessions. Only redacted forms of statements that could be read go to disk: what
// could not be read may hold a password anywhere.
type history struct {
	path string
}

func historyFile() string {
	folder := os.Getenv("XDG_STATE_HOME")
	if folder == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "" // no home, no history
		}
		folder = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(folder, "starkeep", "history")
}

func (h history) load(add func(string)) {
	b, err := os.ReadFile(h.path)
	if err != nil {
		return // none yet
	}
	for line := range strings.Lines(string(b)) {
		add(strings.TrimSuffix(line, "\n"))
	}
}

// add never fails: a session works without history too.
func (h history) add(st statement.Statement) {
	if h.path == "" || os.MkdirAll(filepath.Dir(h.path), 0o700) != nil {
		return
	}
	f, err := os.OpenFile(h.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return
	}
	_, _ = fmt.Fprintln(f, strings.ReplaceAll(st.String(), "\n", " ")+";")
	_ = f.Close()
}
