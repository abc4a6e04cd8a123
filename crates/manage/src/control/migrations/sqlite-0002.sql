-- Second version: figures and rules ask for the newest runs of one kind, owner and source.
CREATE INDEX run_last ON run(kind, owner_id, source_id, id);
CREATE INDEX run_counts ON run(kind, state);
-- Where a schedule stands: the newest slot of one owner. And the newest snapshot of each source, without looking at all of them.
CREATE INDEX run_slots ON run(kind, owner_id, slot_s);
CREATE INDEX snapshot_newest ON snapshot(repository_id, source, started);
