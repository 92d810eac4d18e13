package failure

import "starkeep/job"

// Advice says what a person can do about an error of a job; empty when the error's own text says it all.
func Advice(kind string) string {
	return advice[kind]
}

var advice = map[string]string{
	job.UnknownCluster:        "name a cluster of the workers' configuration with --cluster or STARKEEP_CLUSTER",
	job.UnknownDatabase:       "BACKUP names a database of the cluster (SHOW DATABASES there), RESTORE the one in the snapshot: DATABASE d AS e renames it",
	job.UnknownTable:          "BACKUP names what is on the cluster (SHOW TABLES, FUNCTIONS, CATALOGS there), RESTORE what SHOW SNAPSHOT … WHERE SNAPSHOT = … AND TIMESTAMP = … lists",
	job.UnknownPartition:      "BACKUP names partitions of the cluster (SHOW PARTITIONS there), RESTORE those that SHOW SNAPSHOT … WHERE SNAPSHOT = … AND TIMESTAMP = … lists",
	job.UnknownRepository:     "SHOW REPOSITORIES lists what there is, CREATE REPOSITORY adds one",
	job.RepositoryExists:      "choose another name, or DROP REPOSITORY first (nothing in it is deleted)",
	job.RepositoryInUse:       "wait for the jobs, or cancel them",
	job.RepositoryReadOnly:    "back up to another repository, or create this one again without READ ONLY",
	job.SnapshotNotFound:      "SHOW SNAPSHOT ON the repository lists labels and timestamps",
	job.SnapshotInUse:         "wait for the job, or cancel it; starter watch shows it",
	job.LabelExists:           "choose another label",
	job.TargetExists:          "restore under another name with AS, or drop the target",
	job.SchemaMismatch:        "restore under another name with AS, or make the schemas equal",
	job.MissingPrivilege:      "grant what is missing to the user in the workers' configuration, or correct user and password there",
	job.DamagedSnapshot:       "restore another snapshot; SHOW SNAPSHOT lists them",
	job.NewerFormat:           "update the workers",
	job.RowCountMismatch:      "the target is as it was; run the statement again, and report it if it happens again",
	job.ConsistencyNotReached: `back up while less is loaded, raise "rounds", or accept "consistency" = "partition"`,
	job.Timeout:               `give the job more time: PROPERTIES ("timeout" = "seconds")`,
	job.StoreUnreachable:      "check the location, its endpoint, and the workers' way there; starter doctor repository NAME tries out one that exists",
	job.StoreDenied:           "check the repository's credentials: starter doctor repository NAME",
	job.StoreFull:             "free space in the repository's storage, then run the statement again",
	job.SpoolFull:             "free space in the workers' spool folder, then run the statement again",
	job.ClusterUnreachable:    "check the cluster's addresses and network: starter doctor cluster",
}
