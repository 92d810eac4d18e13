package gcs_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/storage"
	"starkeep/storage/gcs"
)

const google = "https://storage.googleapis.com"

func TestPropertiesOfStarRocksAndHadoopAreUnderstood(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		properties    map[string]string
		way, endpoint string
	}{
		"none":                 {nil, "APPLICATION_DEFAULT", google},
		"machine of StarRocks": {map[string]string{"gcp.gcs.use_compute_engine_service_account": "true"}, "COMPUTE_ENGINE", google},
		"account of StarRocks": {map[string]string{
			"gcp.gcs.service_account_email": "a@p.iam.gserviceaccount.com", "gcp.gcs.service_account_private_key_id": "1",
			"gcp.gcs.service_account_private_key": "k", "gcp.gcs.use_compute_engine_service_account": "false",
		}, "SERVICE_ACCOUNT_JSON_KEYFILE", google},
		"account of Hadoop": {map[string]string{
			"fs.gs.auth.type": "service_account_json_keyfile", "fs.gs.auth.service.account.email": "a@p.iam.gserviceaccount.com",
			"fs.gs.auth.service.account.private.key.id": "1", "fs.gs.auth.service.account.private.key": "k",
		}, "SERVICE_ACCOUNT_JSON_KEYFILE", google},
		"key file":                {map[string]string{"fs.gs.auth.service.account.json.keyfile": "/k"}, "SERVICE_ACCOUNT_JSON_KEYFILE", google},
		"machine of Hadoop":       {map[string]string{"fs.gs.auth.type": "COMPUTE_ENGINE"}, "COMPUTE_ENGINE", google},
		"token":                   {map[string]string{"gcs.oauth2.token": "t"}, "ACCESS_TOKEN_PROVIDER", google},
		"token of Hadoop":         {map[string]string{"fs.gs.temporary.access.token": "t", "fs.gs.auth.type": "ACCESS_TOKEN_PROVIDER"}, "ACCESS_TOKEN_PROVIDER", google},
		"endpoint without scheme": {map[string]string{"gcp.gcs.endpoint": "private.example:8443"}, "APPLICATION_DEFAULT", "https://private.example:8443"},
		"root of Hadoop":          {map[string]string{"fs.gs.storage.root.url": "http://127.0.0.1:80/", "fs.gs.auth.type": "UNAUTHENTICATED"}, "UNAUTHENTICATED", "http://127.0.0.1:80"},
	} {
		way, endpoint, err := gcs.Understood(c.properties)
		require.NoError(t, err, name)
		require.Equal(t, c.way, way, name)
		require.Equal(t, c.endpoint, endpoint, name)
	}
}

func TestWrongPropertiesSayWhatToWrite(t *testing.T) {
	t.Parallel()
	for want, properties := range map[string]map[string]string{
		"gs:// does not know the property gcp.gcs.endpont (did you mean gcp.gcs.endpoint?)":                                                              {"gcp.gcs.endpont": "secret"},
		"gcp.gcs.endpoint must be https://host or http://host:port":                                                                                      {"gcp.gcs.endpoint": "ftp://secret"},
		"fs.gs.endpoint must be https://host or http://host:port":                                                                                        {"fs.gs.endpoint": "https://user:secret@host"},
		"gs.access_key is an HMAC key, for Google's S3 interoperability: write the location as s3:// and keep the properties, or give a service account": {"gs.access_key": "secret", "gs.secret_key": "secret"},
		"a service account needs both gcp.gcs.service_account_email and gcp.gcs.service_account_private_key":                                             {"gcp.gcs.service_account_private_key": "secret"},
		"fs.gs.auth.type = ACCESS_TOKEN_PROVIDER needs gcs.oauth2.token":                                                                                 {"fs.gs.auth.type": "ACCESS_TOKEN_PROVIDER"},
		"fs.gs.auth.type = COMPUTE_ENGINE does not fit the other properties, which say ACCESS_TOKEN_PROVIDER":                                            {"fs.gs.auth.type": "COMPUTE_ENGINE", "gcs.oauth2.token": "secret"},
		"fs.gs.auth.type must be one of APPLICATION_DEFAULT, SERVICE_ACCOUNT_JSON_KEYFILE, COMPUTE_ENGINE, ACCESS_TOKEN_PROVIDER, UNAUTHENTICATED":       {"fs.gs.auth.type": "secret"},
		"gcp.gcs.impersonation_service_account needs somebody to ask for it: give a service account":                                                     {"fs.gs.auth.type": "UNAUTHENTICATED", "gcp.gcs.impersonation_service_account": "a"},
		"gcp.gcs.service_account_email and fs.gs.auth.service.account.email are the same setting and differ; keep one of them":                           {"gcp.gcs.service_account_email": "a", "fs.gs.auth.service.account.email": "b"},
		"fs.gs.http.read-timeout must be a whole number of at least 1":                                                                                   {"fs.gs.http.read-timeout": "0"},
		"there are several ways to log in; keep one: gcp.gcs.service_account_email with its id and key, or fs.gs.auth.service.account.json.keyfile, gcs.oauth2.token or gcp.gcs.use_compute_engine_service_account": {
			"gcs.oauth2.token": "secret", "gcp.gcs.use_compute_engine_service_account": "true",
		},
	} {
		_, err := gcs.Open(t.Context(), "b", properties, gcs.Options{})
		require.ErrorIs(t, err, storage.ErrConfig)
		require.EqualError(t, err, "open gs://b: wrong configuration: "+want)
	}
}

// As the client libraries of Google do.
func TestEmulatorOfTheEnvironmentIsUsed(t *testing.T) {
	t.Setenv("STORAGE_EMULATOR_HOST", "127.0.0.1:4443")
	way, endpoint, err := gcs.Understood(nil)
	require.NoError(t, err)
	require.Equal(t, "UNAUTHENTICATED", way)
	require.Equal(t, "http://127.0.0.1:4443", endpoint)
	way, endpoint, err = gcs.Understood(map[string]string{"gcp.gcs.endpoint": google})
	require.NoError(t, err)
	require.Equal(t, "APPLICATION_DEFAULT", way)
	require.Equal(t, google, endpoint, "what the user wrote counts more")
}
