#!/usr/bin/env bash
# Records the vectors of test/data/protocol anew, by Apache Kafka's own code. Needs a JDK 17, Maven
# and, for the second recorder, python3-kafka; the test itself needs none of them.
# Usage: test/oracle/record.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
version=3.9.1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for artifact in org.apache.kafka:kafka-clients:$version org.slf4j:slf4j-api:1.7.36 \
  org.slf4j:slf4j-nop:1.7.36; do
  mvn -q dependency:copy -Dartifact="$artifact" -DoutputDirectory="$work" > /dev/null
done
javac -d "$work" -cp "$work/*" test/oracle/*.java
mapfile -t apis < <(sed -n 's/^api *//p' protocol/schema/*.schema)
java -cp "$work:$work/*" RecordVectors test/data/protocol "${apis[@]}"
java -cp "$work:$work/*" RecordLayouts test/data/protocol "${apis[@]}"
/usr/bin/python3 test/oracle/record_vectors.py test/data/protocol
