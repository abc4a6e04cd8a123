-- Every kind of object that a database can hold, each in a form that is easily lost.
GRANT ob_reader TO ob_writer;
CREATE SCHEMA ob AUTHORIZATION ob_owner; CREATE SCHEMA "Ob; -- Name: ""x""; Type: TABLE"; CREATE SCHEMA other;
COMMENT ON SCHEMA ob IS E'two\nlines; -- Name: a; Type: TABLE; Schema: b; Owner: c';
GRANT USAGE ON SCHEMA ob TO ob_reader WITH GRANT OPTION; GRANT CREATE ON SCHEMA other TO PUBLIC;

-- Extensions, and what uses them.
CREATE EXTENSION hstore; CREATE EXTENSION citext WITH SCHEMA other; CREATE EXTENSION btree_gist; CREATE EXTENSION pg_trgm; CREATE EXTENSION postgres_fdw;
COMMENT ON EXTENSION hstore IS 'a comment of our own';

-- Types.
CREATE TYPE ob.colour AS ENUM ('red', 'green', 'it''s'); ALTER TYPE ob.colour ADD VALUE 'first' BEFORE 'red';
CREATE TYPE ob.pair AS (a int, "B b" text); COMMENT ON COLUMN ob.pair.a IS 'half';
CREATE TYPE ob.span AS RANGE (subtype = float8, subtype_diff = float8mi, multirange_type_name = ob.spans);
CREATE DOMAIN ob.short AS text COLLATE "C" NOT NULL DEFAULT 'x' CONSTRAINT len CHECK (length(VALUE) < 10);
CREATE DOMAIN ob.shorter AS ob.short CHECK (VALUE <> ''); CREATE DOMAIN ob.pairs AS ob.pair[];
ALTER DOMAIN ob.shorter ADD CONSTRAINT later CHECK (VALUE <> 'never') NOT VALID; COMMENT ON CONSTRAINT len ON DOMAIN ob.short IS 'limit';
CREATE TYPE ob.shell; CREATE FUNCTION ob.shell_in(cstring) RETURNS ob.shell LANGUAGE internal IMMUTABLE STRICT AS 'int4in';
CREATE FUNCTION ob.shell_out(ob.shell) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'int4out';
CREATE TYPE ob.shell (INPUT = ob.shell_in, OUTPUT = ob.shell_out, INTERNALLENGTH = 4, PASSEDBYVALUE, ALIGNMENT = int4);
CREATE TYPE ob.never_made;
CREATE COLLATION ob.swedish (provider = icu, locale = 'sv', deterministic = false); CREATE COLLATION ob.plain FROM "C";

