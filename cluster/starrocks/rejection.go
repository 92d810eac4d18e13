package starrocks

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

const (
	reasonLines   = 50 // rejected rows that are looked at; a backend logs about as many (be:RuntimeStateHelper)
	reasonsShown  = 5  // different reasons that go into an error
	reasonUnknown = "other reasons"
)

// reasonForms are the reasons of a log of rejected rows that can be told without the values in them, which are users' data
// and must not get into errors and histories. The groups are what is kept: the kind of damage and the column
// (be:csv_scanner.cpp, be:file_scanner.cpp, be:tablet_sink.cpp).
var reasonForms = []*regexp.Regexp{
	regexp.MustCompile(`^(Value|Decimal) '.*'( is out of range\. The type of '[^']*' is [\w(), ]+)`),
	regexp.MustCompile(`^(String) ?(?:'.*')?( ?\(length ?= ?\d+\) is too long\. The (?:max length|type) of '[^']*' is [\w(), ]+)`),
	regexp.MustCompile(`^(NULL value in (?:non-nullable|auto increment) column '[^']*')`),
	regexp.MustCompile(`^(The row is out of partition ranges)`),
	regexp.MustCompile(`^(Invalid UTF-8 row)`),
	regexp.MustCompile(`^(Target column count: \d+ doesn't match source value column count: \d+)`),
	regexp.MustCompile(`^(The field \(name = [^,]*, pos = \d+\) is out of range\. Type: [\w(), ]+, Value length: \d+)`),
}

// reason tells why the row of a line was rejected, without its values.
func reason(line string) string {
	line, ok := strings.CutPrefix(line, "Error: ")
	if !ok {
		return reasonUnknown // also the rest of a row with line breaks
	}
	line, _, _ = strings.Cut(line, ". Row: ")
	for _, form := range reasonForms {
		if kept := form.FindStringSubmatch(line); kept != nil {
			return strings.TrimSpace(strings.Join(kept[1:], ""))
		}
	}
	return reasonUnknown
}

// reasons summarises the log of rejected rows and says where it is; whatever goes wrong with that hides nothing.
func (c *Cluster) reasons(ctx context.Context, address string) string {
	u, err := url.Parse(address)
	if err != nil || address == "" {
		return ""
	}
	u.Host = c.mapped(u.Host)
	where := " (rows in " + u.String() + ")"
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return where
	}
	response, err := c.http.Do(request) // without the password: the log needs none
	if err != nil {
		return where
	}
	defer response.Body.Close()
	var list []string
	lines := bufio.NewScanner(io.LimitReader(response.Body, answerLimit))
	for n := 0; n < reasonLines && len(list) < reasonsShown && lines.Scan(); n++ {
		if r := reason(lines.Text()); !slices.Contains(list, r) {
			list = append(list, r)
		}
	}
	if len(list) == 0 {
		return where
	}
	return fmt.Sprintf("; %s%s", strings.Join(list, "; "), where)
}
