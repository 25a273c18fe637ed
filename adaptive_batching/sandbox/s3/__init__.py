"""The embedded S3, the faults in front of it, and the ledger of what arrived."""
