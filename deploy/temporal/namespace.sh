#!/bin/sh
# Creates the namespace. A finished job is shown by SHOW BACKUP and SHOW RESTORE for as long as the namespace keeps it.
set -eu

temporal operator namespace describe --namespace default ||
	temporal operator namespace create --namespace default --retention 30d
