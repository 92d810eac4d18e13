#!/usr/bin/env bash
# Fetches Apache Hadoop, whose name node and data node tests run, as jars into .tools/hadoop. Maven resolves them, from
# wherever this machine's Maven settings say.
set -euo pipefail

version=$1
cd "$(dirname "$0")/.."
home=$PWD/.tools/hadoop

[[ -e $home/$version ]] && exit 0
command -v mvn >/dev/null || {
	echo "Maven is missing: run tools/packages.sh" >&2
	exit 1
}
echo "fetching Hadoop $version: 60 MB"
rm -rf "$home"
mkdir -p "$home"

# Versions of what Hadoop itself depends on are those that it is built with: without them, Maven mixes old and new ones that
# do not work together. minikdc is Hadoop's own Kerberos server for tests.
artifacts=
for name in common hdfs hdfs-client minikdc; do
	artifacts+="<dependency><groupId>org.apache.hadoop</groupId><artifactId>hadoop-$name</artifactId><version>$version</version></dependency>"
done
cat >"$home/pom.xml" <<-POM
	<project xmlns="http://maven.apache.org/POM/4.0.0">
	  <modelVersion>4.0.0</modelVersion>
	  <groupId>starkeep</groupId>
	  <artifactId>hadoop</artifactId>
	  <version>1</version>
	  <packaging>pom</packaging>
	  <dependencyManagement><dependencies><dependency>
	    <groupId>org.apache.hadoop</groupId><artifactId>hadoop-project</artifactId><version>$version</version>
	    <type>pom</type><scope>import</scope>
	  </dependency></dependencies></dependencyManagement>
	  <dependencies>$artifacts</dependencies>
	</project>
POM
mvn --quiet --batch-mode --file "$home/pom.xml" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$home/lib"
touch "$home/$version" # last: a fetch that was cut off is done again
