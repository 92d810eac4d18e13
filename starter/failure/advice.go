package failure

import "starkeep/job"

// Advice says what a person can do about an error of a job; empty when the error's own text says it all.
func Advice(kind string) string {
	return advice[kind]
}

var advice = map[string]string{
	job.UnknownCluster:        "name a cluster of the workers' configuration with --cluster or STARKEEP_CLUSTER",
	job.UnknownDatabase:       "check the name with SHOW DATABASES on the cluster",
	job.UnknownTable:          "check the name with SHOW TABLES on the cluster, or SHOW SNAPSHOT … WHERE SNAPSHOT = … AND TIMESTAMP = …",
	job.UnknownPartition:      "check the name with SHOW PARTITIONS on the cluster",
	job.UnknownRepository:     "SHOW REPOSITORIES lists what there is",
	job.RepositoryExists:      "choose another name, or DROP REPOSITORY first (nothing in it is deleted)",
	job.RepositoryInUse:       "wait for the jobs, or cancel them",
	job.RepositoryReadOnly:    "back up to another repository, or create this one again without READ ONLY",
	job.SnapshotNotFound:      "SHOW SNAPSHOT ON the repository lists labels and timestamps",
	job.SnapshotInUse:         "wait for the job, or cancel it; starter watch shows it",
	job.LabelExists:           "choose another label",
	job.TargetExists:          "restore under another name with AS, or drop the target",
	job.SchemaMismatch:        "restore under another name with AS, or make the schemas equal",
	job.MissingPrivilege:      "grant the privilege to the user of the workers' configuration",
	job.DamagedSnapshot:       "restore another snapshot; SHOW SNAPSHOT lists them",
	job.NewerFormat:           "update the workers",
	job.RowCountMismatch:      "the target is as it was; run the statement again, and report it if it happens again",
	job.ConsistencyNotReached: `back up while less is loaded, raise "rounds", or accept "consistency" = "partition"`,
	job.Timeout:               `give the job more time: PROPERTIES ("timeout" = "seconds")`,
	job.StoreUnreachable:      "check the repository's location and network: starter doctor repository NAME",
	job.StoreDenied:           "check the repository's credentials: starter doctor repository NAME",
	job.StoreFull:             "free space in the repository's storage, then run the statement again",
	job.SpoolFull:             "free space in the workers' spool folder, then run the statement again",
	job.ClusterUnreachable:    "check the cluster's addresses and network: starter doctor cluster",
}
