"""Where our answers may differ from Apache Kafka's, each with its reason.

(API, what was asked, path of the field, versions, reason): patterns as of fnmatch; versions None
for all. An entry that matches nothing any more is an error too.
"""

NO_TRANSACTIONS = "transactions are not built yet: refused for good and in words, not for a while"

ALLOWED = [
    ("ApiVersions", "*", "api_keys", None, "what is not built is not advertised"),
    ("FindCoordinator", "of kind 1", "*error_code", None, NO_TRANSACTIONS),
    ("FindCoordinator", "of kind 1", "*error_message", None, NO_TRANSACTIONS),
    (
        "Metadata",
        "neither name nor id",
        "topics[].*",
        (12,),
        "Kafka stumbles over the null name; a malformed request is answered as such",
    ),
    (
        "DeleteTopics",
        "neither",
        "responses[].error_code",
        (6,),
        "Kafka takes the null name for one that the client has no right to",
    ),
    ("AlterConfigs", "a resource twice", "", None, "Kafka does not answer at all"),
    (
        "IncrementalAlterConfigs",
        "an operation that is none",
        "responses[].error_*",
        None,
        "Kafka fails with UNKNOWN_SERVER_ERROR; a malformed request is answered as such",
    ),
    (
        "Produce",
        "an unknown sequence",
        "*.log_append_time_ms",
        range(4, 12),
        "Kafka answers a batch sent again with its create time as the append time",
    ),
    (
        "OffsetFetch",
        "no group",
        "topics[].partitions[].error_code",
        (0,),
        "Kafka makes an invalid path in ZooKeeper of it and fails with UNKNOWN_SERVER_ERROR",
    ),
]
