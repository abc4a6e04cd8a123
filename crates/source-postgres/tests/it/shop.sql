CREATE SCHEMA app;
CREATE TYPE app.mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN app.price AS numeric(12,2) CHECK (VALUE >= 0);
CREATE FUNCTION app.label(n integer) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'n' || n; -- Name: x; Type: TABLE; Schema: public; Owner: a
$$;
CREATE TABLE app.customer (
    id serial PRIMARY KEY, name text NOT NULL UNIQUE, mood app.mood DEFAULT 'ok', best integer,
    born date, seen timestamptz, balance app.price, "Mixed Case" text
);
CREATE TABLE app.orders (
    id bigint GENERATED ALWAYS AS IDENTITY (START WITH 100), customer integer NOT NULL REFERENCES app.customer ON DELETE CASCADE DEFERRABLE,
    placed timestamp, total numeric(10,3), note text, doubled numeric GENERATED ALWAYS AS (total * 2) STORED, PRIMARY KEY (id)
);
ALTER TABLE app.customer ADD CONSTRAINT best_order FOREIGN KEY (best) REFERENCES app.customer (id) DEFERRABLE INITIALLY DEFERRED;
CREATE INDEX orders_note_idx ON app.orders (note) WHERE note IS NOT NULL;
CREATE INDEX by_label ON app.customer (app.label(id));
CREATE TABLE app.log (at date NOT NULL, line text) PARTITION BY RANGE (at);
CREATE TABLE app.log_2025 PARTITION OF app.log FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE app.log_rest PARTITION OF app.log DEFAULT;
CREATE INDEX log_at ON app.log (at);
CREATE VIEW app.rich AS SELECT id, name, count(*) AS n FROM app.customer GROUP BY id;
CREATE MATERIALIZED VIEW app.totals AS SELECT customer, sum(total) AS total FROM app.orders GROUP BY customer;
CREATE UNIQUE INDEX ON app.totals (customer);
CREATE MATERIALIZED VIEW app.idle AS SELECT 1 AS one WITH NO DATA;
CREATE FUNCTION app.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'a trigger fired'; END $$;
CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON app.orders FOR EACH ROW EXECUTE FUNCTION app.refuse();
ALTER TABLE app.orders DISABLE TRIGGER refuse;
ALTER TABLE app.orders ENABLE ALWAYS TRIGGER refuse;
COMMENT ON TABLE app.orders IS 'it''s orders; -- Name: y; Type: VIEW';
COMMENT ON COLUMN app.customer.name IS 'who';
COMMENT ON INDEX app.by_label IS 'an index';
CREATE TABLE public."Odd "" name" ("a b" int, c float8, d float4, e bytea, f jsonb, g json, h uuid, i interval, j int[], k time, l bool, m inet, n "char", o char(5));
INSERT INTO public."Odd "" name" VALUES (1, 'NaN', '-0', '\x00ff', '{"a": 1.0}', '{"b" :2}', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '1 mon -2 days 03:04:05.6', '{1,NULL}', '24:00:00', true, '10.0.0.1/8', 'x', 'ab'),
    (NULL, 'Infinity', 1e-40, '', 'null', '[]', NULL, NULL, '[0:1]={1,2}', '00:00:00.000001', false, '::1', '', '');
ALTER TABLE app.orders DISABLE TRIGGER refuse;
INSERT INTO app.customer (name, mood, born, seen, balance, "Mixed Case") SELECT 'c' || i, (ARRAY['sad','ok','happy'])[i % 3 + 1]::app.mood,
    date '2000-01-01' + i, timestamptz '2020-01-01 00:00:00+00' + i * interval '1 hour', i * 1.25, E'tab\tnew\nline\\' || i FROM generate_series(1, 500) i;
UPDATE app.customer SET best = id % 500 + 1;
UPDATE app.customer SET born = 'infinity', seen = '-infinity' WHERE id = 7;
UPDATE app.customer SET born = '4713-01-01 BC', seen = '0044-03-15 12:00 BC' WHERE id = 8;
INSERT INTO app.orders (customer, placed, total, note) SELECT i % 500 + 1, timestamp '2024-02-29 12:00' + i * interval '17 minutes', i * 0.001 - 1, CASE WHEN i % 5 > 0 THEN 'note ' || i END
    FROM generate_series(1, 2000) i;
INSERT INTO app.log SELECT date '2024-12-01' + i, 'line ' || i FROM generate_series(1, 300) i;
ALTER TABLE app.orders ENABLE ALWAYS TRIGGER refuse;
REFRESH MATERIALIZED VIEW app.totals;
