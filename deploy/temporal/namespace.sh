#!/bin/sh
# Creates the namespace. A finished job is shown by SHOW BACKUP and SHOW RESTORE for as long as the namespace keeps it.
set -eu

left=60
until temporal operator cluster health >/dev/null 2>&1; do # the port is open a little before the server serves
	left=$((left - 1))
	[ "$left" -gt 0 ] || {
		echo "Temporal does not serve at $TEMPORAL_ADDRESS" >&2
		exit 1
	}
	sleep 2
done
temporal operator namespace describe --namespace default ||
	temporal operator namespace create --namespace default --retention 30d
