"""The languages in which logs are searched and queried, translated to DuckDB's SQL over the view `logs`. Pure.

`literals` writes values into SQL, and is the only module that does. `scanner` and `parser` read expressions into the
nodes of `nodes`; `names` says what a name stands for, `functions` what can be called, and `translation` turns nodes
into SQL. On top stand `conditions` (the options of `search`) and `insights` (CloudWatch Logs Insights' language).
"""
