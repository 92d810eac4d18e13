package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEveryForbiddenImportIsFoundAndNoOther(t *testing.T) {
	t.Parallel()
	findings, err := check("testdata/house", house)
	require.NoError(t, err)
	require.Equal(t, []string{
		"starter/show/bad.go:5: starter/show must not import sandbox",
		"unruled/bad.go:5: unruled has no rule in tools/imports, yet it imports storage",
		"worker/bad.go:4: worker must not import sandbox",
		"workflows/bad.go:4: workflows must not import math/rand/v2",
		"workflows/bad.go:5: workflows must not import os",
		"workflows/bad.go:8: workflows must not import job/sealed",
		"workflows/bad.go:10: workflows must not import snapshot/repository",
	}, findings)
}

func TestNearestFolderRules(t *testing.T) {
	t.Parallel()
	require.Equal(t, "job/sealed", ruleOf("job/sealed", house).folder)
	require.Equal(t, "job", ruleOf("job", house).folder)
	require.Nil(t, ruleOf("jobs", house))
}

func TestFolderThatIsNoModuleIsAnError(t *testing.T) {
	t.Parallel()
	_, err := check(t.TempDir(), house)
	require.ErrorContains(t, err, "read module name")
}
