package starrocks

import (
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/cluster"
)

func TestRejectedValuesStayOutOfErrors(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"Error: Value 'secret' is out of range. The type of 'c1' is TINYINT. Row: secret,2":                                              "Value is out of range. The type of 'c1' is TINYINT",
		"Error: Value 'sec'ret' is out of range. The type of 'c1' is DECIMAL64(18,2). Row: x. Row: secret":                               "Value is out of range. The type of 'c1' is DECIMAL64(18,2)",
		"Error: Decimal 'secret' is out of range. The type of 'd' is DECIMAL(9, 2)'. Row: [secret]":                                      "Decimal is out of range. The type of 'd' is DECIMAL(9, 2)",
		"Error: String 'secret...'(length=200) is too long. The max length of 'v' is 20. Row: [secret]":                                  "String(length=200) is too long. The max length of 'v' is 20",
		"Error: String (length=200) is too long. The max length of 'v' is 20. Row: [secret]":                                             "String(length=200) is too long. The max length of 'v' is 20",
		"Error: NULL value in non-nullable column 'k'. Row: [NULL, 'secret']":                                                            "NULL value in non-nullable column 'k'",
		"Error: The row is out of partition ranges. Please add a new partition.. Row: [99, 'secret']":                                    "The row is out of partition ranges",
		"Error: Invalid UTF-8 row. Row: secret":                                                                                          "Invalid UTF-8 row",
		"Error: Target column count: 2 doesn't match source value column count: 3. Column separator: ',', Row delimiter: x. Row: secret": "Target column count: 2 doesn't match source value column count: 3",
		"Error: The field (name = k, pos = 0) is out of range. Type: INT, Value length: 6, Value: secret. Row: secret":                   "The field (name = k, pos = 0) is out of range. Type: INT, Value length: 6",
		"Error: Value 'secret. Row: is out of range":                                                                                     reasonUnknown,
		"Error: what no version has said yet: secret":                                                                                    reasonUnknown,
		"secret, the second line of a row":                                                                                               reasonUnknown,
		"":                                                                                                                               reasonUnknown,
	} {
		require.Equal(t, want, reason(line), line)
		require.NotContains(t, reason(line), "secret")
	}
}

func TestRejectionNamesTheColumnAndWhereTheRowsAre(t *testing.T) {
	t.Parallel()
	_, err := loadOne(t, httpCluster(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			fmt.Fprint(w, "Error: NULL value in non-nullable column 'k'. Row: [secret]\nError: Value 'secret\nsecret' is odd. Row: secret\n")
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		fmt.Fprintf(w, `{"Status":"Fail","Message":"too many filtered rows","ErrorURL":"http://%s/api/_load_error_log?file=x"}`, r.Host)
	}))
	require.ErrorIs(t, err, cluster.ErrRejected)
	require.ErrorContains(t, err, "column 'k'")
	require.ErrorContains(t, err, reasonUnknown)
	require.ErrorContains(t, err, "_load_error_log?file=x")
	require.NotContains(t, err.Error(), "secret")
}
