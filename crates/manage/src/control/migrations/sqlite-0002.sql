-- Second version: figures and rules ask for the newest runs of one kind, owner and source.
CREATE INDEX run_last ON run(kind, owner_id, source_id, id);
CREATE INDEX run_counts ON run(kind, state);
