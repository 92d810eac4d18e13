package statement

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var (
	columns = []string{"JobId", "Label", "State"}
	rows    = [][]string{
		{"9", "night_1", "FINISHED"},
		{"10", "night_2", "CANCELLED"},
		{"9007199254740993", "nightX3", "UPLOADING"},
		{"9007199254740992", `50%\`, "UPLOADING"},
		{"", "Night_1", "NULL"},
	}
)

// kept are the labels that SHOW BACKUP with this filter leaves.
func kept(t require.TestingT, filter string) []string {
	s, err := ParseOne("SHOW BACKUP " + filter)
	require.NoError(t, err)
	got, err := s.(*ShowJobs).Filter.Apply(columns, rows)
	require.NoError(t, err)
	labels := []string{}
	for _, row := range got {
		labels = append(labels, row[1])
	}
	return labels
}

func TestFilterKeepsTheRowsThatSQLWould(t *testing.T) {
	t.Parallel()
	all := []string{"night_1", "night_2", "nightX3", `50%\`, "Night_1"}
	for filter, want := range map[string][]string{
		"":                                             all,
		"WHERE jobid = 9":                              {"night_1"},
		"WHERE JobId = 9.0":                            {"night_1"},
		"WHERE JobId = '9.0'":                          {},
		"WHERE JobId > 9":                              {"night_2", "nightX3", `50%\`}, // as texts, 10 is before 9
		"WHERE JobId < '9'":                            {"night_2", "Night_1"},
		"WHERE JobId = 9007199254740993":               {"nightX3"}, // no float in between
		"WHERE JobId >= 9007199254740993":              {"nightX3"},
		"WHERE JobId <= 10":                            {"night_1", "night_2", "Night_1"}, // an empty cell is a text, before all
		"WHERE JobId != -1":                            all,
		"WHERE Label = 'night_1'":                      {"night_1"},
		"WHERE Label <> 'night_1'":                     {"night_2", "nightX3", `50%\`, "Night_1"},
		`WHERE Label LIKE 'night_%'`:                   {"night_1", "night_2", "nightX3"},
		`WHERE Label LIKE 'night\_%'`:                  {"night_1", "night_2"},
		`WHERE Label LIKE 'night\\_%'`:                 {"night_1", "night_2"},
		`WHERE Label LIKE '50\%\\\\'`:                  {`50%\`},
		`WHERE Label LIKE '50%\\'`:                     {`50%\`},
		`WHERE Label LIKE 'night'`:                     {},
		`WHERE Label NOT LIKE '%1'`:                    {"night_2", "nightX3", `50%\`},
		"WHERE State IN ('FINISHED', 'NULL')":          {"night_1", "Night_1"},
		"WHERE JobId IN (10, 9)":                       {"night_1", "night_2"},
		"WHERE JobId NOT IN (10, 9)":                   {"nightX3", `50%\`, "Night_1"},
		"WHERE NOT State = 'UPLOADING'":                {"night_1", "night_2", "Night_1"},
		"WHERE NOT (State = 'UPLOADING' OR JobId = 9)": {"night_2", "Night_1"},
		"WHERE State = 'FINISHED' OR State = 'UPLOADING' AND JobId > 9007199254740992":   {"night_1", "nightX3"},
		"WHERE (State = 'FINISHED' OR State = 'UPLOADING') AND JobId > 9007199254740992": {"nightX3"},
		"ORDER BY JobId DESC":                    {"Night_1", "nightX3", `50%\`, "night_2", "night_1"},
		"ORDER BY jobid":                         {"night_1", "night_2", `50%\`, "nightX3", "Night_1"},
		"ORDER BY State, Label DESC":             {"night_2", "night_1", "Night_1", "nightX3", `50%\`},
		"LIMIT 2":                                {"night_1", "night_2"},
		"LIMIT 2 OFFSET 4":                       {"Night_1"},
		"LIMIT 1, 2":                             {"night_2", "nightX3"},
		"LIMIT 3 OFFSET 9":                       {},
		"LIMIT 0":                                {},
		"WHERE JobId > 9 ORDER BY Label LIMIT 1": {`50%\`},
	} {
		require.Equal(t, want, kept(t, filter), filter)
	}
}

func TestUnknownColumnIsAnErrorEvenWithoutRows(t *testing.T) {
	t.Parallel()
	for text, column := range map[string]int{
		"SHOW BACKUP WHERE Name = 'x'":                 19,
		"SHOW BACKUP WHERE Name LIKE 'x'":              19,
		"SHOW BACKUP WHERE Name IN ('x')":              19,
		"SHOW BACKUP WHERE NOT Name IN ('x')":          23,
		"SHOW BACKUP WHERE Label = 'x' OR Name = 'x'":  34,
		"SHOW BACKUP WHERE Name = 'x' AND Label = 'x'": 19,
		"SHOW BACKUP ORDER BY Name":                    22,
	} {
		s, err := ParseOne(text)
		require.NoError(t, err)
		_, err = s.(*ShowJobs).Filter.Apply(columns, nil)
		var wrong *Error
		require.ErrorAs(t, err, &wrong, text)
		require.Equal(t, &Error{
			Position: Position{1, column}, Kind: Semantic, Message: "Unknown column 'Name'", Hint: "the columns are JobId, Label, State",
		}, wrong)
	}
}

func TestFilteringLeavesTheGivenRowsAlone(t *testing.T) {
	t.Parallel()
	given := [][]string{{"2"}, {"1"}, {"3"}}
	filter := Filter{Where: &Comparison{Column: "a", Operator: "<", Value: Literal{Text: "3", Number: true}}, Order: []Order{{Column: "a"}}}
	got, err := filter.Apply([]string{"a"}, given)
	require.NoError(t, err)
	require.Equal(t, [][]string{{"1"}, {"2"}}, got)
	require.Equal(t, [][]string{{"2"}, {"1"}, {"3"}}, given)
}

func TestOrderOfCellsIsTotal(t *testing.T) {
	t.Parallel()
	cell := rapid.StringMatching(`-?[0-9]{0,3}(\.[0-9])?[a-b]?`)
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := cell.Draw(t, "a"), cell.Draw(t, "b"), cell.Draw(t, "c")
		require.Equal(t, compareCells(a, b), -compareCells(b, a))
		if compareCells(a, b) <= 0 && compareCells(b, c) <= 0 {
			require.LessOrEqual(t, compareCells(a, c), 0)
		}
	})
}

func TestDeepConditionIsRefusedNotCrashed(t *testing.T) {
	t.Parallel()
	for _, nest := range []string{"(", "NOT "} {
		_, err := ParseOne("SHOW BACKUP WHERE " + strings.Repeat(nest, 100_000))
		require.ErrorContains(t, err, "Condition is nested too deeply")
	}
}