-- Functions.
CREATE FUNCTION ob.hostile(text DEFAULT '$$') RETURNS text LANGUAGE plpgsql AS $body$
BEGIN
--
-- Name: nothing; Type: TABLE; Schema: ob; Owner: postgres
--
CREATE TABLE ob.nothing (a int); RETURN '$$ '' " \ ' || $1; -- ; GO
END $body$;
CREATE FUNCTION ob.atomic(a int, OUT b int, OUT c text) BEGIN ATOMIC SELECT a + 1 AS x, 'it''s; fine'::text AS y; END;
CREATE FUNCTION ob.rows() RETURNS TABLE (x int, y text) LANGUAGE sql ROWS 7 COST 3 STABLE LEAKPROOF PARALLEL SAFE SET work_mem = '1MB' AS 'SELECT 1, ''a''';
CREATE FUNCTION ob.many(VARIADIC a anyarray) RETURNS int LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS 'SELECT array_length($1, 1)';
CREATE PROCEDURE ob.act(INOUT a int) LANGUAGE plpgsql AS 'BEGIN COMMIT; a := a + 1; END'; COMMENT ON PROCEDURE ob.act(int) IS 'acts';
CREATE AGGREGATE ob.total(int) (SFUNC = int4pl, STYPE = int, INITCOND = '0', COMBINEFUNC = int4pl, PARALLEL = SAFE, MSFUNC = int4pl, MINVFUNC = int4mi, MSTYPE = int, MINITCOND = '0');
CREATE AGGREGATE ob.middle(float8 ORDER BY anyelement) (SFUNC = ordered_set_transition, STYPE = internal, FINALFUNC = percentile_disc_final, FINALFUNC_EXTRA);
REVOKE ALL ON FUNCTION ob.hostile(text) FROM PUBLIC; GRANT EXECUTE ON FUNCTION ob.hostile(text) TO ob_reader; ALTER FUNCTION ob.hostile(text) OWNER TO ob_owner;
CREATE FUNCTION ob.same(ob.colour, int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1::text = $2::text';
CREATE OPERATOR ob.=== (FUNCTION = ob.same, LEFTARG = ob.colour, RIGHTARG = int, RESTRICT = eqsel); ALTER OPERATOR ob.=== (ob.colour, int) OWNER TO ob_owner;
CREATE OPERATOR FAMILY ob.backwards USING btree; CREATE OPERATOR CLASS ob.int_backwards FOR TYPE int USING btree FAMILY ob.backwards AS
    OPERATOR 1 >, OPERATOR 2 >=, OPERATOR 3 =, OPERATOR 4 <=, OPERATOR 5 <, FUNCTION 1 btint4cmp(int, int);
CREATE FUNCTION ob.rank(ob.colour) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT length($1::text)'; CREATE CAST (ob.colour AS int) WITH FUNCTION ob.rank(ob.colour) AS ASSIGNMENT;
CREATE CAST (text AS ob.pair) WITH INOUT; COMMENT ON CAST (ob.colour AS int) IS 'cast';
CREATE CONVERSION ob.conv FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
CREATE TRANSFORM FOR hstore LANGUAGE plpgsql (FROM SQL WITH FUNCTION prsd_lextype(internal));
CREATE TEXT SEARCH PARSER ob.parser (START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end, LEXTYPES = prsd_lextype, HEADLINE = prsd_headline);
CREATE TEXT SEARCH TEMPLATE ob.template (INIT = dsimple_init, LEXIZE = dsimple_lexize); CREATE TEXT SEARCH DICTIONARY ob.dict (TEMPLATE = ob.template, accept = false);
CREATE TEXT SEARCH CONFIGURATION ob.search (PARSER = ob.parser); ALTER TEXT SEARCH CONFIGURATION ob.search ADD MAPPING FOR asciiword, word WITH ob.dict, english_stem;
CREATE ACCESS METHOD ob_heap TYPE TABLE HANDLER heap_tableam_handler; CREATE ACCESS METHOD ob_tree TYPE INDEX HANDLER bthandler;
CREATE FUNCTION ob.handler() RETURNS language_handler LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_call_handler'; CREATE TRUSTED LANGUAGE ob_lang HANDLER ob.handler; COMMENT ON LANGUAGE ob_lang IS 'l'; GRANT USAGE ON LANGUAGE ob_lang TO ob_reader;

-- Foreign data.
CREATE FOREIGN DATA WRAPPER ob_fdw OPTIONS (debug 'true'); GRANT USAGE ON FOREIGN DATA WRAPPER ob_fdw TO ob_reader;
CREATE SERVER ob_server TYPE 't' VERSION '1' FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'nowhere', dbname 'x');
CREATE USER MAPPING FOR ob_reader SERVER ob_server OPTIONS (user 'u', password 'hidden'); CREATE USER MAPPING FOR PUBLIC SERVER ob_server;
CREATE FOREIGN TABLE ob.abroad (a int OPTIONS (column_name 'b'), CHECK (a > 0)) SERVER ob_server OPTIONS (table_name 't');

