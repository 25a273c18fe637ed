"""The embedded S3, a proxy that injects faults, and the ledger of delivered and shipped records."""
