package job_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"starkeep/job"
)

var update = flag.Bool("update", false, "write the golden files anew: only ever to add fields")

// Histories of running jobs hold these types. A field that is renamed or lost would break them, so each type is filled
// with values and compared with a file.
func TestJSONOfHistoriesNeverChanges(t *testing.T) {
	t.Parallel()
	for name, v := range map[string]any{
		"backup_request": &job.BackupRequest{}, "restore_request": &job.RestoreRequest{}, "status": &job.Status{},
		"create_repository": &job.CreateRepository{}, "sealed_repository": &job.SealedRepository{}, "drop_repository": &job.DropRepository{},
		"snapshots_request": &job.SnapshotsRequest{}, "snapshot_row": &job.SnapshotRow{}, "doctor_request": &job.DoctorRequest{},
		"check": &job.Check{}, "ref": &job.Ref{}, "prepare_backup_input": &job.PrepareBackupInput{}, "prepare_backup_output": &job.PrepareBackupOutput{},
		"plan": &job.Plan{}, "stage_input": &job.StageInput{}, "check_snapshot_input": &job.CheckSnapshotInput{}, "batch": &job.Batch{},
		"transfer_input": &job.TransferInput{}, "transfer_report": &job.TransferReport{}, "save_index_output": &job.SaveIndexOutput{},
		"release_input": &job.ReleaseInput{}, "release_output": &job.ReleaseOutput{}, "prepare_restore_input": &job.PrepareRestoreInput{},
		"prepare_restore_output": &job.PrepareRestoreOutput{}, "view_ref": &job.ViewRef{}, "hold_view_input": &job.HoldViewInput{},
		"put_objects_output": &job.PutObjectsOutput{}, "verify_shadows_output": &job.VerifyShadowsOutput{}, "activate_views_output": &job.ActivateViewsOutput{}, "secrets": &job.Secrets{},
		"drop_request": &job.DropRequest{}, "drop_input": &job.DropInput{}, "dropped": &job.Dropped{}, "sweep_input": &job.SweepInput{}, "swept": &job.Swept{},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fill(reflect.ValueOf(v).Elem())
			got, err := json.MarshalIndent(v, "", "  ")
			require.NoError(t, err)
			file := filepath.Join("testdata", name+".json")
			if *update {
				require.NoError(t, os.WriteFile(file, append(got, '\n'), 0o644))
			}
			want, err := os.ReadFile(file)
			require.NoError(t, err)
			require.Equal(t, string(bytes.TrimSpace(want)), string(got))
			back := reflect.New(reflect.TypeOf(v).Elem()).Interface()
			require.NoError(t, json.Unmarshal(want, back))
			require.Equal(t, v, back)
		})
	}
}

// fill gives every field a value that is not its zero.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Date(2024, 12, 9, 10, 25, 58, 842e6, time.UTC)))
			return
		}
		for i := range v.NumField() {
			fill(v.Field(i))
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(reflect.ValueOf("k"), reflect.ValueOf("v"))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
	default:
		panic("no value for " + v.Kind().String())
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	t.Parallel()
	s := job.Secrets{"catalog.lake.password": "hunter2"}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		require.NotContains(t, fmt.Sprintf(verb, s), "hunter2")
		require.NotContains(t, fmt.Sprintf(verb, struct{ S job.Secrets }{s}), "hunter2")
	}
}

func TestJobsOfTheClusterItselfHaveALockOfTheirOwn(t *testing.T) {
	t.Parallel()
	require.Equal(t, "catalogs/c", job.WorkflowID("c", ""))
	require.Equal(t, "job/c/db", job.WorkflowID("c", "db"))
}