-- Tables.
CREATE TABLE ob.nobody (); INSERT INTO ob.nobody DEFAULT VALUES; INSERT INTO ob.nobody DEFAULT VALUES;
CREATE TABLE ob."Quoted.""name" ("a.b" int, " " text, "xmin2" int, "select" text DEFAULT E'a\'b\\', "ü" ob.shorter); INSERT INTO ob."Quoted.""name" VALUES (1, ' ', 2, DEFAULT, 'y');
CREATE TABLE ob.abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk (abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk int PRIMARY KEY);
CREATE TABLE "Ob; -- Name: ""x""; Type: TABLE"."t; Schema: b; Owner: c" (a int PRIMARY KEY); INSERT INTO "Ob; -- Name: ""x""; Type: TABLE"."t; Schema: b; Owner: c" VALUES (1);
CREATE TABLE ob.dropped (a int, gone text, b text NOT NULL, c int DEFAULT 7); INSERT INTO ob.dropped VALUES (1, 'g', 'b'); ALTER TABLE ob.dropped DROP COLUMN gone;
ALTER TABLE ob.dropped ADD COLUMN added timestamptz DEFAULT '2020-01-01 00:00:00+00', ALTER b SET STORAGE external, ALTER b SET STATISTICS 7, ALTER a SET (n_distinct = -0.5);
CREATE UNLOGGED TABLE ob.unlogged (a int) WITH (fillfactor = 50, autovacuum_enabled = false); INSERT INTO ob.unlogged VALUES (1);
CREATE TABLE ob.other_method (a int) USING ob_heap; INSERT INTO ob.other_method VALUES (5); ALTER TABLE ob.other_method OWNER TO ob_owner;
CREATE TABLE ob.typed OF ob.pair (PRIMARY KEY (a), "B b" WITH OPTIONS DEFAULT 'd'); INSERT INTO ob.typed VALUES (1);
CREATE TABLE ob.computed (a int, b int GENERATED ALWAYS AS (a * 2) STORED, c int GENERATED BY DEFAULT AS IDENTITY (INCREMENT 5 MINVALUE -10 MAXVALUE 100 START 20 CYCLE CACHE 3), d int GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME ob.of_d));
INSERT INTO ob.computed (a) VALUES (1), (2);
CREATE TABLE ob.kinds (a ob.colour DEFAULT 'first', b ob.colour[] DEFAULT '{red,it''s}', c ob.pair, d ob.pairs, e ob.span, f ob.short, g hstore, h other.citext PRIMARY KEY, i ob.shell, j text COLLATE ob.swedish, k ob.spans, l xml, m bit(3), n varbit, o tsvector, p money, q pg_lsn, r regclass);
INSERT INTO ob.kinds VALUES (DEFAULT, DEFAULT, '(1,"a,""b")', ARRAY[ROW(2, NULL)::ob.pair], '[1.5,)', 'abc', 'a=>1,b=>NULL', 'MiXed', '7', 'å', '{[1,2),[3,4)}', '<a/>', B'101', B'', 'a:1 b', '$1.50', '0/16', 'ob.computed'), (NULL, NULL, NULL, NULL, 'empty', 'x', '', 'b', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);

-- Parents and children.
CREATE TABLE ob.parent (id int PRIMARY KEY, a text NOT NULL CHECK (a <> '') NO INHERIT, CONSTRAINT positive CHECK (id > 0)); INSERT INTO ob.parent VALUES (1, 'parent');
CREATE TABLE ob.child (extra text, a text DEFAULT 'mine') INHERITS (ob.parent); INSERT INTO ob.child (id, extra) VALUES (2, 'e');
CREATE TABLE ob.grandchild () INHERITS (ob.child); INSERT INTO ob.grandchild VALUES (3, 'b', 'c'); ALTER TABLE ob.grandchild ALTER a DROP DEFAULT;
CREATE TABLE ob.parts (id int, region text, at date, PRIMARY KEY (id, region, at)) PARTITION BY LIST (region);
CREATE TABLE ob.parts_eu PARTITION OF ob.parts FOR VALUES IN ('de', 'fr', NULL) PARTITION BY RANGE (at, id);
CREATE TABLE other.parts_eu_1 PARTITION OF ob.parts_eu FOR VALUES FROM (MINVALUE, MINVALUE) TO ('2024-01-01', 0); CREATE TABLE ob.parts_eu_2 PARTITION OF ob.parts_eu DEFAULT WITH (fillfactor = 90);
CREATE TABLE ob.parts_us (at date NOT NULL, dropped int, id int NOT NULL, region text NOT NULL); ALTER TABLE ob.parts_us DROP COLUMN dropped; ALTER TABLE ob.parts ATTACH PARTITION ob.parts_us FOR VALUES IN ('us');
CREATE TABLE ob.parts_none PARTITION OF ob.parts DEFAULT; ALTER TABLE ob.parts DETACH PARTITION ob.parts_none;
INSERT INTO ob.parts SELECT i, (ARRAY['de', 'fr', 'us'])[i % 3 + 1], date '2023-12-01' + i FROM generate_series(1, 90) i;
CREATE TABLE ob.hashed (k text PRIMARY KEY, v int) PARTITION BY HASH (k); CREATE TABLE ob.hashed_0 PARTITION OF ob.hashed FOR VALUES WITH (MODULUS 2, REMAINDER 0); CREATE TABLE ob.hashed_1 PARTITION OF ob.hashed FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO ob.hashed SELECT 'k' || i, i FROM generate_series(1, 50) i; CREATE INDEX hashed_v ON ob.hashed (v); CREATE INDEX hashed_1_own ON ob.hashed_1 (v DESC NULLS LAST);
CREATE TABLE ob.refers (id int, region text, at date, FOREIGN KEY (id, region, at) REFERENCES ob.parts MATCH FULL ON UPDATE CASCADE) PARTITION BY RANGE (id); CREATE TABLE ob.refers_1 PARTITION OF ob.refers FOR VALUES FROM (0) TO (100);
INSERT INTO ob.refers SELECT id, region, at FROM ob.parts;

