#!/bin/sh
# Makes the bucket, and a user that may do there exactly what docs/repositories.md asks for. Harmless when repeated.
set -eu

mc alias set local http://minio:9000 "$MINIO_ROOT_USER" "$MINIO_ROOT_PASSWORD"
mc mb --ignore-existing local/starkeep
mc admin policy create local starkeep /deploy/policy.json
mc admin user info local "$STARKEEP_ACCESS_KEY" >/dev/null 2>&1 || {
	mc admin user add local "$STARKEEP_ACCESS_KEY" "$STARKEEP_SECRET_KEY"
	mc admin policy attach local starkeep --user "$STARKEEP_ACCESS_KEY"
}
