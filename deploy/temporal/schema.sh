#!/bin/sh
# Creates or upgrades Temporal's two databases; the steps are those of temporalio/samples-server. Harmless when repeated.
set -eu

for database in temporal temporal_visibility; do
	tool="temporal-sql-tool --plugin postgres12 --ep postgres -p 5432 -u temporal --db $database"
	$tool create
	$tool setup-schema -v 0.0
	$tool update-schema -d "/etc/temporal/schema/postgresql/v12/${database#temporal_}/versioned"
done