-- Constraints and indexes.
CREATE TABLE ob.left_side (id int PRIMARY KEY, r int, self int REFERENCES ob.left_side DEFERRABLE INITIALLY DEFERRED, UNIQUE (r) DEFERRABLE, UNIQUE NULLS NOT DISTINCT (self, r) INCLUDE (id));
CREATE TABLE ob.right_side (id int PRIMARY KEY, l int REFERENCES ob.left_side ON DELETE SET NULL ON UPDATE CASCADE, during tstzrange, EXCLUDE USING gist (id WITH =, during WITH &&) WHERE (id > 0) DEFERRABLE);
ALTER TABLE ob.left_side ADD CONSTRAINT crossed FOREIGN KEY (r) REFERENCES ob.right_side; INSERT INTO ob.right_side VALUES (1, NULL), (2, NULL); INSERT INTO ob.left_side VALUES (10, 1, 10), (11, 2, 10); UPDATE ob.right_side SET l = 10;
ALTER TABLE ob.left_side DISABLE TRIGGER ALL; INSERT INTO ob.left_side VALUES (99, NULL, NULL); ALTER TABLE ob.left_side ENABLE TRIGGER ALL;
ALTER TABLE ob.left_side ADD CONSTRAINT unproven FOREIGN KEY (id) REFERENCES ob.right_side NOT VALID, ADD CONSTRAINT unchecked CHECK (id < 50) NOT VALID; COMMENT ON CONSTRAINT unproven ON ob.left_side IS 'not yet';
CREATE UNIQUE INDEX partial ON ob.left_side (id, (r + 1) DESC) WHERE r IS NOT NULL; CREATE INDEX trigrams ON ob.typed USING gin ("B b" gin_trgm_ops) WITH (fastupdate = off); CREATE INDEX backwards ON ob.typed (a ob.int_backwards);
CREATE INDEX collated ON ob.kinds (j COLLATE "C" text_pattern_ops); ALTER INDEX ob.partial ALTER COLUMN 2 SET STATISTICS 500;
ALTER TABLE ob.left_side CLUSTER ON left_side_pkey; ALTER TABLE ob.dropped REPLICA IDENTITY FULL; CREATE UNIQUE INDEX identity ON ob.parent (id, a); ALTER TABLE ob.parent REPLICA IDENTITY USING INDEX identity;
CREATE STATISTICS ob.stat (ndistinct, mcv) ON a, b FROM ob.computed; ALTER STATISTICS ob.stat SET STATISTICS 9; CREATE STATISTICS ob.of_expression ON (a % 3), c FROM ob.computed; COMMENT ON STATISTICS ob.stat IS 's';

-- Views.
CREATE VIEW ob.by_key AS SELECT id, a, count(*) FROM ob.parent GROUP BY id; CREATE VIEW ob.of_view AS SELECT * FROM ob.by_key WHERE count > 0; ALTER VIEW ob.of_view ALTER COLUMN a SET DEFAULT 'z';
CREATE VIEW ob.checked WITH (security_barrier, security_invoker) AS SELECT id, a FROM ob.parent WHERE id > 0 WITH LOCAL CHECK OPTION; CREATE RECURSIVE VIEW ob.counted (n) AS SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < 5;
CREATE VIEW ob.circle AS SELECT 1 AS a; CREATE FUNCTION ob.around() RETURNS SETOF ob.circle LANGUAGE sql AS 'SELECT * FROM ob.circle'; CREATE OR REPLACE VIEW ob.circle AS SELECT a FROM ob.around();
CREATE MATERIALIZED VIEW ob.a_last AS SELECT id FROM ob.parent; CREATE MATERIALIZED VIEW ob.a_first AS SELECT count(*) AS n FROM ob.a_last WITH DATA; CREATE MATERIALIZED VIEW ob.unpopulated AS SELECT * FROM ob.a_first WITH NO DATA; CREATE UNIQUE INDEX of_matview ON ob.a_last (id);
CREATE RULE divert AS ON INSERT TO ob.by_key DO INSTEAD INSERT INTO ob.parent VALUES (new.id, new.a); CREATE RULE logged AS ON UPDATE TO ob.dropped WHERE old.a > 5 DO ALSO NOTHING; ALTER TABLE ob.dropped DISABLE RULE logged; COMMENT ON RULE divert ON ob.by_key IS 'r';
GRANT SELECT (id), UPDATE (a) ON ob.checked TO ob_reader; ALTER VIEW ob.checked OWNER TO ob_owner;

