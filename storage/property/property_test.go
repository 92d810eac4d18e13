package property_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"starkeep/storage"
	"starkeep/storage/property"
)

func TestOneSettingHasManyNames(t *testing.T) {
	t.Parallel()
	s := property.Read(map[string]string{"AWS_REGION": "eu", "fs.s3a.Path.Style.access": "TRUE", "retries": "3", "wait": "1500", "class": "glacier", "dfs.a": "1", "dfs.b": "2"})
	require.Equal(t, "eu", s.Text("aws.s3.region", "aws_region"))
	require.True(t, s.Bool(false, "fs.s3a.path.style.access"))
	require.Equal(t, 3, s.Int(1, 0, "retries"))
	require.Equal(t, 7, s.Int(7, 0, "other"))
	require.Equal(t, 1500*time.Millisecond, s.Milliseconds(0, "wait"))
	require.Equal(t, "GLACIER", s.OneOf("", []string{"STANDARD", "GLACIER"}, "class"))
	require.Equal(t, map[string]string{"dfs.a": "1", "dfs.b": "2"}, s.Prefixed("dfs."))
	require.NoError(t, s.Err("s3"))
}

func TestWrongPropertiesAreNamedWithoutTheirValues(t *testing.T) {
	t.Parallel()
	for want, p := range map[string]map[string]string{
		"wrong configuration: region and AWS_REGION are the same setting and differ; keep one of them":       {"region": "geheim", "AWS_REGION": "eu"},
		"wrong configuration: REGION and region are the same property and differ":                            {"region": "geheim", "REGION": "eu"},
		"wrong configuration: style must be true or false":                                                   {"style": "geheim"},
		"wrong configuration: retries must be a whole number of at least 1":                                  {"retries": "0"},
		"wrong configuration: class must be one of A, B":                                                     {"class": "geheim"},
		"wrong configuration: s3 does not know the property regoin (did you mean region?), secret.access.ke": {"regoin": "geheim", "secret.access.ke": "geheim"},
	} {
		s := property.Read(p)
		s.Text("region", "aws_region")
		s.Bool(false, "style")
		s.Int(1, 1, "retries")
		s.OneOf("A", []string{"A", "B"}, "class")
		err := s.Err("s3")
		require.ErrorIs(t, err, storage.ErrConfig)
		require.EqualError(t, err, want)
	}
}

func TestMessagesNameWhatTheUserWrote(t *testing.T) {
	t.Parallel()
	s := property.Read(map[string]string{"FS.region": "eu", "style": "x"})
	s.Text("aws.region", "fs.region")
	s.Text("style", "fs.style")
	s.Fail("aws.region does not fit to style and aws.endpoint")
	require.EqualError(t, s.Err("s3"), "wrong configuration: FS.region does not fit to style and aws.endpoint")
	require.Equal(t, "correct FS.region", s.Spelling().Replace("correct aws.region"))
}
