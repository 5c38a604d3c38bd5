-- How requests were answered in each minute, as the isolates counted them and told once in a while; the row 'all' is
-- of all time. `switched` are those of `s5xx` that an operator's switch refused. `ms_10`: how many took 10 ms at most.
CREATE TABLE request_counts (
  minute   TEXT PRIMARY KEY,
  s2xx     INTEGER NOT NULL,
  s3xx     INTEGER NOT NULL,
  s4xx     INTEGER NOT NULL,
  s5xx     INTEGER NOT NULL,
  switched INTEGER NOT NULL,
  trips    INTEGER NOT NULL,
  ms       INTEGER NOT NULL,
  ms_10    INTEGER NOT NULL,
  ms_25    INTEGER NOT NULL,
  ms_50    INTEGER NOT NULL,
  ms_100   INTEGER NOT NULL,
  ms_250   INTEGER NOT NULL,
  ms_500   INTEGER NOT NULL,
  ms_1000  INTEGER NOT NULL,
  ms_2500  INTEGER NOT NULL,
  ms_5000  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