-- Triggers.
CREATE FUNCTION ob.fires() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'a trigger fired'; END $$; CREATE FUNCTION ob.fires_on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'an event trigger fired'; END $$;
CREATE TRIGGER usual BEFORE INSERT OR UPDATE OF a ON ob.dropped FOR EACH ROW WHEN (new.a > 0) EXECUTE FUNCTION ob.fires('it''s', 'b'); CREATE TRIGGER always AFTER TRUNCATE ON ob.dropped EXECUTE FUNCTION ob.fires(); ALTER TABLE ob.dropped ENABLE ALWAYS TRIGGER always;
CREATE TRIGGER replica AFTER DELETE ON ob.dropped REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION ob.fires(); ALTER TABLE ob.dropped ENABLE REPLICA TRIGGER replica; CREATE CONSTRAINT TRIGGER late AFTER INSERT ON ob.dropped DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ob.fires();
CREATE TRIGGER on_parts AFTER INSERT ON ob.parts FOR EACH ROW EXECUTE FUNCTION ob.fires(); ALTER TABLE ob.parts_us DISABLE TRIGGER on_parts; CREATE TRIGGER on_view INSTEAD OF INSERT ON ob.of_view FOR EACH ROW EXECUTE FUNCTION ob.fires(); COMMENT ON TRIGGER usual ON ob.dropped IS 't';

-- Rows that only some may see.
CREATE TABLE ob.secretive (a int, who name DEFAULT current_user); INSERT INTO ob.secretive VALUES (1, 'x'); ALTER TABLE ob.secretive ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON ob.secretive USING (who = current_user) WITH CHECK (a > 0); CREATE POLICY strict ON ob.secretive AS RESTRICTIVE FOR SELECT TO ob_reader, ob_writer USING (a < 100); COMMENT ON POLICY own ON ob.secretive IS 'p';
GRANT SELECT, INSERT ON ob.secretive TO ob_reader WITH GRANT OPTION; SET SESSION AUTHORIZATION ob_reader; GRANT SELECT ON ob.secretive TO ob_writer; RESET SESSION AUTHORIZATION; REVOKE ALL ON ob.parent FROM PUBLIC; GRANT ALL ON ob.parent TO PUBLIC; GRANT UPDATE (a) ON ob.parent TO ob_writer;

-- Sequences.
CREATE SEQUENCE ob.counter AS smallint INCREMENT -2 MINVALUE -100 MAXVALUE 100 START 50 CACHE 4 CYCLE; SELECT nextval('ob.counter'), nextval('ob.counter'); CREATE SEQUENCE ob.fresh; SELECT setval('ob.fresh', 77, false); CREATE SEQUENCE ob.owned OWNED BY ob.parent.id; GRANT USAGE ON SEQUENCE ob.counter TO ob_reader; CREATE UNLOGGED SEQUENCE ob.light;

-- Replication, defaults, events.
CREATE PUBLICATION ob_all FOR ALL TABLES WITH (publish = 'insert'); CREATE PUBLICATION ob_some FOR TABLE ONLY ob.parent (id, a) WHERE (id > 1), ob.typed; CREATE PUBLICATION ob_schema FOR TABLES IN SCHEMA other WITH (publish_via_partition_root); COMMENT ON PUBLICATION ob_all IS 'everything'; CREATE SUBSCRIPTION ob_sub CONNECTION 'host=/nowhere dbname=x password=hidden' PUBLICATION p, q WITH (connect = false, slot_name = NONE);
ALTER DEFAULT PRIVILEGES FOR ROLE ob_owner IN SCHEMA ob GRANT SELECT ON TABLES TO ob_reader; ALTER DEFAULT PRIVILEGES FOR ROLE ob_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
CREATE EVENT TRIGGER ob_events ON ddl_command_end WHEN TAG IN ('CREATE TABLE', 'DROP TABLE') EXECUTE FUNCTION ob.fires_on_ddl(); ALTER EVENT TRIGGER ob_events ENABLE ALWAYS; COMMENT ON EVENT TRIGGER ob_events IS 'e'; CREATE EVENT TRIGGER ob_off ON sql_drop EXECUTE FUNCTION ob.fires_on_ddl(); ALTER EVENT TRIGGER ob_off DISABLE;

-- Large objects.
SELECT lo_from_bytea(424201, repeat('page', 2000)::bytea), lo_create(424202), lo_from_bytea(424203, ''); ALTER LARGE OBJECT 424201 OWNER TO ob_owner; GRANT SELECT ON LARGE OBJECT 424201 TO ob_reader WITH GRANT OPTION; COMMENT ON LARGE OBJECT 424202 IS 'empty';
